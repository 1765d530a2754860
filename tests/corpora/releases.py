"""Repositories made from the releases of real projects: wheels from the package index, a commit and a tag each.

Nothing of them is kept in this repository. They are downloaded when a test asks for them, once, into `build/wheels`.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support.project import ini_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.project import Project

CACHE = Path(__file__).parents[2] / "build" / "wheels"


class Releases(NamedTuple):
    """A distribution and the versions to take, oldest first; `folder` of each holds the revisions."""

    name: str
    versions: tuple[str, ...]
    folder: str

    def wheels(self) -> list[Path]:
        """Return the wheels, downloaded where they are not there yet; fails the test where they cannot be had."""
        CACHE.mkdir(parents=True, exist_ok=True)
        with open(CACHE / f"{self.name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return [self._cached(version) or self._download(version) for version in self.versions]

    def _cached(self, version: str) -> Path | None:
        return next(CACHE.glob(f"{self.name.replace('-', '_')}-{version}-*.whl"), None)

    def _download(self, version: str) -> Path:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", str(CACHE)]
        pip += ["--no-deps", "--only-binary=:all:", "--python-version", "3.10", f"{self.name}=={version}"]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        wheel = self._cached(version)
        if done.returncode or wheel is None:
            said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["it gave no reason"]
            pytest.fail(
                f"{self.name} {version} is not in {CACHE.relative_to(CACHE.parents[1])} and pip cannot download it"
                f" from the package index: {said[-1].removeprefix('ERROR: ')}",
                pytrace=False,
            )
        return wheel

    def commit_to(self, project: Project, ours: Mapping[str, str]) -> None:
        """Commit what is below `folder` of every release, each tagged with its version; files of `ours` lie beside."""
        for version, wheel in zip(self.versions, self.wheels(), strict=True):
            project.git("rm", "-r", "--quiet", "--ignore-unmatch", self.folder)
            with zipfile.ZipFile(wheel) as archive:
                for name in archive.namelist():
                    if name.startswith(f"{self.folder}/"):
                        project.write(name, archive.read(name))
            for name, text in ours.items():
                project.write(name, text)
            project.commit(f"{self.name} {version}")
            project.git("tag", version)


def ini_of(project: Project, *version_locations: str) -> str:
    """Return an alembic.ini of ours: Alembic's own, with version locations."""
    text = ini_text(f"%(here)s/{project.script_location}", project.url)
    named = ";".join(f"%(here)s/{one}" for one in version_locations)
    lines = f"[alembic]\nversion_locations = {named}\nversion_path_separator = ;"
    return text.replace("[alembic]", lines, 1).replace("\npath_separator = os\n", "\n")

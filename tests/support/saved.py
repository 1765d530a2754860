"""A project that is put back to what it was, in a tenth of the time that it takes to make one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.project import Project


class Saved:
    """A copy of all files of a project. The database keeps its inode, so that it is no other file afterwards."""

    def __init__(self, project: Project, folder: Path) -> None:
        self._project = project
        self._folder = folder
        self._clock = project.clock
        self._database = project.top / "dev.db"
        self._content = self._database.read_bytes()
        project.git("config", "core.checkStat", "minimal")
        project.git("config", "core.trustctime", "false")
        shutil.copytree(project.top, folder, symlinks=True, ignore=shutil.ignore_patterns("dev.db*"))

    def restore(self) -> Project:
        """Put everything back and return the project."""
        for path in self._project.top.iterdir():
            if path != self._database:
                (shutil.rmtree if path.is_dir() and not path.is_symlink() else type(path).unlink)(path)
        shutil.copytree(self._folder, self._project.top, symlinks=True, dirs_exist_ok=True)
        self._database.write_bytes(self._content)
        self._project.environ.clear()
        self._project.clock = self._clock
        self._project.git("update-index", "-q", "--refresh")
        return self._project

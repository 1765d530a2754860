"""A repository whose hooks start a recorder where dbsync's interpreter would be."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from dbsync.git.hooks import CHECKS, install
from dbsync.git.repository import Repository
from dbsync.store.gate import write_gate

if TYPE_CHECKING:
    from tests.support.project import Project

# Files: the block, as with any git before 2.54.
BY_FILES = (2, 39)
BY_CONFIG = (2, 54)

# The ways in which this machine's git runs hooks: every git runs hook files.
RUNNING = tuple(map(int, re.findall(r"\d+", subprocess.check_output(["git", "version"], text=True))[:2]))
WAYS = [BY_FILES, BY_CONFIG] if RUNNING >= BY_CONFIG else [BY_FILES]

# Every character that a shell, git or the gate's own format could stumble over.
HOSTILE = "a b'c\"d$(touch pwned)`touch pwned`\\n*?[é]#;&|<> ü"

RECORDER = """\
#!/bin/sh
# Called as an interpreter: -P -c CODE hook NAME ARGUMENTS
[ "$1 $2 $3 $4" = '-P -c from dbsync.cli.main import main; main() hook' ] || exit 99
shift 4
printf '%s\\n' "$*" >>"${0%/*}/ran"
cat >>"${0%/*}/stdin"
exit 7
"""


class Hooked:
    """A project with dbsync's hooks, and what the recorder was told."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project = project
        self.git = project.git
        self.folder = folder
        folder.mkdir()
        self.interpreter = folder / "python"
        self.interpreter.write_text(RECORDER)
        self.interpreter.chmod(0o755)
        project.git("branch", "other")

    @property
    def repository(self) -> Repository:
        return Repository.discover(str(self.project.top), os.environ)

    def install(self, version: tuple[int, ...] = BY_FILES):
        return install(self.repository, str(self.interpreter), git_version=version)

    def ran(self) -> list[str]:
        """Return what the recorder was started with since last asked, by the hooks after git has acted."""
        return [line for line in self._started() if line not in CHECKS]

    def checked(self) -> list[str]:
        """Return what the recorder was started with since last asked, by the hooks before a commit."""
        return [line for line in self._started() if line in CHECKS]

    def _started(self) -> list[str]:
        path = self.folder / "ran"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def answer(self, code: int) -> None:
        """Let what stands for dbsync end with this exit code."""
        self.interpreter.write_text(RECORDER.replace("exit 7", f"exit {code}"))

    def stdin(self) -> str:
        path = self.folder / "stdin"
        return path.read_text() if path.exists() else ""

    def let_pass(self, *paths: str) -> bool:
        """Write the gate for what HEAD holds at these paths."""
        entries = {path: self.oid(path) for path in paths or ("alembic.ini", "migrations", "pyproject.toml")}
        return write_gate(self.repository.git_dir, entries)

    def oid(self, path: str) -> str | None:
        return self.git("rev-parse", "--verify", "--quiet", f"HEAD:{path}", check=False).out.strip() or None

    def commit(self, path: str = "README", text: str = "text") -> str:
        self.project.write(path, text)
        return self.project.commit(f"Write {path[:20]!r}")

    def hook_file(self, name: str = "post-checkout") -> Path:
        """Return where Git looks for a hook when nothing else is configured."""
        path = Path(self.repository.common_dir, "hooks", name)
        path.parent.mkdir(exist_ok=True)
        return path

    def write_hook(self, content: str | bytes, mode: int = 0o755, name: str = "post-checkout") -> Path:
        """Write a hook of the developer's own."""
        path = self.hook_file(name)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def said(self) -> str:
        """Return what a hook of the developer's own left, by way of a file `said` in the work tree."""
        path = self.project.path("said")
        return path.read_text() if path.exists() else ""


def picture(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file below a folder with its mode and content; a symbolic link's content is where it points."""
    return {
        str(path.relative_to(folder)): (
            stat.S_IMODE(path.lstat().st_mode),
            os.readlink(path).encode() if path.is_symlink() else path.read_bytes(),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }

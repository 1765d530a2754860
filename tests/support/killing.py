"""Killing a process of dbsync at a line of its own code: whichever it is, the next command finishes or rolls back.

Python loads `sitecustomize` when it starts (site.html); this one counts the lines that run, from the moment that
something is recorded as under way, and ends the process by SIGKILL at one of them.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.project import Project

SITECUSTOMIZE = """
import os, signal, sys

at, whom, note = (os.environ.get(f"KILL_{name}", "") for name in ("AT", "WHOM", "SAID"))
FOLDERS = {"dbsync": ("/dbsync/sync/", "/dbsync/store/", "/dbsync/ledger/"), "worker": ("/dbsync/worker/",)}
BEGINS = {"dbsync": ("begin",), "worker": ("_perform", "swap")}
said = " ".join(sys.orig_argv)
me = "worker" if "_dbsync_worker" in said else "dbsync" if "dbsync" in said else ""

if at and me == whom:
    count, begun = 0, False

    def line(frame, event, argument):
        global count
        if event == "line" and begun:
            count += 1
            if count == int(at):
                os.kill(os.getpid(), signal.SIGKILL)
            if note and not count % 10:
                with open(note, "w") as file:
                    file.write(str(count))
        return line

    def call(frame, event, argument):
        global begun
        if any(folder in frame.f_code.co_filename for folder in FOLDERS[whom]):
            begun = begun or frame.f_code.co_name in BEGINS[whom]
            return line

    sys.settrace(call)
"""


class Mortal:
    """A project whose dbsync can be killed, and that can be put back to where it was when this was made."""

    def __init__(self, project: Project, saved: Path) -> None:
        self.project = project
        self._saved = saved
        self._database = project.database.removeprefix("sqlite:///")
        (saved / "python").mkdir(parents=True)
        (saved / "python/sitecustomize.py").write_text(SITECUSTOMIZE)
        self._branch = project.git("branch", "--show-current").out.strip()
        shutil.copytree(project.path(".git/dbsync"), saved / "state")
        shutil.copyfile(self._database, saved / "dev.db")

    def lines(self, whom: str, *argv: str) -> int:
        """Return how many lines `dbsync` or its `worker` run for a command once something is under way, by tens."""
        said = self._saved / whom
        self._run(*argv, at="-1", whom=whom, said=str(said))
        self.put_back()
        return int(said.read_text())

    def kill(self, whom: str, at: int, *argv: str) -> None:
        """Run a command whose `dbsync` or `worker` is killed at a line."""
        self._run(*argv, at=str(at), whom=whom, said="")

    def _run(self, *argv: str, **killing: str) -> None:
        environ = {f"KILL_{name.upper()}": value for name, value in killing.items()}
        self.project.run(*argv, env={**environ, "PYTHONPATH": str(self._saved / "python")})

    def put_back(self) -> None:
        """Make database, state and branch what they were; the database's file stays the same one."""
        for end in ("-journal", "-wal", "-shm"):
            self.project.path(f"dev.db{end}").unlink(missing_ok=True)
        shutil.copyfile(self._saved / "dev.db", self._database)
        shutil.rmtree(self.project.path(".git/dbsync"))
        shutil.copytree(self._saved / "state", self.project.path(".git/dbsync"))
        for name in ("dbsync-pending", "dbsync-gate", "dbsync-verdict"):
            self.project.path(f".git/{name}").unlink(missing_ok=True)
        self.project.git("switch", "--quiet", self._branch, env={"DBSYNC": "off"})

"""What every verb is given, and what it gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.errors import EXIT_FINDING, EXIT_LOCKED, EXIT_OK
from dbsync.git.repository import Repository
from dbsync.sync.project import Project

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping

    from dbsync.sync.catch_up import Result
    from dbsync.sync.on_server import Waiting

WAIT_SECONDS = 3600.0


def _silent(_: str) -> None:
    """Show nothing."""


class Context(NamedTuple):
    """The caller's surroundings, read once by the command line.

    `confirm` asks a question and returns the answer; it returns False where nobody can be asked. `read_input` returns
    standard input. `progress` shows what is being done while that lasts, and nothing any more for "".
    """

    cwd: str
    environ: Mapping[str, str]
    confirm: Callable[[str], bool]
    read_input: Callable[[], str]
    progress: Callable[[str], None] = _silent

    def project(self) -> Project:
        """Open the repository that the caller stands in. Raises `DbsyncError` where there is none."""
        return Project(Repository.discover(self.cwd, self.environ), self.environ)


def waiting_of(context: Context, options: Namespace) -> Waiting:
    """Return how long others who are connected to a database are waited for: `--wait`."""
    from dbsync.sync.on_server import Waiting

    return Waiting(WAIT_SECONDS if options.wait else 0.0, context.progress)


class Report(NamedTuple):
    """A verb's exit code and what it found, for the command line to show."""

    exit_code: int
    value: Any


def exit_code_of(result: Result) -> int:
    """Return 0 where the databases match, 3 where somebody else was at it, 1 for anything in the way."""
    if result.in_sync:
        return EXIT_OK
    return EXIT_LOCKED if result.locked else EXIT_FINDING

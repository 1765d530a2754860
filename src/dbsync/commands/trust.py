"""`dbsync trust [REF]`: let hooks run the code of a commit, and of what it is built on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.commands.context import Report
from dbsync.commands.sync import require_initialised
from dbsync.errors import EXIT_OK, EXIT_USAGE, DbsyncError
from dbsync.sync.trusted import trust_of

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context
    from dbsync.git.repository import Repository


class Trusted(NamedTuple):
    """The commit that is trusted now, and its subject."""

    commit: str
    subject: str


def run(context: Context, options: Namespace) -> Report:
    """Trust the commit that `ref` names (HEAD by default)."""
    project = context.project()
    require_initialised(project)
    commit = project.repository.commit_of(options.ref or "HEAD")
    if commit is None:
        raise DbsyncError(
            f"{options.ref!r} names no commit", "`git log --oneline --all` lists them", exit_code=EXIT_USAGE
        )
    trust_of(project).add(commit)
    return Report(EXIT_OK, Trusted(commit, _subject(project.repository, commit)))


def _subject(repository: Repository, commit: str) -> str:
    said = repository.line("rev-list", "--max-count=1", "--format=%an: %s", commit)
    return said.rpartition("\n")[2]

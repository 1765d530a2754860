"""`dbsync sync`: make the databases what the work tree says, or another ref."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.commands.context import Report, exit_code_of
from dbsync.errors import EXIT_FINDING, EXIT_OK, EXIT_USAGE, DbsyncError
from dbsync.store.databases import adopted
from dbsync.sync.catch_up import Result, catch_up
from dbsync.sync.held import hold
from dbsync.sync.rebuild import Rebuilt, rebuild
from dbsync.sync.rules import Rules
from dbsync.sync.status import EnvironmentStatus, environment_status

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context
    from dbsync.sync.project import Project


class Synced(NamedTuple):
    """What a sync did; `planned` instead where it was a dry run; `rebuilt` is what was built anew before it."""

    result: Result | None
    planned: list[EnvironmentStatus]
    rebuilt: list[Rebuilt] = []  # noqa: RUF012 - of a NamedTuple, and never changed


def run(context: Context, options: Namespace) -> Report:
    """Sync; `options` holds `to` (a ref or None), `yes`, `rebuild` and `dry_run`."""
    project = context.project()
    require_initialised(project)
    if options.rebuild and (options.to or options.dry_run):
        raise DbsyncError("--rebuild goes to the work tree", "`dbsync sync --rebuild` alone", exit_code=EXIT_USAGE)
    commit = _commit(project, options.to)
    if options.dry_run:
        return _planned(project, commit)
    if commit is None:
        hold(project, "")
    rebuilt = rebuild(project) if options.rebuild else []
    result = catch_up(project, Rules(accept_loss=options.yes), commit)
    if commit and result.carried_out:
        hold(project, commit)
    return Report(EXIT_FINDING if result.elsewhere else exit_code_of(result), Synced(result, [], rebuilt))


def require_initialised(project: Project) -> None:
    """Raise `DbsyncError` where no database was adopted here: none would be in sync for want of any."""
    if not any(True for _ in adopted(project.layout)):
        raise DbsyncError(
            "no database was given to dbsync in this repository yet", "`dbsync init`", exit_code=EXIT_USAGE
        )


def _commit(project: Project, ref: str | None) -> str | None:
    if ref is None:
        return None
    commit = project.repository.commit_of(ref)
    if commit is None:
        raise DbsyncError(f"{ref!r} names no commit", "`git log --oneline --all` lists them", exit_code=EXIT_USAGE)
    return commit


def _planned(project: Project, commit: str | None) -> Report:
    environments, obstacles = project.environments()
    statuses = [environment_status(project, one, commit=commit) for one in environments]
    found = bool(obstacles or any(one.obstacles for one in statuses))
    return Report(EXIT_FINDING if found else EXIT_OK, Synced(None, statuses))

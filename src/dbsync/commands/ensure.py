"""`dbsync ensure`: for application and test start. In sync, moved, or a database never adopted: 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.commands.context import Report, exit_code_of
from dbsync.commands.sync import Synced
from dbsync.errors import EXIT_FINDING, EXIT_OK, Obstacle
from dbsync.sync.catch_up import Result, catch_up
from dbsync.sync.held import held, words
from dbsync.sync.rules import Rules

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context


def run(context: Context, options: Namespace) -> Report:  # noqa: ARG001 - every verb has the same form
    """Bring the databases in sync by the rules of a hook, and say why where that is not possible."""
    project = context.project()
    if not project.layout.initialised or not project.settings.enabled:
        return Report(EXIT_OK, Synced(None, []))
    at = held(project)
    if at:
        message = f"the database is held {words(at)}"
        return Report(
            EXIT_FINDING, Synced(Result([], [Obstacle("DBS306", message, "`dbsync sync` lets it follow")]), [])
        )
    result = catch_up(project, Rules(unasked=True, by="ensure", by_hook=project.settings.auto != "always"))
    return Report(exit_code_of(result), Synced(result, []))

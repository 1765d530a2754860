"""`dbsync worktree [--take]`: a database for this work tree alone, or the other work tree's taken over."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.commands.context import Report, exit_code_of
from dbsync.commands.sync import require_initialised
from dbsync.errors import EXIT_FINDING, EXIT_OK
from dbsync.sync.catch_up import Result, catch_up
from dbsync.sync.rules import Rules
from dbsync.sync.worktree import Provided, clone, take_over

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context
    from dbsync.errors import Obstacle


class Worktree(NamedTuple):
    """What this work tree has now, what stood in the way, and what came of bringing it in sync."""

    provided: list[Provided]
    obstacles: list[Obstacle]
    result: Result | None


def run(context: Context, options: Namespace) -> Report:
    """Make the copies, or change the owner; then bring what env.py connects to in sync."""
    project = context.project()
    require_initialised(project)
    provide = take_over if options.take else clone
    provided: list[Provided] = []
    obstacles: list[Obstacle] = []
    for environment in project.environments()[0]:
        made, obstacle = provide(project, environment)
        provided += made
        obstacles += [obstacle] if obstacle else []
    result = catch_up(project, Rules()) if any(one.leads_here for one in provided) else None
    if obstacles:
        return Report(EXIT_FINDING, Worktree(provided, obstacles, result))
    return Report(exit_code_of(result) if result else EXIT_OK, Worktree(provided, obstacles, result))

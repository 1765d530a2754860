"""`dbsync merge`: join the revision heads with a merge revision that Alembic writes, and move the database to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.commands.context import Report
from dbsync.commands.rebase import exit_code
from dbsync.errors import DbsyncError, Obstacle
from dbsync.sync.edited import Followed, follow_edit
from dbsync.sync.join import Joined, join_heads
from dbsync.sync.sound import sound_graphs

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context


class Merged(NamedTuple):
    """What was written in each environment; `followed` is None where nothing was."""

    environments: list[Joined]
    obstacles: list[Obstacle]
    followed: Followed | None


def run(context: Context, options: Namespace) -> Report:
    """Join the heads of every environment that has several; `options` holds `message` (None: it names the heads)."""
    project = context.project()
    graphs, obstacles = sound_graphs(project)
    joined: list[Joined] = []
    for environment, _ in graphs:
        try:
            joined.append(join_heads(project, environment, options.message))
        except DbsyncError as error:
            if not any(one.path for one in joined):
                raise
            obstacles.append(Obstacle("", error.message, error.hint))  # what was written is to be shown
    paths = [one.path for one in joined if one.path]
    followed = follow_edit(project, paths, context.cwd) if paths else None
    return Report(exit_code(followed, obstacles), Merged(joined, obstacles, followed))

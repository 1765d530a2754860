"""`dbsync merge`: join the revision heads with a merge revision that Alembic writes, and move the database to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.commands.context import Report, exit_code_of
from dbsync.errors import EXIT_FINDING, EXIT_OK, Obstacle
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
    joined = [join_heads(project, environment, options.message) for environment, _ in graphs]
    paths = [one.path for one in joined if one.path]
    followed = follow_edit(project, paths, context.cwd) if paths else None
    result = followed.result if followed else None
    code = exit_code_of(result) if result else EXIT_OK
    elsewhere = result is not None and result.elsewhere
    return Report(code or (EXIT_FINDING if obstacles or elsewhere else EXIT_OK), Merged(joined, obstacles, followed))

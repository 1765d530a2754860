"""`dbsync rebase`: put this git branch's revisions on top of the upstream's, in the files and in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.commands.context import Report, exit_code_of
from dbsync.errors import EXIT_FINDING, EXIT_OK, Obstacle
from dbsync.sync.edited import Followed, follow_edit
from dbsync.sync.reparent import Reparenting, possible_upstreams, reparent, write
from dbsync.sync.sound import sound_graphs

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context


class Rebased(NamedTuple):
    """What was changed in each environment; `followed` is None where nothing was, or it was a dry run."""

    environments: list[Reparenting]
    obstacles: list[Obstacle]
    followed: Followed | None


def run(context: Context, options: Namespace) -> Report:
    """Re-parent; `options` holds `onto` or `upstream`, and `dry_run`. Nothing is written unless all can be."""
    project = context.project()
    graphs, obstacles = sound_graphs(project)
    refs = possible_upstreams(project, options.onto or options.upstream)
    found = [reparent(project, environment, graph, refs) for environment, graph in graphs]
    edits = [edit for one in found for edit in one.edits]
    followed = None
    if edits and not options.dry_run:
        write(project, edits)
        followed = follow_edit(project, [one.revision.path for one in edits], context.cwd)
    return Report(exit_code(followed, obstacles), Rebased(found, obstacles, followed))


def exit_code(followed: Followed | None, obstacles: list[Obstacle]) -> int:
    """Return that of the sync, 1 where it knows nothing of the database or some environment was not looked at."""
    result = followed.result if followed else None
    if result is None or not exit_code_of(result):
        return EXIT_FINDING if obstacles or (result and result.elsewhere) else EXIT_OK
    return exit_code_of(result)

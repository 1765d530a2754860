"""`dbsync undo`: the databases as they were before the last move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.commands.context import Report, waiting_of
from dbsync.commands.sync import require_initialised
from dbsync.errors import EXIT_FINDING, EXIT_LOCKED, EXIT_OK
from dbsync.sync.undo import undo

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context


def run(context: Context, options: Namespace) -> Report:
    """Undo the last run; `options` holds `yes` and `wait`."""
    project = context.project()
    require_initialised(project)
    undone = undo(project, anyway=options.yes, waiting=waiting_of(context, options))
    stopped = [one for one in undone.outcomes if one.obstacles]
    code = EXIT_LOCKED if any(one.locked for one in stopped) else EXIT_FINDING
    return Report(code if stopped else EXIT_OK, undone)

"""`dbsync snapshot save|list|restore|drop NAME`: the databases under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.commands.context import Report, waiting_of
from dbsync.commands.sync import require_initialised
from dbsync.errors import EXIT_OK, EXIT_USAGE, DbsyncError
from dbsync.sync.snapshot import drop, listed, restore, save

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context
    from dbsync.sync.outcome import Moved
    from dbsync.sync.snapshot import Saved


class Snapshots(NamedTuple):
    """What was asked for: what is `saved`, or was just now, or dropped; what a restore `moved`, and if it is held."""

    action: str
    saved: list[Saved]
    moved: list[Moved]
    held: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form (version 1)."""
        return {"version": 1, "snapshots": [_as_json(one) for one in self.saved]}


def _as_json(one: Saved) -> dict[str, Any]:
    names = ("name", "taken_at", "branch", "commit", "size")
    facts = {name: getattr(one.snapshot, name) for name in names}
    return {"database": one.database, **facts, "heads": {track.name: track.heads for track in one.snapshot.tracks}}


def run(context: Context, options: Namespace) -> Report:
    """Save, list, restore or drop; `options` holds `action`, `name` and `wait`."""
    project = context.project()
    require_initialised(project)
    if options.action == "list":
        return Report(EXIT_OK, Snapshots("list", listed(project), []))
    if options.name is None:
        raise DbsyncError("which snapshot?", f"`dbsync snapshot {options.action} NAME`", exit_code=EXIT_USAGE)
    waiting = waiting_of(context, options)
    if options.action == "restore":
        moved, held = restore(project, options.name, waiting)
        return Report(EXIT_OK, Snapshots("restore", [], moved, held))
    save_it = options.action == "save"
    found = save(project, options.name, waiting) if save_it else drop(project, options.name)
    return Report(EXIT_OK, Snapshots(options.action, found, []))

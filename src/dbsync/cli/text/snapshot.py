"""`snapshot` in lines: one a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console
from dbsync.cli.text.shelf import age, size
from dbsync.cli.text.sync import heads_of
from dbsync.cli.text.undo import HELD

if TYPE_CHECKING:
    from dbsync.commands.snapshot import Snapshots
    from dbsync.sync.snapshot import Saved

DONE = {"save": "saved", "drop": "dropped"}


def show(value: Snapshots) -> None:
    """Show what was asked for."""
    for one in value.saved:
        if value.action == "list":
            console.data(console.clean(_line(one)))
        else:
            console.say(console.clean(f"dbsync: {DONE[value.action]} {_line(one)}"))
    for moved in value.moved:
        console.say(console.clean(f"dbsync: {moved.database}  {heads_of(moved.before)} -> {heads_of(moved.after)}"))
    if value.held:
        console.say(HELD)
    if value.action == "list" and not value.saved:
        console.say("dbsync: there is no snapshot")


def _line(one: Saved) -> str:
    snapshot = one.snapshot
    heads = heads_of(tuple(head for track in snapshot.tracks for head in track.heads))
    at = snapshot.branch or snapshot.commit[:12]
    return "  ".join([snapshot.name, one.database, heads, at, size(snapshot.size), f"{age(snapshot.taken_at)} ago"])

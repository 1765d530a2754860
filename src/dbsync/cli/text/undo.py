"""What an undo did, one line a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console
from dbsync.cli.text.sync import heads_of

if TYPE_CHECKING:
    from dbsync.sync.undo import Undone

HELD = "note: it is held there; `dbsync sync` lets it follow again, `dbsync undo` undoes this"


def show(value: Undone) -> None:
    """Show which databases are back where, and what is in the way of the others."""
    for outcome in value.outcomes:
        for one in outcome.moved:
            if one.done:
                heads = f"{heads_of(one.before)} -> {heads_of(one.after)}"
                console.say(console.clean(f"dbsync: {one.database}  {heads}  undone: {value.by}, {value.started}"))
        for obstacle in outcome.obstacles:
            console.obstacle(obstacle)
        for note in outcome.notes:
            console.say(f"note: {console.clean(note)}")
    if value.held:
        console.say(HELD)

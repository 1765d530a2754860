"""`worktree`: what was copied or taken over, and how the project comes to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console
from dbsync.cli.text import sync
from dbsync.commands.sync import Synced

if TYPE_CHECKING:
    from dbsync.commands.worktree import Worktree
    from dbsync.sync.worktree import Provided


def show(value: Worktree) -> None:
    """Show each database, what stood in the way, and the moves."""
    for one in value.provided:
        _show_provided(one)
    for obstacle in value.obstacles:
        console.obstacle(obstacle)
    if value.result:
        sync.show(Synced(value.result, []))


def _show_provided(one: Provided) -> None:
    if not one.source:
        console.say(console.clean(f"dbsync: {one.database} follows this work tree now"))
        return
    console.say(console.clean(f"dbsync: {one.database} is a copy of {one.source} for this work tree"))
    if not one.leads_here:
        names = f" (env.py reads {', '.join(one.variables[:5])})" if one.variables else ""
        said = f"let the project connect to it here{names}, then `dbsync sync`"
        console.say(console.clean(f"hint: {said}"))

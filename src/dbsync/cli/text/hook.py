"""What a hook says: as little as possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console
from dbsync.cli.text import sync
from dbsync.cli.text.check import show_finding

if TYPE_CHECKING:
    from dbsync.commands.hook import Hooked


def show(value: Hooked) -> None:
    """Show the move, what it waits for, or what kept it from moving."""
    if value.waits:
        console.say(f"dbsync: waiting for the end of the {value.waits}; `dbsync sync` catches up at any time")
    for one in value.checked.findings if value.checked else ():
        show_finding(one)
    if value.obstacle:
        console.obstacle(value.obstacle)
    if value.synced and not value.quiet:
        sync.show(value.synced, by_hook=True)

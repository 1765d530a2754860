"""What `uninstall` took out and what it left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console

if TYPE_CHECKING:
    from dbsync.git.hooks import UninstallReport


def show(value: UninstallReport) -> None:
    """List what was restored, and the files whose owner has a line of ours."""
    for path in value.changed:
        console.say(console.clean(f"dbsync: taken out of {path}"))
    for path in value.left:
        console.say(console.clean(f"note: {path} is yours: take the dbsync line out of it"))
    if not value.changed:
        console.say("dbsync: no hooks were installed")

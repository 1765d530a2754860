"""What `uninstall` took out and what it left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console
from dbsync.cli.text.shelf import size

if TYPE_CHECKING:
    from dbsync.commands.uninstall import Uninstalled
    from dbsync.git.hooks import UninstallReport


def show(value: Uninstalled) -> None:
    """List what was restored, the files whose owner has a line of ours, and scratch databases."""
    _show_hooks(value.hooks)
    for name in value.scratch.dropped:
        console.say(console.clean(f"dbsync: scratch database {name} dropped"))
    if value.scratch.left:
        names = ", ".join(value.scratch.left)
        console.say(console.clean(f"note: the server did not answer; drop there by hand, where they are: {names}"))
    for one in value.kept.dropped:
        console.say(console.clean(f"dbsync: {one.kept.name} dropped ({one.words} of {one.database})"))
    for one in value.kept.left:
        stays = f"{one.kept.name} stays: {one.words} of {one.database}, {size(one.kept.size)}"
        console.say(console.clean(f"note: {stays}"))


def _show_hooks(value: UninstallReport) -> None:
    for path in value.changed:
        console.say(console.clean(f"dbsync: taken out of {path}"))
    for path in value.left:
        console.say(console.clean(f"note: {path} is yours: take the dbsync line out of it"))
    if not value.changed:
        console.say("dbsync: no hooks were installed")

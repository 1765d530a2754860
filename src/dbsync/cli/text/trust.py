"""`trust` in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console

if TYPE_CHECKING:
    from dbsync.commands.trust import Trusted


def show(value: Trusted) -> None:
    """Name the commit whose code hooks may run now."""
    console.say(console.clean(f"dbsync: trusted: {value.commit[:12]} {value.subject}, and all it is built on"))

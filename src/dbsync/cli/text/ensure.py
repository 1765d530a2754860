"""`ensure` says what a hook would say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli.text import sync

if TYPE_CHECKING:
    from dbsync.commands.sync import Synced


def show(value: Synced) -> None:
    """Show what was moved, or why not; silent where there was nothing to do."""
    sync.show(value, by_hook=True)

"""What became of the databases after dbsync wrote revision files, and what git is to be told."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from dbsync.cli import console
from dbsync.cli.text import sync
from dbsync.commands.sync import Synced
from dbsync.sync.held import words

if TYPE_CHECKING:
    from dbsync.sync.edited import Followed


def show(value: Followed) -> None:
    """Show the sync, then name the files that are to be added."""
    if value.held:
        console.say(f"note: the database is held {words(value.held)}")
    if value.result is not None:
        sync.show(Synced(value.result, []))
        if not value.result.carried_out:
            console.say("note: the files are written, the database was not moved")
    console.say(console.clean(f"hint: `git add {shlex.join(value.paths)}`, then `{value.then}`"))

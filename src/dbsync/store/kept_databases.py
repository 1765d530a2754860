"""Databases that were kept on a server: for an undo, under a name of a snapshot, or for a git branch.

The ledger of the database that they were made from lists them, before they are made and until they are dropped, so
that what a kill leaves is known too. Nothing but what is listed there is ever dropped.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from dbsync.ledger.ledger import Ledger

PREFIX = "dbsync_kept_"
KEY = "kept databases"
UNDO, SNAPSHOT, BRANCH = "undo", "snapshot", "branch"
# As of copies of files: how many are kept for undoing, and how much room they may take.
MOST = 10
MOST_BYTES = 500_000_000


class Kept(NamedTuple):
    """One database: what it is kept for and under which name or for which git branch, its size in bytes, since when."""

    name: str
    why: str
    of: str
    size: int
    at: str


def new_name(ledger: Ledger) -> str:
    """Return a name that no database has; nothing of a project's or branch's own name is in it."""
    stem = os.path.basename(ledger.path).partition(".")[0]
    return f"{PREFIX}{stem[:12]}_{os.urandom(5).hex()}"


def kept_databases(ledger: Ledger) -> list[Kept]:
    """Return all that is kept of one database, the oldest first."""
    found: dict[str, list[Any]] = ledger.meta(KEY, {})
    return sorted((Kept(name, *facts) for name, facts in found.items()), key=lambda one: one.at)


def keep(ledger: Ledger, one: Kept) -> None:
    """List one, or list it anew."""
    ledger.set_meta(KEY, {**ledger.meta(KEY, {}), one.name: list(one[1:])})


def let_go(ledger: Ledger, *names: str) -> None:
    """List some no more."""
    ledger.set_meta(KEY, {name: facts for name, facts in ledger.meta(KEY, {}).items() if name not in names})


def too_many(ledger: Ledger, coming: int = 0) -> list[str]:
    """Return those kept for an undo that are too many, where one of `coming` bytes is about to be added."""
    room, superfluous = MOST_BYTES - coming, []
    places = MOST - bool(coming)
    for place, one in enumerate(reversed([one for one in kept_databases(ledger) if one.why == UNDO])):
        room -= one.size
        if place >= places or (room < 0 and (place or coming)):
            superfluous.append(one.name)
    return superfluous

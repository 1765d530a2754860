"""Whose it is what downgrades left behind, or what is gone: the worker sees the schema, the ledger the sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbsync.ledger.entry import Entry
    from dbsync.sync.current_database import CurrentDatabase


def types_of_those_going(current: CurrentDatabase, names: Iterable[str]) -> list[str]:
    """Return which types, used no longer, only the revisions taken down speak of: those are theirs."""
    down, stay = _going_and_staying(current)
    words = {name: name.lower().encode() for name in names}
    return [name for name, word in words.items() if _speaks(down, word) and not _speaks(stay, word)]


def lines_of_those_staying(current: CurrentDatabase, lines: Iterable[str]) -> list[str]:
    """Return which lines of the schema were made by revisions that stay, so that they should still be there."""
    made = current.ledger.changes(current.track, _going_and_staying(current)[1])
    known = {line for added, _ in made.values() for line in added}
    return [line for line in lines if line in known]


def _going_and_staying(current: CurrentDatabase) -> tuple[list[Entry], list[Entry]]:
    going, entries = set(current.planned.down), current.known.entries
    return (
        [entry for entry in entries if entry.revision.id in going],
        [entry for entry in entries if entry.revision.id not in going],
    )


def _speaks(entries: list[Entry], word: bytes) -> bool:
    return any(word in entry.source.lower() for entry in entries)

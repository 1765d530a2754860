"""The shelf: rows that a downgrade took away, until they can return. One SQLite file an entry, named by its number."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any

from dbsync.store.shelf_entry import SCHEMA, ShelfEntry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from dbsync.store.layout import Layout

FOLDER = "shelf"


class Shelf:
    """All entries of a clone."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def create(self, facts: dict[str, Any]) -> ShelfEntry:
        """Make a new entry, owner-only, being taken."""
        folder = self._layout.folder(FOLDER)
        number = max([0, *self._numbers()]) + 1
        path = os.path.join(folder, f"{number}.sqlite")
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.executescript(SCHEMA)
            stored = {**facts, "state": "taking", "format": 1}
            db.executemany(
                "INSERT INTO meta VALUES (?, ?)", [(key, json.dumps(value)) for key, value in stored.items()]
            )
            db.commit()
        return ShelfEntry(path)

    def _numbers(self) -> list[int]:
        folder = self._layout.path(FOLDER)
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return sorted(int(name.partition(".")[0]) for name in names if name.endswith(".sqlite") and name[0].isdigit())

    def entries(self) -> Iterator[ShelfEntry]:
        """Yield the entries that can be read, oldest first; each is closed afterwards."""
        for number in self._numbers():
            found = self.entry(number)
            if found is not None:
                with found:
                    yield found

    def entry(self, number: int) -> ShelfEntry | None:
        """Return one entry, None where there is none or it was never finished."""
        path = self._layout.path(FOLDER, f"{number}.sqlite")
        if not os.path.exists(path):
            return None
        try:
            found = ShelfEntry(path)
        except (sqlite3.Error, ValueError):
            return None
        return found if found.facts.get("state") else None

    def remove(self, number: int) -> None:
        """Remove an entry."""
        for end in ("", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._layout.path(FOLDER, f"{number}.sqlite{end}"))

    def settle(self, operation: str, *, committed: bool, when: str, certain: bool = True) -> None:
        """Make true, or forget, what an operation noted in all entries.

        Where it is not certain that nothing was committed, what it took is kept: it may be nowhere else.
        """
        for one in self.entries():
            taken = one.facts["state"] == "taking" and one.facts["operation"] == operation
            one.settle(operation, committed=committed, when=when, kept=taken and (committed or not certain))
            if taken and certain and not committed:
                self.remove(one.number)

    def pass_on(self, key: str, instance: str, to: str) -> None:
        """Let the entries of one instance of a database be another's: its rows are there now, under the same name."""
        for one in self.entries():
            if (one.facts["key"], one.facts["instance"]) == (key, instance):
                one.pass_on(to)

    def recall(self, operations: Sequence[str], by: str, applied: Collection[str]) -> None:
        """Make every entry what it was before operations, the newest first, that are undone `by` another one.

        `applied` are the revisions that are applied again. What was taken of any other one is nowhere else: it stays.
        """
        kept: dict[str, int] = {}
        for one in self.entries():
            revision, operation = one.facts["revision"], one.facts["operation"]
            if operation in operations and revision not in applied:
                kept[revision] = min(operations.index(operation), kept.get(revision, len(operations)))
        for one in self.entries():
            for operation in operations[: kept.get(one.facts["revision"], len(operations))]:
                one.recall(operation, by)

    def prune(self, days: int) -> None:
        """Remove entries all of whose rows returned, or whose move was undone, so many days ago; the others stay."""
        before = (dt.datetime.now(dt.UTC) - dt.timedelta(days=days)).isoformat(timespec="seconds")
        for one in self.entries():
            returned = one.facts["taken_at"] if one.facts["state"] == "undone" else one.returned_at()
            if returned and dt.datetime.fromisoformat(returned) <= dt.datetime.fromisoformat(before):
                self.remove(one.number)

"""`dbsync shelf list|show|restore|drop`: rows that downgrades took away, and what became of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.commands.context import Report
from dbsync.commands.sync import require_initialised
from dbsync.errors import EXIT_FINDING, EXIT_OK, EXIT_USAGE, DbsyncError
from dbsync.store.shelf import Shelf
from dbsync.sync.restore import restore

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context
    from dbsync.errors import Obstacle
    from dbsync.store.shelf_entry import ShelfEntry
    from dbsync.sync.outcome import Counts


class OnShelf(NamedTuple):
    """One entry: `left` of its `rows` have not returned; `stays` are those that could not: table, reason and row."""

    number: int
    facts: dict[str, Any]
    tables: tuple[str, ...]
    rows: int
    left: int
    returned_at: str
    size: int
    stays: tuple[tuple[str, str, dict[str, Any]], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form (version 1)."""
        stays = [{"table": table, "reason": reason, "row": row} for table, reason, row in self.stays]
        names = ("revision", "doc", "name", "track", "branch", "commit", "taken_at", "state")
        facts = {"database" if name == "name" else name: self.facts[name] for name in names}
        own = {"number": self.number, "tables": list(self.tables), "rows": self.rows, "left": self.left}
        return {**own, "returned_at": self.returned_at, "size": self.size, **facts, "stays": stays}


class Shelved(NamedTuple):
    """What was asked for: entries, what a restore did and what is in its way, and entries that were dropped."""

    entries: list[OnShelf]
    single: bool = False
    restored: Counts | None = None
    obstacles: tuple[Obstacle, ...] = ()
    dropped: tuple[int, ...] = ()
    forced: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form (version 1)."""
        return {"version": 1, "entries": [one.as_json() for one in self.entries], "dropped": list(self.dropped)}


def run(context: Context, options: Namespace) -> Report:
    """List, show, restore or drop."""
    project = context.project()
    require_initialised(project)
    shelf = Shelf(project.layout)
    if options.action == "list":
        return Report(EXIT_OK, Shelved([_look(one) for one in shelf.entries()]))
    with _entry(shelf, options.number) as entry:
        found = _look(entry, stays=options.action == "show")
        if options.action == "show":
            return Report(EXIT_OK, Shelved([found], single=True))
        if options.action == "drop":
            return _drop(context, options, shelf, found)
        outcome = restore(project, entry, force=options.yes)
    done = next((one.counts for one in outcome.moved if one.done), None)
    return Report(
        EXIT_FINDING if outcome.obstacles else EXIT_OK,
        Shelved([], restored=done, obstacles=outcome.obstacles, forced=options.yes),
    )


def _entry(shelf: Shelf, number: int | None) -> ShelfEntry:
    entry = None if number is None else shelf.entry(number)
    if entry is None:
        said = "which entry?" if number is None else f"there is no entry {number} on the shelf"
        raise DbsyncError(said, "`dbsync shelf list` shows their numbers", exit_code=EXIT_USAGE)
    return entry


def _look(entry: ShelfEntry, *, stays: bool = False) -> OnShelf:
    parts = entry.parts()
    listed = [
        (part.facts["table"], reason, dict(zip(part.facts["columns"], row, strict=False)))
        for part in (parts if stays else ())
        for _, reason, row in entry.stays(part.id)
    ]
    tables = tuple(dict.fromkeys(part.facts["table"] for part in parts))
    rows, left = sum(part.rows for part in parts), sum(part.left for part in parts)
    size = os.path.getsize(entry.path)
    return OnShelf(entry.number, entry.facts, tables, rows, left, entry.returned_at(), size, tuple(listed))


def _drop(context: Context, options: Namespace, shelf: Shelf, found: OnShelf) -> Report:
    question = f"drop {found.left} rows of {', '.join(found.tables)} (revision {found.facts['revision']}) for good?"
    if found.facts["state"] == "taking":
        raise DbsyncError(f"entry {found.number} belongs to a move that was interrupted", "`dbsync sync` settles it")
    if found.left and not options.yes and not context.confirm(question):
        raise DbsyncError(
            f"rows of entry {found.number} have not returned: {found.left}", "`--yes` drops them for good"
        )
    shelf.remove(found.number)
    return Report(EXIT_OK, Shelved([], dropped=(found.number,)))

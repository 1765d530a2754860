"""Snapshots: copies of databases under a name, each with what was applied then, in a JSON file; SQLite's beside it."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.errors import EXIT_USAGE, DbsyncError
from dbsync.ledger.entry import Entry
from dbsync.revisions.revision import Revision
from dbsync.store import copies
from dbsync.store.layout import write_private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.store.layout import Layout

FACTS = ".json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Track(NamedTuple):
    """One version table: its rows, what was applied, and the number of the last operation on the database."""

    name: str
    heads: list[str]
    entries: list[Entry]
    operation: int


class Snapshot(NamedTuple):
    """One database under a name.

    `stem` is its ledger's, `copy` the file, or where that would be, of a `database` on a server; `size` in bytes,
    `taken_at` UTC in ISO form.
    """

    name: str
    stem: str
    copy: str
    size: int
    taken_at: str
    branch: str
    commit: str
    tracks: list[Track]
    database: str = ""


def require_name(name: str) -> str:
    """Return the name of a snapshot. Raises `DbsyncError` for one that cannot be a file's."""
    if not NAME.fullmatch(name):
        message = f"{name!r} cannot name a snapshot: letters, digits, `.`, `_` and `-` can"
        raise DbsyncError(message, "`dbsync snapshot save NAME`", exit_code=EXIT_USAGE)
    return name


def path_of(layout: Layout, stem: str, name: str) -> str:
    """Return where the copy of a snapshot lies, in a folder of its database's own."""
    return os.path.join(layout.folder(copies.SNAPSHOTS, stem), f"{name}{copies.SUFFIX}")


def write(snapshot: Snapshot) -> None:
    """Write what there is to know of a copy; without it, the copy does not count."""
    tracks = [
        [one.name, one.heads, [entry_as_json(entry) for entry in one.entries], one.operation] for one in snapshot.tracks
    ]
    facts = {**snapshot._asdict(), "tracks": tracks, "format": 1}
    write_private(_facts_path(snapshot.copy), json.dumps(facts))


def snapshots(layout: Layout, stem: str) -> Iterator[Snapshot]:
    """Yield the snapshots of a database, by name."""
    folder = layout.path(copies.SNAPSHOTS, stem)
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        copy = os.path.join(folder, name.removesuffix(FACTS) + copies.SUFFIX)
        if name.endswith(FACTS):
            found = _read(copy)
            if found.database or os.path.exists(copy):
                yield found


def remove(snapshot: Snapshot) -> None:
    """Remove a snapshot."""
    copies.remove(_facts_path(snapshot.copy))
    copies.remove(snapshot.copy)


def _facts_path(copy: str) -> str:
    return copy.removesuffix(copies.SUFFIX) + FACTS


def _read(copy: str) -> Snapshot:
    with open(_facts_path(copy), encoding="utf-8") as file:
        facts = json.load(file)
    tracks = [
        Track(name, heads, list(map(entry_of_json, entries)), last) for name, heads, entries, last in facts["tracks"]
    ]
    names = ("name", "stem", "size", "taken_at", "branch", "commit")
    database = facts.get("database", "")
    return Snapshot(**{name: facts[name] for name in names}, copy=copy, tracks=tracks, database=database)


def entry_as_json(entry: Entry) -> dict[str, Any]:
    """Return an entry of a ledger as JSON can hold it."""
    return {**entry._asdict(), "revision": list(entry.revision), "source": entry.source.decode("latin-1")}


def entry_of_json(facts: dict[str, Any]) -> Entry:
    """Return the entry that was written so."""
    values: list[Any] = [tuple(value) if isinstance(value, list) else value for value in facts["revision"]]
    return Entry(**{**facts, "revision": Revision(*values), "source": facts["source"].encode("latin-1")})

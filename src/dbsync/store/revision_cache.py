"""Parsed revisions by blob id. Disposable: any trouble with it means parsing again, never an error."""

from __future__ import annotations

import os
import sqlite3
import sys
from typing import TYPE_CHECKING, Any

from dbsync import __version__
from dbsync.errors import Obstacle
from dbsync.revisions.parse import LEGACY_NAME, parse
from dbsync.revisions.revision import Revision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dbsync.git.objects import Entry
    from dbsync.store.layout import Layout

# What is parsed depends on the parser: on this program and on Python's grammar.
FORMAT = f"{__version__} {sys.version_info[0]}.{sys.version_info[1]} 1"

Parsed = "Revision | Obstacle"


class RevisionCache:
    """Reads revisions through a table of those read before; in memory where the file cannot be had."""

    def __init__(self, layout: Layout | None) -> None:
        self._db = _open(layout)

    def read(
        self, entries: Iterable[Entry], contents: Callable[[list[Entry]], list[bytes | None]]
    ) -> list[Revision | Obstacle]:
        """Return what every entry declares; `contents` is asked only for the blobs that were never read before.

        The path is taken from the entry, since one blob may lie under several names.
        """
        import marshal

        listed = list(entries)
        known = self._known({_key(entry) for entry in listed})
        unknown = [entry for entry in listed if _key(entry) not in known]
        fresh: dict[str, tuple[Any, ...]] = {}
        absent: dict[str, tuple[Any, ...]] = {}
        for entry, content in zip(unknown, contents(unknown), strict=True) if unknown else ():
            if content is None:
                absent[_key(entry)] = _packed(_unavailable(entry))
            else:
                fresh[_key(entry)] = _packed(parse(content, entry.path, entry.oid))
        self._remember({key: marshal.dumps(value) for key, value in fresh.items()})
        found = {**known, **fresh, **absent}
        return [_unpacked(found[_key(entry)], entry.path) for entry in listed]

    def _known(self, keys: set[str]) -> dict[str, tuple[Any, ...]]:
        import marshal

        known: dict[str, tuple[Any, ...]] = {}
        wanted = sorted(keys)
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            marks = ",".join("?" * len(part))
            try:
                rows = self._db.execute(f"SELECT oid, data FROM revision WHERE oid IN ({marks})", part)  # noqa: S608 - marks
                found = [(oid, marshal.loads(data)) for oid, data in rows]  # noqa: S302 - our own file, owner-only
                known.update((oid, value) for oid, value in found if isinstance(value, tuple))
            except (sqlite3.Error, ValueError, EOFError, TypeError):
                return {}
        return known

    def _remember(self, rows: dict[str, bytes]) -> None:
        try:
            with self._db:
                self._db.executemany("INSERT OR REPLACE INTO revision VALUES (?, ?)", rows.items())
        except sqlite3.Error:
            return


def _key(entry: Entry) -> str:
    """Return what the parsed form hangs on: the blob, and its name where Alembic would take the id from that."""
    name = entry.path.rpartition("/")[2]
    return f"{entry.oid}:{name}" if LEGACY_NAME.match(name) else entry.oid


def _unavailable(entry: Entry) -> Obstacle:
    message = "Git does not have this file's content: it is damaged, or left out of a partial clone"
    return Obstacle("DBS114", message, "`git fetch`, or `git fsck` says what is damaged", entry.path)


def _open(layout: Layout | None) -> sqlite3.Connection:
    try:
        if layout is None or not layout.initialised:
            return _prepared(sqlite3.connect(":memory:"))
        path = os.path.join(layout.folder("cache"), "revisions.sqlite")
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return _prepared(sqlite3.connect(path, timeout=1))
    except (sqlite3.Error, OSError):
        return _prepared(sqlite3.connect(":memory:"))


def _prepared(db: sqlite3.Connection) -> sqlite3.Connection:
    db.execute("PRAGMA synchronous = OFF")
    db.execute("CREATE TABLE IF NOT EXISTS revision (oid TEXT PRIMARY KEY, data BLOB NOT NULL)")
    db.execute("CREATE TABLE IF NOT EXISTS format (name TEXT PRIMARY KEY)")
    if db.execute("SELECT name FROM format").fetchall() != [(FORMAT,)]:
        with db:
            db.execute("DELETE FROM revision")
            db.execute("DELETE FROM format")
            db.execute("INSERT INTO format VALUES (?)", (FORMAT,))
    return db


def _packed(value: Revision | Obstacle) -> tuple[Any, ...]:
    return (isinstance(value, Revision), tuple(value))


def _unpacked(packed: tuple[Any, ...], path: str) -> Revision | Obstacle:
    is_revision, values = packed
    if is_revision:
        return Revision(*values)._replace(path=path)
    return Obstacle(*values)._replace(path=path)

"""Reading and writing a ledger. SQLite's own transactions make every write whole or absent."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dbsync.ledger.entry import Entry, NewOperation, Operation
from dbsync.ledger.file import BUSY_SECONDS, open_file
from dbsync.revisions.revision import Revision

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

# Operations that ended are kept for as long as a copy of the database made then may come back.
MOST_OPERATIONS = 50


def file_name(key: str) -> str:
    """Return the name of a database's ledger; `key` is the part of its identity that outlives a rebuild."""
    return f"{hashlib.sha256(os.fsencode(key)).hexdigest()[:16]}.sqlite"


class Ledger:
    """One database's ledger. A *track* is one version table of it, written "schema.table" or "table"."""

    def __init__(self, path: str, *, create: bool = False, seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self._db = open_file(path, create=create, seconds=seconds)

    def __enter__(self) -> Ledger:  # noqa: PYI034 - Self is not in Python 3.9
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def meta(self, key: str, default: Any = None) -> Any:
        """Return what was stored under a key."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return default if row is None else json.loads(row[0])

    def set_meta(self, key: str, value: Any) -> None:
        """Store a value that JSON can hold."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))

    def entries(self, track: str) -> list[Entry]:
        """Return what is applied, in the order it was."""
        rows = self._db.execute(
            'SELECT identifiers, source, observed, applied_at, branch, "commit", seconds FROM applied'
            " WHERE track = ? ORDER BY place",
            (track,),
        )
        return [Entry(_revision(row[0]), row[1], bool(row[2]), *row[3:]) for row in rows]

    def tracks(self) -> list[str]:
        """Return the version tables that were ever written to this ledger."""
        return [row[0] for row in self._db.execute("SELECT DISTINCT track FROM applied ORDER BY track")]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep every other writer out meanwhile; all that is written is whole, or absent where something is raised."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def carried_out(self, track: str, facts: dict[str, Any], entries: list[Entry]) -> None:
        """Record, while `writing`, what somebody else has done and committed, and what is applied since.

        `facts` hold the rows `before` and `after`, when (`as_of`), and the schema's `stamp` ("" where it is not sure).
        """
        recorded = {
            "before": facts["before"],
            "after": facts["after"],
            "by": "alembic",
            "was": list(map(_slim, self.entries(track))),
            "entries": list(map(_slim, entries)),
        }
        self._write(track, entries)
        cursor = self._db.execute(
            "INSERT INTO operation (track, state, started, facts, heads, stamp) VALUES (?, 'done', ?, ?, ?, ?)",
            (track, facts["as_of"], json.dumps(recorded), _joined(facts["after"]), facts["stamp"]),
        )
        self._drop_old_operations(track, int(cursor.lastrowid or 0))
        seen = {"heads": facts["after"], "stamp": facts["stamp"], "as_of": facts["as_of"]}
        self.set_meta(f"track:{track}", {**self.meta(f"track:{track}", {}), **seen})

    def replace(self, track: str, entries: Iterable[Entry]) -> None:
        """Make these, in this order, what is applied."""
        self._db.execute("BEGIN IMMEDIATE")
        self._write(track, entries)
        self._db.execute("COMMIT")

    def _write(self, track: str, entries: Iterable[Entry]) -> None:
        listed = list(entries)
        self._db.execute("DELETE FROM applied WHERE track = ?", (track,))
        self._db.executemany(
            "INSERT INTO applied VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(track, place, *_row(entry)) for place, entry in enumerate(listed)],
        )
        self._write_sources(listed)

    def _write_sources(self, entries: list[Entry], otherwise: str = "REPLACE") -> None:
        self._db.executemany(
            f"INSERT OR {otherwise} INTO source VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
            [
                (one.revision.id, one.revision.oid, one.source, _identifiers(one.revision), one.commit, one.applied_at)
                for one in entries
            ],
        )

    def known_sources(self, revision_id: str) -> list[Entry]:
        """Return every source of a revision that was ever applied here, the last seen first."""
        rows = self._db.execute(
            'SELECT identifiers, source, seen_at, "commit" FROM source WHERE id = ? ORDER BY seen_at DESC, rowid DESC',
            (revision_id,),
        )
        return [Entry(_revision(row[0]), row[1], observed=True, applied_at=row[2], commit=row[3]) for row in rows]

    def begin(self, new: NewOperation) -> int:
        """Record that a plan is about to run, and what will be applied when it has. Returns the operation's id.

        The facts must say all that recovery needs to tell how it ended.
        """
        facts = {**new.facts, "was": list(map(_slim, new.was)), "entries": list(map(_slim, new.entries))}
        self._db.execute("BEGIN IMMEDIATE")
        self._write_sources(new.was, "IGNORE")
        self._write_sources(new.entries)
        cursor = self._db.execute(
            "INSERT INTO operation (track, state, started, facts, heads) VALUES (?, 'running', ?, ?, ?)",
            (new.track, new.started, json.dumps(facts), _joined(new.facts["after"])),
        )
        self._db.execute("COMMIT")
        return int(cursor.lastrowid or 0)

    def note(self, operation: int, stamp: str, **facts: Any) -> None:
        """Add to what is recorded of a running operation; `stamp` is the schema's when it is committed."""
        recorded = self.operation(operation).facts
        self._db.execute(
            "UPDATE operation SET facts = ?, stamp = ? WHERE id = ?",
            (json.dumps({**recorded, **facts}), stamp, operation),
        )

    def finish(self, operation: Operation, state: str, entries: Iterable[Entry] | None = None) -> None:
        """End an operation as done or failed, and in the same transaction write what is applied now."""
        self._db.execute("BEGIN IMMEDIATE")
        if entries is not None:
            self._write(operation.track, entries)
        if state == "done":
            self._write_changes(operation)
        self._db.execute("UPDATE operation SET state = ? WHERE id = ?", (state, operation.id))
        self._drop_old_operations(operation.track, operation.id)
        self._db.execute("COMMIT")

    def _drop_old_operations(self, track: str, newest: int) -> None:
        self._db.execute(
            "DELETE FROM operation WHERE track = ? AND state <> 'running' AND id <= ? - ?",
            (track, newest, MOST_OPERATIONS),
        )
        self._db.execute(
            "DELETE FROM change WHERE track = ? AND operation <= ? - ? AND NOT EXISTS (SELECT 1 FROM applied AS a"
            " WHERE a.track = change.track AND a.id = change.id AND a.applied_at = change.applied_at)",
            (track, newest, MOST_OPERATIONS),
        )

    def _write_changes(self, operation: Operation) -> None:
        """Keep what the upgrades of an operation changed, each under the moment it was applied."""
        changes = operation.facts.get("changes", {})
        self._db.executemany(
            "INSERT OR REPLACE INTO change VALUES (?, ?, ?, ?, ?)",
            [
                (
                    operation.track,
                    one["revision"][0],
                    one["applied_at"],
                    operation.id,
                    json.dumps(changes[one["revision"][0]]),
                )
                for one in operation.facts["entries"]
                if one["revision"][0] in changes
            ],
        )

    def keep_changes(self, track: str, entries: Iterable[Entry], changes: Mapping[str, list[list[str]]]) -> None:
        """Keep what the upgrades of applied revisions changed in a fresh build that the schema is equal to."""
        rows = [
            (track, one.revision.id, one.applied_at, 0, json.dumps(changes[one.revision.id]))
            for one in entries
            if one.revision.id in changes
        ]
        self._db.executemany("INSERT OR IGNORE INTO change VALUES (?, ?, ?, ?, ?)", rows)

    def changes(self, track: str, entries: Iterable[Entry]) -> dict[str, list[list[str]]]:
        """Return, by id, the lines of the schema that each upgrade added and removed, where it was seen."""
        found = {}
        for entry in (one for one in entries if not one.observed):
            row = self._db.execute(
                "SELECT lines FROM change WHERE track = ? AND id = ? AND applied_at = ?",
                (track, entry.revision.id, entry.applied_at),
            ).fetchone()
            if row is not None:
                found[entry.revision.id] = json.loads(row[0])
        return found

    def entries_of(self, operation: Operation) -> list[Entry]:
        """Return what is applied when an operation has been carried out."""
        return [self._entry(slim) for slim in operation.facts["entries"]]

    def entries_before(self, operation: Operation) -> list[Entry] | None:
        """Return what was applied before an operation; None where that was not recorded."""
        if not operation.facts.get("before", True):
            return []  # whatever was known of a file that is gone
        was = operation.facts.get("was")
        return None if was is None else [self._entry(slim) for slim in was]

    def entries_at(self, track: str, heads: Iterable[str], stamp: str) -> list[Entry] | None:
        """Return what was applied when an operation left these rows and a schema of this stamp; None where none did."""
        where = "WHERE track = ? AND state = 'done' AND heads = ? AND stamp = ?"
        found = self._operations(where, (track, _joined(heads), stamp)) if stamp else []
        return self.entries_of(found[-1]) if found else None

    def _entry(self, slim: dict[str, Any]) -> Entry:
        revision = _revision(json.dumps(slim["revision"]))
        row = self._db.execute("SELECT source FROM source WHERE id = ? AND oid = ?", (revision.id, revision.oid))
        return Entry(**{**slim, "revision": revision, "source": row.fetchone()[0]})

    def operation(self, operation_id: int) -> Operation:
        """Return one operation."""
        where = "WHERE id = ?"
        return self._operations(where, (operation_id,))[0]

    def running(self, track: str | None = None) -> list[Operation]:
        """Return operations that began and did not end: under way, or interrupted."""
        if track is None:
            return self._operations("WHERE state = 'running'", ())
        return self._operations("WHERE state = 'running' AND track = ?", (track,))

    def operations(self) -> list[Operation]:
        """Return the operations that are still known, oldest first."""
        return self._operations("", ())

    def _operations(self, where: str, values: tuple[Any, ...]) -> list[Operation]:
        rows = self._db.execute(f"SELECT id, track, state, started, facts FROM operation {where} ORDER BY id", values)  # noqa: S608 - constants
        return [Operation(row[0], row[1], row[2], row[3], json.loads(row[4])) for row in rows]


def _revision(text: str) -> Revision:
    values: list[Any] = [tuple(value) if isinstance(value, list) else value for value in json.loads(text)]
    return Revision(*values)


def _identifiers(revision: Revision) -> str:
    return json.dumps(list(revision))


def _row(entry: Entry) -> tuple[Any, ...]:
    one = entry.revision
    return (
        one.id,
        _identifiers(one),
        entry.source,
        int(entry.observed),
        entry.applied_at,
        entry.branch,
        entry.commit,
        entry.seconds,
    )


def _slim(entry: Entry) -> dict[str, Any]:
    """Return an entry as an operation's record keeps it: the source is in a table of its own."""
    facts = {**entry._asdict(), "revision": list(entry.revision)}
    del facts["source"]
    return facts


def _joined(heads: Iterable[str]) -> str:
    return " ".join(sorted(heads))

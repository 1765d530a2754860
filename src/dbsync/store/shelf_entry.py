"""One entry of the shelf: an SQLite file with what a downgrade of one revision took away, and what returned of it.

What a running operation does is only noted: an entry is `taking` and what returns is `pending` until the operation is
known to be committed. Both are settled as often as anybody likes.
"""

from __future__ import annotations

import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from dbsync.store.shelf_values import has, sent, stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


FOLDER = "shelf"
AT_ONCE = 2000
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE part (id INTEGER PRIMARY KEY, facts TEXT NOT NULL, rows INTEGER NOT NULL, returned TEXT NOT NULL);
CREATE TABLE stay (part INTEGER NOT NULL, n INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (part, n));
CREATE TABLE pending (part INTEGER PRIMARY KEY, operation TEXT NOT NULL, lacking TEXT NOT NULL, whole INTEGER NOT NULL);
CREATE TABLE pending_stay (part INTEGER NOT NULL, n INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (part, n));
"""
# How an entry was before an operation, for when that is undone: the parts, and which rows stayed.
EARLIER = "CREATE TABLE IF NOT EXISTS earlier (operation TEXT PRIMARY KEY, facts TEXT NOT NULL)"
# Rows that stay for this are tried again: there was no place for them, and nothing was decided.
NO_PLACE = "there is no %"


class Part(NamedTuple):
    """Rows of one table. `facts` are the worker's; `left` of the `rows` are still on the shelf, `tried` or not."""

    id: int
    facts: dict[str, Any]
    rows: int
    left: int
    tried: bool


class ShelfEntry:
    """What one downgrade of one revision took. `facts` say of what, when, from where."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.number = int(os.path.basename(path).partition(".")[0])
        self._db = sqlite3.connect(path, isolation_level=None, timeout=5)
        found = self._db.execute("SELECT key, value FROM meta")
        self.facts: dict[str, Any] = {key: json.loads(value) for key, value in found}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def begin(self) -> None:
        """Begin to write rows: nothing is waited for to be on the disk until `seal`."""
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("BEGIN IMMEDIATE")

    def add_part(self, facts: dict[str, Any]) -> int:
        """Add a part without rows; returns its id."""
        cursor = self._db.execute("INSERT INTO part (facts, rows, returned) VALUES (?, 0, '')", (json.dumps(facts),))
        part = int(cursor.lastrowid or 0)
        names = [f"c{place}" for place in range(len(facts["columns"]) + len(facts["below"]))]
        self._db.execute(f"CREATE TABLE rows_{part} (n INTEGER PRIMARY KEY, {', '.join(names)})")
        return part

    def add_rows(self, part: int, rows: list[list[Any]]) -> None:
        """Add rows as the worker sent them."""
        marks = ", ".join("?" for _ in rows[0])
        insert = f"INSERT INTO rows_{part} VALUES (NULL, {marks})"  # noqa: S608 - a number
        values = [[stored(value) for value in row] for row in rows] if has((dict, str), rows) else rows
        self._db.executemany(insert, values)
        self._db.execute("UPDATE part SET rows = rows + ? WHERE id = ?", (len(rows), part))

    def add_made(self, part: int, rows: list[list[Any]]) -> None:
        """Add rows that the upgrade makes by itself, as they are told; none after the last."""
        self._db.execute(f"CREATE TABLE IF NOT EXISTS made_{part} (n INTEGER PRIMARY KEY, k, w)")
        insert = f"INSERT INTO made_{part} VALUES (NULL, ?, ?)"  # noqa: S608 - a number
        self._db.executemany(insert, [[stored(value) for value in row] for row in rows])
        if not rows:
            facts = json.loads(self._db.execute("SELECT facts FROM part WHERE id = ?", (part,)).fetchone()[0])
            self._db.execute("UPDATE part SET facts = ? WHERE id = ?", (json.dumps({**facts, "made": True}), part))

    def made(self, part: int, after: int) -> list[list[Any]]:
        """Return some of the rows that the upgrade made by itself, those after a number."""
        select = f"SELECT * FROM made_{part} WHERE n > ? ORDER BY n LIMIT {AT_ONCE}"  # noqa: S608 - numbers
        return [[sent(value) for value in row] for row in self._db.execute(select, (after,)).fetchall()]

    def seal(self) -> int:
        """Make the file safe on disk; returns how many rows it holds. Parts without rows are removed."""
        for (part,) in self._db.execute("SELECT id FROM part WHERE rows = 0").fetchall():
            self._db.execute(f"DROP TABLE rows_{part}")
            self._db.execute(f"DROP TABLE IF EXISTS made_{part}")
            self._db.execute("DELETE FROM part WHERE id = ?", (part,))
        rows = self._db.execute("SELECT coalesce(sum(rows), 0) FROM part").fetchone()[0]
        self._db.execute("COMMIT")
        self._db.execute("PRAGMA synchronous = FULL")
        for path in (self.path, os.path.dirname(self.path)):
            fd = os.open(path, os.O_RDONLY)
            os.fsync(fd)
            os.close(fd)
        return int(rows)

    def parts(self) -> list[Part]:
        """Return the parts, with how many of their rows are still here."""
        stays = "(SELECT count(*) FROM stay WHERE stay.part = part.id)"
        select = f"SELECT id, facts, rows, returned, {stays} FROM part ORDER BY id"  # noqa: S608 - constants
        return [
            Part(one, json.loads(facts), rows, left if returned else rows, bool(returned))
            for one, facts, rows, returned, left in self._db.execute(select)
        ]

    @property
    def left(self) -> int:
        """How many rows are still here."""
        return sum(part.left for part in self.parts())

    def rows(self, part: int, after: int, *, only_placeless: bool = True) -> list[list[Any]]:
        """Return some of the rows that may return, those after a number, as the worker takes them.

        Of a part that was tried before these are only the ones for which there was no place.
        """
        tried = self._db.execute("SELECT returned <> '' FROM part WHERE id = ?", (part,)).fetchone()[0]
        like = NO_PLACE if only_placeless else "%"
        where = "AND n IN (SELECT n FROM stay WHERE part = ? AND reason LIKE ?)" if tried else ""
        values = (after, part, like) if tried else (after,)
        facts = json.loads(self._db.execute("SELECT facts FROM part WHERE id = ?", (part,)).fetchone()[0])
        names = ", ".join(["n", *(f"c{place}" for place in range(len(facts["columns"]) + len(facts["below"])))])
        found = self._db.execute(
            f"SELECT {names} FROM rows_{part} WHERE n > ? {where} ORDER BY n LIMIT {AT_ONCE}",  # noqa: S608 - numbers
            values,
        )
        read = found.fetchall()
        return [[sent(value) for value in row] for row in read] if has((bytes,), read) else read

    def may_return(self, part: Part) -> bool:
        """Say whether a part has rows to be tried."""
        return not part.tried or bool(self.rows(part.id, -1))

    def stays(self, part: int) -> Iterator[tuple[int, str, list[Any]]]:
        """Yield the rows that could not return: number, why, and what is in them."""
        select = f"SELECT s.n, s.reason, r.* FROM stay s JOIN rows_{part} r ON r.n = s.n WHERE s.part = ? ORDER BY s.n"  # noqa: S608 - a number
        for number, reason, _, *values in self._db.execute(select, (part,)):
            yield number, reason, [sent(value) for value in values]

    def note_stay(self, part: int, rows: Iterable[list[Any]]) -> None:
        """Note rows that do not return in the operation that is running."""
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO pending_stay VALUES (?, ?, ?)", [(part, *row) for row in rows])
        self._db.execute("COMMIT")

    def note_returned(self, part: int, operation: str, lacking: list[str], *, whole: bool = False) -> None:
        """Note that the other rows of a part return in the operation that is running, but for some columns.

        `whole`: all of its rows were tried, and not only those for which there was no place before.
        """
        values = (part, operation, json.dumps(lacking), int(whole))
        self._db.execute("INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?)", values)

    def note_unreturned(self, part: int, operation: str, reason: str) -> None:
        """Note that no row of a part, of those that have not returned yet, returns, all for one reason."""
        untried = "(SELECT returned = '' FROM part WHERE id = ?)"
        left = f"{untried} OR EXISTS (SELECT 1 FROM stay s WHERE s.part = ? AND s.n = r.n)"  # noqa: S608 - constants
        self._db.execute(
            f"INSERT OR REPLACE INTO pending_stay SELECT ?, n, ? FROM rows_{part} r WHERE {left}",  # noqa: S608 - a number
            (part, reason, part, part),
        )
        self.note_returned(part, operation, [])

    def pending(self, part: int) -> int:
        """Return how many rows of a part will stay."""
        return int(self._db.execute("SELECT count(*) FROM pending_stay WHERE part = ?", (part,)).fetchone()[0])

    def settle(self, operation: str, *, committed: bool, when: str, kept: bool) -> None:
        """Make what an operation noted true, or forget it; `kept`: what it took is on the shelf now."""
        self._db.execute("BEGIN IMMEDIATE")
        noted = self._db.execute("SELECT 1 FROM pending WHERE operation = ?", (operation,)).fetchone()
        if kept or (committed and noted):
            self._remember(operation, "undone" if kept else self.facts["state"])
        select = "SELECT part, lacking, whole FROM pending WHERE operation = ?"
        for part, lacking, whole in self._db.execute(select, (operation,)).fetchall() if committed else ():
            self._db.execute("DELETE FROM stay WHERE part = ? AND reason LIKE ?", (part, "%" if whole else NO_PLACE))
            self._settle_part(part, json.loads(lacking), when)
        self._db.execute("DELETE FROM pending")
        self._db.execute("DELETE FROM pending_stay")
        if kept:
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'state'", (json.dumps("shelved"),))
            self.facts["state"] = "shelved"
        self._db.execute("COMMIT")

    def _settle_part(self, part: int, lacking: list[str], when: str) -> None:
        """Write down which rows of a part stay: those of which something has no place among them."""
        self._db.execute("INSERT OR REPLACE INTO stay SELECT * FROM pending_stay WHERE part = ?", (part,))
        facts = json.loads(self._db.execute("SELECT facts FROM part WHERE id = ?", (part,)).fetchone()[0])
        if lacking:
            self._keep_lacking(part, facts, lacking)
        self._db.execute("UPDATE part SET returned = ? WHERE id = ?", (when, part))

    def _keep_lacking(self, part: int, facts: dict[str, Any], lacking: list[str]) -> None:
        """Keep the values of columns that were not there: they return as columns do."""
        places = [f"c{facts['columns'].index(one)} IS NOT NULL" for one in lacking]
        self._db.execute(
            f"INSERT OR IGNORE INTO stay SELECT ?, n, ? FROM rows_{part} WHERE {' OR '.join(places)}",  # noqa: S608 - numbers
            (part, f"there is no column {lacking[0]}"),
        )
        facts.update(kind="columns", lost=lacking, below=[], strict=False)
        if set(facts["key"]) & set(lacking):
            facts["key"] = []
        self._db.execute("UPDATE part SET facts = ? WHERE id = ?", (json.dumps(facts), part))

    def _remember(self, operation: str, state: str) -> None:
        """Keep how the entry is, where an operation is about to change it."""
        parts = self._db.execute("SELECT facts, returned, id FROM part").fetchall()
        facts = {"state": state, "parts": parts, "stay": self._db.execute("SELECT * FROM stay").fetchall()}
        self._db.execute(EARLIER)
        self._db.execute("INSERT OR IGNORE INTO earlier VALUES (?, ?)", (operation, json.dumps(facts)))

    def recall(self, operation: str, by: str) -> None:
        """Make the entry what it was before an operation, which is undone `by` another one, which may be undone too."""
        self._db.execute(EARLIER)
        found = self._db.execute("SELECT facts FROM earlier WHERE operation = ?", (operation,)).fetchone()
        if found is None:
            return
        facts = json.loads(found[0])
        self._db.execute("BEGIN IMMEDIATE")
        self._remember(by, self.facts["state"])
        self._db.executemany("UPDATE part SET facts = ?, returned = ? WHERE id = ?", facts["parts"])
        self._db.execute("DELETE FROM stay")
        self._db.executemany("INSERT INTO stay VALUES (?, ?, ?)", facts["stay"])
        self._db.execute("UPDATE meta SET value = ? WHERE key = 'state'", (json.dumps(facts["state"]),))
        self._db.execute("COMMIT")

    def pass_on(self, instance: str) -> None:
        """Belong to another instance of the database."""
        self._db.execute("UPDATE meta SET value = ? WHERE key = 'instance'", (json.dumps(instance),))
        self.facts["instance"] = instance

    def returned_at(self) -> str:
        """Return when the last of its rows returned, "" where some are still here."""
        found = self._db.execute("SELECT min(returned), max(returned) FROM part").fetchone()
        return str(found[1]) if found[0] and not self.left else ""

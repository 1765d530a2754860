"""Carrying the rows of one SQLite file over to another, whose schema was built anew."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from dbsync.errors import DbsyncError
from dbsync.store.sqlite_file import uri_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# PRAGMA table_xinfo, hidden: 0 is a column that can be written, 1 one of a virtual table, 2 and 3 are generated.
WRITABLE = 0
OBJECTS = "SELECT name, sql FROM {}.sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite_%' AND sql IS NOT NULL"
HINT = "correct the downgrade, or take the rows away that are in the way"


def carry(source: str, target: str, version_table: str, is_theirs: Callable[[str], bool]) -> list[str]:
    """Put the rows of a database into one that was built anew, in one transaction; both hold the same version table.

    Of a table that both have, all columns that both have are taken. A table that only the source has comes along whole,
    unless it `is_theirs`: made by what is not wanted any more. Returns what was left behind, a table or `table.column`
    each. Raises `DbsyncError` where a row has no place: nothing is to be done with the target then.
    """
    with contextlib.closing(sqlite3.connect(uri_of(target, "rw"), uri=True, isolation_level=None)) as db:
        db.execute("ATTACH ? AS old", (uri_of(source),))
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("BEGIN")
        broken = _broken(db, "old")
        left = _Carrier(db, version_table, is_theirs).run()
        if _broken(db, "main") > broken:
            raise DbsyncError("rows would refer to nothing in the schema built anew", HINT, code="DBS323")
        db.execute("COMMIT")
    return left


def _broken(db: sqlite3.Connection, schema: str) -> int:
    return len(db.execute(f"PRAGMA {schema}.foreign_key_check").fetchall())


class _Carrier:
    """Carries table by table; triggers are put aside meanwhile, since they do not fire for rows that were there."""

    def __init__(self, db: sqlite3.Connection, version_table: str, is_theirs: Callable[[str], bool]) -> None:
        self._db = db
        self._is_theirs = is_theirs
        self._old = {name: sql for name, sql in self._objects("old", "table") if name != version_table}
        self._new = {name: sql for name, sql in self._objects("main", "table") if name != version_table}

    def _objects(self, schema: str, kind: str) -> list[tuple[str, str]]:
        return self._db.execute(OBJECTS.format(schema), (kind,)).fetchall()

    def run(self) -> list[str]:
        """Carry all; return what was left behind."""
        triggers = self._objects("main", "trigger")
        for name, _ in triggers:
            self._db.execute(f"DROP TRIGGER {_quote(name)}")
        left = [one for name in self._old for one in self._table(name)]
        self._sequences()
        for _, sql in triggers:
            self._db.execute(sql)
        return left

    def _table(self, name: str) -> Iterator[str]:
        if name not in self._new and self._is_theirs(name):
            if self._db.execute(f"SELECT 1 FROM old.{_quote(name)} LIMIT 1").fetchone():  # noqa: S608 - quoted
                yield name
            return
        if name not in self._new:
            self._make(name)
        old, new = self._columns("old", name), self._columns("main", name)
        both = ", ".join(_quote(one) for one in old if one in new)
        with _explained(name):
            self._db.execute(f"DELETE FROM main.{_quote(name)}")  # noqa: S608 - quoted
            if both:
                insert = f"INSERT INTO main.{_quote(name)} ({both}) SELECT {both} FROM old.{_quote(name)}"  # noqa: S608 - quoted
                self._db.execute(insert)
        yield from (f"{name}.{one}" for one in old if one not in new and self._has_values(name, one))

    def _make(self, name: str) -> None:
        """Make a table that is somebody else's, with its indexes."""
        indexes = self._db.execute(
            "SELECT sql FROM old.sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", (name,)
        )
        for (sql,) in [(self._old[name],), *indexes.fetchall()]:
            self._db.execute(sql)

    def _columns(self, schema: str, table: str) -> list[str]:
        rows = self._db.execute(f"PRAGMA {schema}.table_xinfo({_quote(table)})")
        return [row[1] for row in rows if row[6] == WRITABLE]

    def _has_values(self, table: str, column: str) -> bool:
        select = f"SELECT 1 FROM old.{_quote(table)} WHERE {_quote(column)} IS NOT NULL LIMIT 1"  # noqa: S608 - quoted
        return self._db.execute(select).fetchone() is not None

    def _sequences(self) -> None:
        """Let AUTOINCREMENT go on where it was (autoinc.html)."""
        names = "SELECT name FROM {}.sqlite_master WHERE name = 'sqlite_sequence'"
        if all(self._db.execute(names.format(schema)).fetchone() for schema in ("old", "main")):
            self._db.execute("DELETE FROM main.sqlite_sequence WHERE name IN (SELECT name FROM old.sqlite_sequence)")
            self._db.execute(
                "INSERT INTO main.sqlite_sequence SELECT * FROM old.sqlite_sequence"
                " WHERE name IN (SELECT name FROM main.sqlite_master)"
            )


@contextlib.contextmanager
def _explained(table: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DbsyncError(
            f"the rows of {table} have no place in the schema that was built anew: {error}", HINT
        ) from error


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""Carrying the rows of one SQLite file over to another, whose schema was built anew."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from dbsync.errors import DbsyncError
from dbsync.store.sqlite_file import uri_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# PRAGMA table_xinfo, hidden: 0 is a column that can be written, 1 one of a virtual table, 2 and 3 are generated.
WRITABLE = 0
OBJECTS = (
    r"SELECT type, name, sql, tbl_name FROM {}.sqlite_master WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\' AND sql <> ''"
)
ROWIDS = ("rowid", "_rowid_", "oid")
# What of a file's header is its application's, and what has to be set before anything is in it.
HEADER = ("user_version", "application_id")
LAYOUT = ("encoding", "page_size", "auto_vacuum")
HINT = "correct the downgrade, or take the rows away that are in the way"


class Object(NamedTuple):
    """A table, index, view or trigger, and the table it is of."""

    kind: str
    name: str
    sql: str
    table: str

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others: SQLite does not heed case."""
        return self.kind, self.name.lower()

    @property
    def is_virtual(self) -> bool:
        """Whether its rows are in tables that come with it."""
        return " ".join(self.sql.split()[:2]).upper() == "CREATE VIRTUAL"


class Made(NamedTuple):
    """What tells the revisions' part of a schema from what is somebody else's.

    `whole` is a file that was built from all that is applied, "" where it cannot be: then `mentioned` says whether a
    name is spoken of in what is not wanted any more.
    """

    whole: str
    mentioned: Callable[[str], bool]


def lay_out(target: str, source: str) -> None:
    """Make an empty file like another one in what cannot be changed later."""
    with (
        contextlib.closing(sqlite3.connect(uri_of(source), uri=True)) as old,
        contextlib.closing(sqlite3.connect(target, isolation_level=None)) as db,
    ):
        for name in LAYOUT:
            db.execute(f"PRAGMA {name} = {_quote(str(old.execute(f'PRAGMA {name}').fetchone()[0]))}")
        db.execute("CREATE TABLE dbsync_empty (a)")
        db.execute("DROP TABLE dbsync_empty")


def carry(source: str, target: str, version_table: str, made: Made) -> list[str]:
    """Put the rows of a database into one that was built anew, in one transaction; both hold the same version table.

    Of a table that both have, all columns that both have are taken. What no revision made comes along whole. Returns
    what was left behind, a table, `table.column` or another object each. Raises `DbsyncError` where a row has no place:
    nothing is to be done with the target then.
    """
    try:
        with contextlib.closing(sqlite3.connect(uri_of(target, "rw"), uri=True, isolation_level=None)) as db:
            db.execute("ATTACH ? AS old", (uri_of(source),))
            db.execute("PRAGMA foreign_keys = OFF")
            db.execute("BEGIN")
            left = _Carrier(db, version_table, made).run()
            if _broken(db, "main") - _broken(db, "old"):
                raise DbsyncError("rows would refer to nothing in the schema built anew", HINT, code="DBS323")
            db.execute("COMMIT")
    except sqlite3.Error as error:
        message = f"what is in the database cannot be carried over to the schema built anew: {error}"
        raise DbsyncError(message, HINT, code="DBS323") from error
    return left


def _broken(db: sqlite3.Connection, schema: str) -> Counter[tuple[str, str]]:
    """Count the rows that refer to nothing, by table and what they refer to; where SQLite cannot tell, none."""
    found: Counter[tuple[str, str]] = Counter()
    for one in _objects(db, schema).values():
        if one.kind == "table":
            with contextlib.suppress(sqlite3.OperationalError):  # the other table has no such key
                rows = db.execute(f"PRAGMA {schema}.foreign_key_check({_quote(one.name)})")
                found.update((row[0].lower(), row[2].lower()) for row in rows.fetchall())
    return found


def _objects(db: sqlite3.Connection, schema: str) -> dict[tuple[str, str], Object]:
    """Return all there is in the order in which it was made."""
    rows = db.execute(OBJECTS.format(schema))
    return {one.key: one for one in (Object(*row) for row in rows.fetchall())}


class _Carrier:
    """Carries table by table; triggers are put aside meanwhile, since they do not fire for rows that were there."""

    def __init__(self, db: sqlite3.Connection, version_table: str, made: Made) -> None:
        self._db = db
        self._old = _objects(db, "old")
        self._new = _objects(db, "main")
        for known in (self._old, self._new):
            known.pop(("table", version_table.lower()), None)
        self._made = made
        self._whole = _whole(made.whole)

    def run(self) -> list[str]:
        """Carry all; return what was left behind."""
        triggers = [one for one in self._new.values() if one.kind == "trigger"]
        for one in triggers:
            self._db.execute(f"DROP TRIGGER {_quote(one.name)}")
        shadows = self._shadows()
        left = [name for key in self._old if key[0] == "table" for name in self._table(self._old[key], shadows)]
        left += self._others()
        self._sequences()
        for one in triggers:
            self._db.execute(one.sql)
        for name in HEADER:
            self._db.execute(f"PRAGMA main.{name} = {self._db.execute(f'PRAGMA old.{name}').fetchone()[0]}")
        return left

    def _is_theirs(self, one: Object) -> bool:
        """Say whether something was made by what is not wanted any more."""
        if self._whole is not None:
            return one.key in self._whole
        if not self._made.mentioned(one.name):
            return False
        if one.kind == "table" and self._has_rows(one.name):
            message = (
                f"it is not known whether {one.name} is somebody else's: the revisions cannot be built from nothing"
            )
            raise DbsyncError(message, HINT, code="DBS323")
        return True

    def _shadows(self) -> set[str]:
        """Return the tables that hold what is in virtual ones, which come with these."""
        if not any(one.is_virtual for one in self._old.values()):
            return set()
        listed = self._db.execute("PRAGMA old.table_list").fetchall()  # SQLite 3.37
        if not listed:
            raise DbsyncError("virtual tables are not carried over by this SQLite", HINT, code="DBS323")
        return {row[1].lower() for row in listed if row[2] == "shadow"}

    def _table(self, one: Object, shadows: set[str]) -> Iterator[str]:
        """Carry a table; a virtual one by what comes with it, which is listed after it."""
        known = self._new.get(one.key)
        if known is None and one.name.lower() not in shadows:
            if self._is_theirs(one):
                yield from [one.name] if self._has_rows(one.name) else []
                return
            self._db.execute(one.sql)
            if one.is_virtual:
                self._new.update(_objects(self._db, "main"))
        elif known is not None and one.is_virtual and known.sql.split() != one.sql.split():
            raise DbsyncError(f"the virtual table {one.name} is another one without them", HINT, code="DBS323")
        if not one.is_virtual and (known is not None or one.name.lower() not in shadows):
            yield from self._rows(one.name)

    def _rows(self, name: str) -> Iterator[str]:
        old, new = self._columns("old", name), self._columns("main", name)
        both = [one for one in old if one in new]
        listed = [*both, *self._rowid(name, both)]
        with _explained(name):
            self._db.execute(f"DELETE FROM main.{_quote(name)}")  # noqa: S608 - quoted
            if listed:
                names = ", ".join(_quote(one) for one in listed)
                # A constraint's own ON CONFLICT clause would leave rows out.
                insert = f"INSERT OR ABORT INTO main.{_quote(name)} ({names}) SELECT {names} FROM old.{_quote(name)}"  # noqa: S608 - quoted
                self._db.execute(insert)
        for one, declared in old.items():
            lost = self._has_rows(name, one) if one not in new else declared != new[one] and self._differs(name, one)
            yield from [f"{name}.{one}"] if lost else []

    def _rowid(self, name: str, both: list[str]) -> list[str]:
        """Return the name of the row's number, where it can be carried and no column that is carried is it."""
        key = [row for row in self._db.execute(f"PRAGMA main.table_xinfo({_quote(name)})") if row[5]]
        if len(key) == 1 and key[0][2].upper() == "INTEGER" and key[0][1].lower() in both:
            return []
        taken = {*self._columns("old", name), *self._columns("main", name)}
        alias = next((one for one in ROWIDS if one not in taken), "")
        try:
            for schema in ("old", "main") if alias else ():
                self._db.execute(f"SELECT {alias} FROM {schema}.{_quote(name)} LIMIT 0")  # noqa: S608 - quoted
        except sqlite3.OperationalError:  # WITHOUT ROWID
            return []
        return [alias] if alias else []

    def _columns(self, schema: str, table: str) -> dict[str, str]:
        """Return the columns that can be written, in lower case, with their types."""
        rows = self._db.execute(f"PRAGMA {schema}.table_xinfo({_quote(table)})")
        return {row[1].lower(): row[2].upper() for row in rows if row[6] == WRITABLE}

    def _has_rows(self, table: str, column: str = "") -> bool:
        where = f"WHERE {_quote(column)} IS NOT NULL" if column else ""
        return bool(self._db.execute(f"SELECT 1 FROM old.{_quote(table)} {where} LIMIT 1").fetchone())  # noqa: S608 - quoted

    def _differs(self, table: str, column: str) -> bool:
        """Say whether a value has become another one in a column of another type."""
        values = [f"SELECT CAST({_quote(column)} AS TEXT) FROM {one}.{_quote(table)}" for one in ("old", "main")]  # noqa: S608 - quoted
        return self._db.execute(f"{' EXCEPT '.join(values)} LIMIT 1").fetchone() is not None

    def _others(self) -> Iterator[str]:
        """Make the indexes, views and triggers that are somebody else's."""
        for one in self._old.values():
            if one.kind == "table" or one.key in self._new or self._is_theirs(one):
                continue
            try:
                self._db.execute(one.sql)
                if one.kind == "view":
                    self._db.execute(f"SELECT 1 FROM main.{_quote(one.name)} LIMIT 0")  # noqa: S608 - quoted
            except sqlite3.OperationalError:
                self._db.execute(f"DROP {one.kind} IF EXISTS main.{_quote(one.name)}")
                yield one.name

    def _sequences(self) -> None:
        """Let AUTOINCREMENT go on where it was (autoinc.html)."""
        names = "SELECT name FROM {}.sqlite_master WHERE name = 'sqlite_sequence'"
        if all(self._db.execute(names.format(schema)).fetchone() for schema in ("old", "main")):
            both = "lower(name) IN (SELECT lower(name) FROM old.sqlite_sequence)"
            self._db.execute(f"DELETE FROM main.sqlite_sequence WHERE {both}")  # noqa: S608 - a constant
            self._db.execute(
                "INSERT INTO main.sqlite_sequence SELECT m.name, s.seq FROM old.sqlite_sequence s"
                " JOIN main.sqlite_master m ON m.type = 'table' AND lower(m.name) = lower(s.name)"
            )


def _whole(path: str) -> dict[tuple[str, str], Object] | None:
    if not path:
        return None
    with contextlib.closing(sqlite3.connect(uri_of(path), uri=True)) as db:
        return _objects(db, "main")


@contextlib.contextmanager
def _explained(table: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DbsyncError(
            f"the rows of {table} have no place in the schema that was built anew: {error}", HINT, code="DBS323"
        ) from error


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

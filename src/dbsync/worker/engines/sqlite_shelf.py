"""Rows of SQLite as the shelf takes them and puts them back: every value in its own storage class."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any

from .driver import Shape, change, dbapi_of, execute, rows_of
from .sqlite_schema import VIRTUAL, kind_of, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

DROP = "DROP TABLE"
ROW = "rowid"
OVERRIDING = ""
AT_ONCE = 2000
# A value that is longer is told by its hash; a hash is not.
LONGEST = 40

# Per affinity, the test of whether CAST leaves one value what it is; NULL, which `min` passes over, for NULL.
KEEPS = {
    "integer": "CASE typeof({0}) WHEN 'text' THEN CAST(CAST({0} AS INTEGER) AS TEXT)"
    " ELSE CAST({0} AS INTEGER) END = {0}",
    "real": "CASE typeof({0}) WHEN 'text' THEN CAST(CAST({0} AS REAL) AS TEXT) ELSE CAST({0} AS REAL) END = {0}",
    "numeric": "CASE typeof({0}) WHEN 'text' THEN CAST(CAST({0} AS NUMERIC) AS TEXT)"
    " ELSE CAST({0} AS NUMERIC) END = {0}",
    "text": "CASE typeof({0}) WHEN 'real' THEN CAST(CAST({0} AS TEXT) AS REAL) = {0} WHEN 'null' THEN NULL"
    " ELSE typeof({0}) <> 'blob' END",
    "blob": "CASE typeof({0}) WHEN 'null' THEN NULL ELSE typeof({0}) IN ('text', 'blob') END",
}


def shelves(connection: Any) -> bool:
    """Say whether there is a shelf: there is no UPDATE … FROM before 3.33."""
    return sqlite3.sqlite_version_info >= (3, 33)


def shape(connection: Any, table: str) -> Shape | None:
    """Return what a table is made of."""
    dbapi = dbapi_of(connection)
    tables = dict(rows_of(dbapi, "SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    if table not in tables:
        return None
    virtual = [name for name, text in tables.items() if VIRTUAL.match(text or "")]
    if table in virtual or any(table.startswith(f"{name}_") for name in virtual):
        return Shape({}, [], frozenset(), [], referred=True, why_not="its module keeps its rows")
    rows = [row for row in rows_of(dbapi, f"PRAGMA table_xinfo({quote(table)})") if not row[6]]
    return Shape(
        {row[1]: row[2] for row in rows},
        [row[1] for row in sorted(rows, key=lambda row: row[5]) if row[5]],
        frozenset(row[1] for row in rows if row[4] is not None),
        _references(dbapi, table),
        any(other != table and _refers(dbapi, other, table) for other in tables),
    )


def _references(dbapi: Any, table: str) -> list[tuple[list[str], str, list[str]]]:
    found: dict[int, tuple[list[str], str, list[str]]] = {}
    for row in rows_of(dbapi, f"PRAGMA foreign_key_list({quote(table)})"):
        one = found.setdefault(row[0], ([], row[2], []))
        one[0].append(row[3])
        one[2].append(row[4])
    return [(own, other, _named(dbapi, other, names)) for own, other, names in found.values()]


def _named(dbapi: Any, table: str, names: list[Any]) -> list[str]:
    """Return the columns that are referred to: those of the key where none are named."""
    if all(names):
        return names
    rows = rows_of(dbapi, f"PRAGMA table_info({quote(table)})")
    return [row[1] for row in sorted(rows, key=lambda row: row[5]) if row[5]]


def _refers(dbapi: Any, table: str, other: str) -> bool:
    return any(row[2] == other for row in rows_of(dbapi, f"PRAGMA foreign_key_list({quote(table)})"))


def broken(connection: Any, table: str) -> list[str]:
    """Return the tables that some rows refer to in vain, which nobody has to check on SQLite."""
    rows = rows_of(dbapi_of(connection), f"PRAGMA foreign_key_check({quote(table)})")
    return sorted({row[2] for row in rows})


def exact(column: str, declared: str) -> str:
    """Return the value itself."""
    return column


def kept(column: str) -> str:
    """Return the value itself."""
    return column


def typed(value: str, declared: str) -> str:
    """Return the value itself."""
    return value


def witness(column: str) -> str:
    """Return what tells a value from another one."""
    long = f"dbsync_hash(typeof({column}), CAST({column} AS BLOB))"
    return f"CASE WHEN length({column}) > {LONGEST} THEN {long} ELSE {column} END"


def same(one: str, other: str) -> str:
    """Compare by bytes, whatever collation or affinity a column has."""
    return f"(+({one}) COLLATE BINARY IS +({other}))"


def same_key(column: str, value: str) -> str:
    """Compare so that an index is used."""
    return f"{column} IS {value}"


def joined(witnesses: list[str]) -> str:
    """Return one text for several values."""
    return " || ',' || ".join(f"quote({one})" for one in witnesses) or "''"


def fits(value: str, before: str, now: str) -> str:
    """Return the test of whether a value stays what it is under the affinity of another type."""
    if kind_of(before) == kind_of(now):
        return ""
    return f"coalesce({KEEPS[kind_of(now)].format(value)}, 1)"


def unlike(value: str, now: str, before: str, after: str) -> str:
    """Return the test of whether another affinity has made another value of one: a copy casts '2020-01-01' to 2020."""
    return f"NOT {fits(value, before, after) or same(value, now)}"


def just_now(column: str, declared: str, seconds: float) -> str:
    """Return the test of whether a time is within the last seconds, "" for a type that holds none."""
    if "TIME" not in declared.upper():
        return ""
    # CURRENT_TIMESTAMP has no fractions.
    return f"julianday({column}) BETWEEN julianday('now') - {(seconds + 1) / 86400:.9f} AND julianday('now')"


def counts(declared: str) -> bool:
    """Say whether a key may be a row's number."""
    return kind_of(declared) == "integer"


@contextlib.contextmanager
def steady(connection: Any) -> Iterator[None]:
    """Read texts whatever is in them, and know the hash."""
    driver = connection.connection.driver_connection
    dbapi_of(connection).create_function("dbsync_hash", 2, _hash)
    before, driver.text_factory = driver.text_factory, partial(str, encoding="utf-8", errors="surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before


def _hash(kind: str, value: bytes) -> str:
    return f"{kind}:{hashlib.sha256(value).hexdigest()[:30]}"


@contextlib.contextmanager
def quiet(connection: Any, table: str) -> Iterator[None]:
    """Take a table's triggers away meanwhile: SQLite has no other way to keep them from firing."""
    dbapi = dbapi_of(connection)
    name = table.replace("'", "''")
    statement = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{name}' COLLATE NOCASE"
    triggers = rows_of(dbapi, f"{statement} ORDER BY rowid")
    for trigger, _ in triggers:
        execute(dbapi, f"DROP TRIGGER {quote(trigger)}")
    yield
    for _, text in triggers:
        execute(dbapi, text)


def export(connection: Any, select: str) -> Iterator[list[list[Any]]]:
    """Yield rows, bytes in a form that JSON can hold."""
    cursor = dbapi_of(connection).cursor()
    cursor.execute(select)
    while rows := cursor.fetchmany(AT_ONCE):
        yield [[_sent(value) for value in row] for row in rows] if _has(bytes, rows) else rows
    cursor.close()


def _has(kind: type, rows: list[Any]) -> bool:
    return any(kind in set(map(type, column)) for column in zip(*rows))


def _sent(value: Any) -> Any:
    return {"b": base64.b64encode(value).decode("ascii")} if isinstance(value, bytes) else value


def scratch(name: str) -> str:
    """Return a temporary table's name in SQL."""
    return f"temp.{quote(name)}"


def make(connection: Any, name: str, columns: list[str]) -> None:
    """Make a temporary table whose columns convert nothing."""
    listed = ", ".join(["n INTEGER PRIMARY KEY", *map(quote, columns)])
    execute(dbapi_of(connection), f"CREATE TEMP TABLE {quote(name)} ({listed})")


def image(connection: Any, name: str, table: str) -> None:
    """Copy a table."""
    columns = (shape(connection, table) or Shape({}, [], frozenset(), [], referred=False)).columns
    listed = ", ".join(f"+{quote(one)} AS {quote(one)}" for one in columns)
    execute(dbapi_of(connection), f"CREATE TEMP TABLE {quote(name)} AS SELECT {listed} FROM main.{quote(table)}")


def index(connection: Any, name: str, columns: list[str]) -> None:
    """Let rows of a temporary table be found by columns, unless they can be."""
    execute(dbapi_of(connection), f"CREATE INDEX IF NOT EXISTS temp.dbsync_by ON {quote(name)} ({', '.join(columns)})")


def update(table: str, sets: dict[str, str], others: dict[str, str], where: str) -> str:
    """Return an UPDATE of a table, `t`, by others, named as the keys say."""
    listed = ", ".join(f"{quote(column)} = {value}" for column, value in sets.items())
    joined_to = ", ".join(f"{name} AS {alias}" for alias, name in others.items())
    return f"UPDATE {table} AS t SET {listed} FROM {joined_to} WHERE {where}"


def load(connection: Any, name: str, columns: list[str], rows: list[list[Any]]) -> None:
    """Insert rows as they were exported. A text that is no UTF-8 has other signs for its bytes, and is cast."""
    cursor = dbapi_of(connection).cursor()
    whole = [[_received(value) for value in row] for row in rows] if _has(dict, rows) else rows
    insert = f"INSERT OR REPLACE INTO {scratch(name)} ({', '.join(['n', *map(quote, columns)])}) VALUES"
    try:
        cursor.executemany(f"{insert} ({', '.join('?' for _ in rows[0])})", whole)
    except UnicodeEncodeError:
        for row in whole:
            marks = ["CAST(? AS TEXT)" if isinstance(value, str) else "?" for value in row]
            values = [value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value for value in row]
            cursor.execute(f"{insert} ({', '.join(marks)})", values)
    cursor.close()


def _received(value: Any) -> Any:
    return base64.b64decode(value["b"]) if isinstance(value, dict) else value


def given_out(connection: Any, table: str) -> int | None:
    """Return the last number that an AUTOINCREMENT has given out, None where there is none."""
    dbapi = dbapi_of(connection)
    if not rows_of(dbapi, "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"):
        return None
    found = rows_of(dbapi, f"SELECT seq FROM sqlite_sequence WHERE name = {_text(table)}")
    return int(found[0][0]) if found else None


def renumber(connection: Any, table: str, given_out: int | None) -> None:
    """Let an AUTOINCREMENT, which follows what is inserted, give out no number again."""
    dbapi = dbapi_of(connection)
    found = rows_of(dbapi, f"SELECT sql FROM sqlite_master WHERE type = 'table' AND name = {_text(table)}")
    if given_out is None or "AUTOINCREMENT" not in str(found).upper():
        return
    higher = f"UPDATE sqlite_sequence SET seq = max(seq, {given_out}) WHERE name = {_text(table)}"
    if not change(dbapi, higher):
        execute(dbapi, f"INSERT INTO sqlite_sequence (name, seq) VALUES ({_text(table)}, {given_out})")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

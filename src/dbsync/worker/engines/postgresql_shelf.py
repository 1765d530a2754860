"""Rows of PostgreSQL as the shelf takes them and puts them back: every value in PostgreSQL's own text form."""

from __future__ import annotations

import contextlib
import itertools
import json
from typing import TYPE_CHECKING, Any

from .driver import Shape, dbapi_of, execute, rows_of
from .postgresql_schema import literal, quote, quote_one

if TYPE_CHECKING:
    from collections.abc import Iterator

DROP = "DROP TABLE"
ROW = "ctid"
OVERRIDING = "OVERRIDING SYSTEM VALUE"
AT_ONCE = 2000
CURSORS = itertools.count(1)
LONGEST = 40
# What the text form of a value hangs on, and whether all rows are seen.
SETTINGS = {
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    "xmloption": "content",
    "lc_monetary": "C",
    "standard_conforming_strings": "on",
    "row_security": "off",  # an error instead of rows that are passed over
}
TRIGGER_STATES = {"O": "ENABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


def shelves(connection: Any) -> bool:
    """Say whether there is a shelf."""
    return True


def shape(connection: Any, table: str) -> Shape | None:
    """Return what a table is made of."""
    dbapi = dbapi_of(connection)
    oid = rows_of(dbapi, f"SELECT to_regclass({literal(quote(table))})::oid::text")[0][0]
    if oid is None:
        return None
    rows = rows_of(
        dbapi,
        "SELECT attname, format_type(atttypid, atttypmod), atthasdef OR attidentity <> ''"
        f" FROM pg_attribute WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
        " ORDER BY attnum",
    )
    key = f"SELECT {_names('conrelid', 'conkey')} FROM pg_constraint WHERE conrelid = {oid} AND contype = 'p'"
    referred = (
        f"SELECT EXISTS (SELECT FROM pg_constraint WHERE confrelid = {oid} AND conrelid <> {oid} AND contype = 'f')"
    )
    whole = _whole_of(dbapi, oid)
    return Shape(
        {row[0]: row[1] for row in rows},
        next((json.loads(row[0]) for row in rows_of(dbapi, key)), []),
        frozenset(row[0] for row in rows if row[2]),
        _references(dbapi, oid),
        rows_of(dbapi, referred)[0][0],
        "a partition goes with its table" if whole else "",
        whole,
    )


def _whole_of(dbapi: Any, oid: str) -> str:
    """Return the table that a partition belongs to at last, "" for what is none."""
    statement = (
        "SELECT CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname FROM pg_class c"
        f" JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE c.oid = pg_partition_root({oid}::regclass) AND c.oid <> {oid}"
    )
    found = rows_of(dbapi, statement)
    return str(found[0][0]) if found else ""


def _names(relation: str, numbers: str) -> str:
    """Return the SQL for the names of a constraint's columns, in their order, as a JSON text."""
    return (
        "(SELECT json_agg(a.attname ORDER BY k.place)::text"
        f" FROM unnest({numbers}) WITH ORDINALITY AS k (number, place)"
        f" JOIN pg_attribute a ON a.attrelid = {relation} AND a.attnum = k.number)"
    )


def _references(dbapi: Any, oid: str) -> list[tuple[list[str], str, list[str]]]:
    statement = (
        f"SELECT {_names('conrelid', 'conkey')},"
        " CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname,"
        f" {_names('confrelid', 'confkey')} FROM pg_constraint f JOIN pg_class c ON c.oid = f.confrelid"
        f" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE conrelid = {oid} AND contype = 'f'"
    )
    return [(json.loads(own), other, json.loads(names)) for own, other, names in rows_of(dbapi, statement)]


def broken(connection: Any, table: str) -> list[str]:
    """Return nothing: the server lets no row refer to nothing."""
    return []


def exact(column: str, declared: str) -> str:
    """Return the value itself."""
    return column


def kept(column: str) -> str:
    """Return a value's text form."""
    return f"({column})::text"


def typed(value: str, declared: str) -> str:
    """Return what a text form stands for."""
    return f"({value})::{declared}"


def witness(column: str) -> str:
    """Return what tells a value from another one."""
    text = f"({column})::text"
    return f"CASE WHEN length({text}) > {LONGEST} THEN 'md5:' || md5({text}) ELSE {text} END"


def same(one: str, other: str) -> str:
    """Compare texts by bytes."""
    return f'(({one}) COLLATE "C" IS NOT DISTINCT FROM ({other}) COLLATE "C")'


def same_key(column: str, value: str) -> str:
    """Compare so that an index or a hash can be used."""
    return f"{column} = {value}"


def joined(witnesses: list[str]) -> str:
    """Return one text for several."""
    return f"md5(json_build_array({', '.join(witnesses)})::text)"


def fits(value: str, before: str, now: str) -> str:
    """Return the test of whether a text form stays what it is in another type."""
    return "" if before == now else same(f"(({value})::{now})::text", value)


def unlike(value: str, now: str, before: str, after: str) -> str:
    """Return the test of whether another type has made another text of a value."""
    return f"NOT {same(kept(value), kept(now))}"


def just_now(column: str, declared: str, seconds: float) -> str:
    """Return the test of whether a time is in this transaction's, "" for a type that holds none."""
    return f"{column} BETWEEN now() AND clock_timestamp()" if declared.startswith("timestamp") else ""


def counts(declared: str) -> bool:
    """Say whether a key may be given out by a sequence."""
    return declared in ("smallint", "integer", "bigint")


@contextlib.contextmanager
def steady(connection: Any) -> Iterator[None]:
    """Write values the same whatever the session's settings are."""
    dbapi = dbapi_of(connection)
    names = ", ".join(map(literal, SETTINGS))
    before = rows_of(dbapi, f"SELECT lower(name), setting FROM pg_settings WHERE lower(name) IN ({names})")
    _configure(dbapi, list(SETTINGS.items()))
    try:
        yield
    finally:
        with contextlib.suppress(Exception):  # an aborted transaction forgets them by itself
            _configure(dbapi, before)


def _configure(dbapi: Any, settings: list[Any]) -> None:
    calls = ", ".join(f"set_config({literal(name)}, {literal(value)}, true)" for name, value in settings)
    rows_of(dbapi, f"SELECT {calls}")


@contextlib.contextmanager
def quiet(connection: Any, table: str) -> Iterator[None]:
    """Switch a table's own triggers off meanwhile, which its owner may; those of foreign keys stay, and do not wait.

    An identity that is always generated takes no UPDATE; one by default does.
    """
    dbapi, name = dbapi_of(connection), quote(table)
    execute(dbapi, "SET CONSTRAINTS ALL IMMEDIATE")
    triggers = rows_of(
        dbapi,
        f"SELECT tgname, tgenabled::text FROM pg_trigger WHERE tgrelid = to_regclass({literal(name)})"
        " AND NOT tgisinternal AND tgenabled <> 'D'",
    )
    for trigger, _ in triggers:
        execute(dbapi, f"ALTER TABLE {name} DISABLE TRIGGER {quote_one(trigger)}")
    always = rows_of(
        dbapi,
        f"SELECT attname FROM pg_attribute WHERE attrelid = to_regclass({literal(name)}) AND attidentity = 'a'"
        " AND NOT attisdropped",
    )
    for (column,) in always:
        execute(dbapi, f"ALTER TABLE {name} ALTER {quote_one(column)} SET GENERATED BY DEFAULT")
    yield
    for (column,) in always:
        execute(dbapi, f"ALTER TABLE {name} ALTER {quote_one(column)} SET GENERATED ALWAYS")
    for trigger, state in triggers:
        execute(dbapi, f"ALTER TABLE {name} {TRIGGER_STATES[state]} TRIGGER {quote_one(trigger)}")
    waiting = rows_of(
        dbapi,
        "SELECT DISTINCT n.nspname::text, c.conname::text FROM pg_constraint c"
        " JOIN pg_namespace n ON n.oid = c.connamespace WHERE c.condeferred",
    )
    if waiting:
        listed = ", ".join(".".join(map(quote_one, one)) for one in waiting)
        execute(dbapi, f"SET CONSTRAINTS {listed} DEFERRED")


def export(connection: Any, select: str) -> Iterator[list[list[Any]]]:
    """Yield rows through a cursor of the server's: drivers would hold the whole result.

    Each has a name of its own, since asyncpg takes the same FETCH for one that returns the same columns.
    """
    dbapi, cursor = dbapi_of(connection), f"dbsync_rows_{next(CURSORS)}"
    execute(dbapi, f"DECLARE {cursor} NO SCROLL CURSOR FOR {select}")
    while rows := rows_of(dbapi, f"FETCH FORWARD {AT_ONCE} FROM {cursor}"):
        yield [list(row) for row in rows]
    execute(dbapi, f"CLOSE {cursor}")


def scratch(name: str) -> str:
    """Return a temporary table's name in SQL."""
    return f"pg_temp.{quote_one(name)}"


def make(connection: Any, name: str, columns: list[str]) -> None:
    """Make a temporary table of texts."""
    listed = ", ".join(["n integer PRIMARY KEY", *(f"{quote_one(one)} text" for one in columns)])
    execute(dbapi_of(connection), f"CREATE TEMP TABLE {quote_one(name)} ({listed}) ON COMMIT DROP")


def image(connection: Any, name: str, table: str) -> None:
    """Copy a table."""
    columns = (shape(connection, table) or Shape({}, [], frozenset(), [], referred=False)).columns
    listed = ", ".join(map(quote_one, columns))
    made = f"CREATE TEMP TABLE {quote_one(name)} ON COMMIT DROP AS SELECT {listed} FROM {quote(table)}"
    execute(dbapi_of(connection), made)


def index(connection: Any, name: str, columns: list[str]) -> None:
    """Let rows of a temporary table be found by columns, unless they can be."""
    execute(dbapi_of(connection), f"CREATE INDEX IF NOT EXISTS dbsync_by ON {scratch(name)} ({', '.join(columns)})")


def update(table: str, sets: dict[str, str], others: dict[str, str], where: str) -> str:
    """Return an UPDATE of a table, `t`, by others, named as the keys say."""
    listed = ", ".join(f"{quote_one(column)} = {value}" for column, value in sets.items())
    joined_to = ", ".join(f"{name} AS {alias}" for alias, name in others.items())
    return f"UPDATE {table} AS t SET {listed} FROM {joined_to} WHERE {where}"


def load(connection: Any, name: str, columns: list[str], rows: list[list[Any]]) -> None:
    """Insert rows as they were exported, all in one statement: drivers name parameters differently."""
    listed = ", ".join(["n", *map(quote_one, columns)])
    values = ", ".join(["(r->>0)::integer", *(f"r->>{place}" for place in range(1, len(rows[0])))])
    text = literal(json.dumps(rows, ensure_ascii=False).replace("%", "\\u0025"))  # no driver's sign for a parameter
    statement = f"INSERT INTO {scratch(name)} ({listed}) SELECT {values} FROM json_array_elements({text}::json) AS r"
    execute(dbapi_of(connection), statement)


def given_out(connection: Any, table: str) -> None:
    """Return nothing: sequences are set past the highest value."""


def renumber(connection: Any, table: str, given_out: None) -> None:
    """Set the sequences that give a table's columns their values past the highest one."""
    dbapi, name = dbapi_of(connection), quote(table)
    columns = (shape(connection, table) or Shape({}, [], frozenset(), [], referred=False)).columns
    for column in (one for one, declared in columns.items() if counts(declared)):
        for (sequence,) in rows_of(dbapi, _sequences(literal(name), literal(column))):
            highest = f"(SELECT max({quote_one(column)}) FROM {name})"
            last = f"(SELECT last_value FROM {sequence})"
            rows_of(dbapi, f"SELECT setval({literal(sequence)}, {highest}) WHERE {highest} > {last}")


def _sequences(table: str, column: str) -> str:
    """Return the SQL for the sequences of a column: its own, and those that its default speaks of."""
    return (
        f"SELECT own FROM pg_get_serial_sequence({table}, {column}) AS own WHERE own IS NOT NULL UNION"
        " SELECT s.oid::regclass::text FROM pg_attrdef f"
        f" JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum AND a.attname = {column}"
        " JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid"
        " JOIN pg_class s ON d.refclassid = 'pg_class'::regclass AND s.oid = d.refobjid AND s.relkind = 'S'"
        f" WHERE f.adrelid = to_regclass({table})"
    )

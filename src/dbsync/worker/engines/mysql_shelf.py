"""Rows of MariaDB as the shelf takes them and puts them back: every value in the server's text form, bytes as digits.

Whatever commits is left out here: changes of a schema do, but for temporary tables that are made and dropped.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from .driver import Shape, dbapi_of, execute, rows_of
from .mysql_schema import literal, quote_one, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROW = "dbsync_has_no_row_numbers"  # an error, wherever it is asked for
OVERRIDING = ""
DROP = "DROP TEMPORARY TABLE"
AT_ONCE = 2000
LONGEST = 40
SETTINGS = {"sql_mode": "'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'", "time_zone": "'+00:00'"}
INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")
TEXTS = ("char", "text", "enum", "set")
BYTES = ("binary", "blob")

quote = quote_one


class Declared(str):
    """A column's type, and the collation that its texts are compared by, "" for others."""

    __slots__ = ("collation",)
    collation: str

    def __new__(cls, declared: str, collation: str) -> Declared:  # noqa: PYI034 - Self is not in Python 3.9
        """Make one."""
        made = super().__new__(cls, declared)
        made.collation = collation
        return made


def shelves(connection: Any) -> bool:
    """Say whether there is a shelf: MySQL reads no temporary table twice in a statement."""
    return bool(getattr(connection.dialect, "is_mariadb", False))


def shape(connection: Any, table: str) -> Shape | None:
    """Return what a table is made of."""
    dbapi = dbapi_of(connection)
    here = f"table_schema = DATABASE() AND table_name = {literal(table)}"
    rows = rows_of(
        dbapi,
        "SELECT column_name, column_type, coalesce(collation_name, ''), coalesce(column_default, 'NULL') <> 'NULL',"
        " extra"
        f" FROM information_schema.columns WHERE {here} ORDER BY ordinal_position",
    )
    if not rows:
        return None
    written = [row for row in rows if "GENERATED" not in text_of(row[4]).upper()]
    key = rows_of(
        dbapi,
        f"SELECT column_name FROM information_schema.statistics WHERE {here} AND index_name = 'PRIMARY'"
        " ORDER BY seq_in_index",
    )
    return Shape(
        {text_of(row[0]): Declared(text_of(row[1]), text_of(row[2])) for row in written},
        [text_of(row[0]) for row in key],
        frozenset(text_of(row[0]) for row in written if row[3]),
        _references(dbapi, table),
        bool(rows_of(dbapi, f"SELECT 1 FROM {_KEYS} AND referenced_table_name = {literal(table)} LIMIT 1")),
    )


_KEYS = "information_schema.key_column_usage WHERE table_schema = DATABASE() AND referenced_table_schema = DATABASE()"


def _references(dbapi: Any, table: str) -> list[tuple[list[str], str, list[str]]]:
    found: dict[str, tuple[list[str], str, list[str]]] = {}
    statement = f"SELECT constraint_name, column_name, referenced_table_name, referenced_column_name FROM {_KEYS}"
    rows = rows_of(dbapi, f"{statement} AND table_name = {literal(table)} ORDER BY constraint_name, ordinal_position")
    for name, own, other, column in ([text_of(one) for one in row] for row in rows):
        one = found.setdefault(name, ([], other, []))
        one[0].append(own)
        one[2].append(column)
    return list(found.values())


def broken(connection: Any, table: str) -> list[str]:
    """Return nothing: the server lets no row refer to nothing."""
    return []


def exact(column: str, declared: str) -> str:
    """Return a value whose text form says all of it: that of a FLOAT has six digits."""
    return f"CAST({column} AS DOUBLE)" if declared.startswith("float") else column


def kept(column: str) -> str:
    """Return a value's text form; of one that was kept it is the same."""
    text = f"CONCAT({column})"
    digits = f"CONCAT('0x', HEX({text}))"
    return f"CASE WHEN COLLATION({text}) = 'binary' THEN {digits} ELSE CONVERT({text} USING utf8mb4) END"


def typed(value: str, declared: str) -> str:
    """Return what a text form stands for."""
    base, collation = _base(declared), getattr(declared, "collation", "")
    forms = {
        "bit": "CAST(CONV(SUBSTRING({0}, 3), 16, 10) AS UNSIGNED)",
        "bytes": "UNHEX(SUBSTRING({0}, 3))",
        "decimal": f"CAST({{0}} AS {declared.partition(' ')[0].upper()})",
        "double": "CAST({0} AS DOUBLE)",
        "float": "CAST({0} AS DOUBLE)",
        "integer": f"CAST({{0}} AS {'UNSIGNED' if 'unsigned' in declared else 'SIGNED'})",
        "text": f"(CONVERT({{0}} USING {collation.partition('_')[0]}) COLLATE {collation})" if collation else "{0}",
    }
    return forms.get(_family(declared) or base, "{0}").format(value)


def witness(column: str) -> str:
    """Return what tells a value from another one."""
    text = kept(column)
    return f"CASE WHEN CHAR_LENGTH({text}) > {LONGEST} THEN CONCAT('md5:', MD5({text})) ELSE {text} END"


def same(one: str, other: str) -> str:
    """Compare texts by bytes."""
    return f"(CAST({one} AS BINARY) <=> CAST({other} AS BINARY))"


def same_key(column: str, value: str) -> str:
    """Compare so that an index can be used."""
    return f"{column} = {value}"


def joined(witnesses: list[str]) -> str:
    """Return one text for several."""
    return f"MD5(CONCAT_WS(',', {', '.join(f'QUOTE({one})' for one in witnesses)}))" if witnesses else "''"


def fits(value: str, before: str, now: str) -> str:
    """Return the test of whether a text form stays what it is in another type; a value too large is an error."""
    old, new = _family(before), _family(now)
    if before == now or old == new != "" or (new == "text" and old != "bytes"):
        return ""
    if new == "integer" and old in ("text", "integer"):
        return f"coalesce({value} REGEXP '^-?(0|[1-9][0-9]*)$', 1)"
    return f"{value} IS NULL"


def _family(declared: str) -> str:
    """Return which types keep each other's values, or refuse them; "" for those that may change them."""
    base = _base(declared)
    named = {"integer": INTEGERS, "text": TEXTS, "bytes": BYTES}
    return next((name for name, ends in named.items() if base.endswith(ends)), "")


def _base(declared: str) -> str:
    return declared.partition("(")[0].partition(" ")[0]


def unlike(value: str, now: str, before: str, after: str) -> str:
    """Return the test of whether another type has made another text of a value."""
    return f"NOT {same(kept(exact(value, before)), kept(exact(now, after)))}"


def just_now(column: str, declared: str, seconds: float) -> str:
    """Return nothing: what an upgrade makes by itself is not tried here, since it could not be taken back."""
    return ""


def counts(declared: str) -> bool:
    """Say whether a key may be given out in ascending order."""
    return _family(declared) == "integer"


@contextlib.contextmanager
def steady(connection: Any) -> Iterator[None]:
    """Write values the same whatever the session's settings are, and refuse those that do not fit."""
    dbapi = dbapi_of(connection)
    before = rows_of(dbapi, f"SELECT {', '.join(f'@@SESSION.{name}' for name in SETTINGS)}")[0]
    _set(dbapi, SETTINGS)
    try:
        yield
    finally:
        _set(dbapi, {name: literal(text_of(value)) for name, value in zip(SETTINGS, before)})


def _set(dbapi: Any, settings: dict[str, str]) -> None:
    execute(dbapi, f"SET {', '.join(f'SESSION {name} = {value}' for name, value in settings.items())}")


@contextlib.contextmanager
def quiet(connection: Any, table: str) -> Iterator[None]:
    """Stop before rows are put where a trigger would fire: it can only be dropped, which would commit."""
    found = rows_of(
        dbapi_of(connection),
        "SELECT trigger_name FROM information_schema.triggers WHERE event_object_schema = DATABASE()"
        f" AND event_object_table = {literal(table)}",
    )
    if found:
        raise RuntimeError(f"the trigger {text_of(found[0][0])} would fire")
    yield


def export(connection: Any, select: str) -> Iterator[list[list[Any]]]:
    """Yield rows of texts and numbers."""
    cursor = dbapi_of(connection).cursor()
    cursor.execute(select)
    while rows := cursor.fetchmany(AT_ONCE):
        yield [[value if value is None or isinstance(value, int) else text_of(value) for value in row] for row in rows]
    cursor.close()


def scratch(name: str) -> str:
    """Return a temporary table's name in SQL."""
    return quote_one(name)


def make(connection: Any, name: str, columns: list[str]) -> None:
    """Make a temporary table of texts."""
    texts = (f"{quote_one(one)} LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" for one in columns)
    listed = ", ".join(["n BIGINT PRIMARY KEY", *texts])
    execute(dbapi_of(connection), f"CREATE TEMPORARY TABLE {quote_one(name)} ({listed}) ENGINE=InnoDB")


def image(connection: Any, name: str, table: str) -> None:
    """Copy a table, with its key where that can be one."""
    found = shape(connection, table) or Shape({}, [], frozenset(), [], referred=False)
    columns = ", ".join(map(quote_one, found.columns))
    whole = all(_family(found.columns.get(one, "text")) == "integer" for one in found.key)
    key = f"(PRIMARY KEY ({', '.join(map(quote_one, found.key))})) " if found.key and whole else ""
    select = f"SELECT {columns} FROM {quote_one(table)}"
    execute(dbapi_of(connection), f"CREATE TEMPORARY TABLE {quote_one(name)} {key}ENGINE=InnoDB AS {select}")


def index(connection: Any, name: str, columns: list[str]) -> None:
    """Do nothing: making an index commits."""


def load(connection: Any, name: str, columns: list[str], rows: list[list[Any]]) -> None:
    """Insert rows as they were exported."""
    listed = ", ".join(["n", *map(quote_one, columns)])
    values = ", ".join(f"({', '.join(map(_as_text, row))})" for row in rows)
    execute(dbapi_of(connection), f"INSERT INTO {scratch(name)} ({listed}) VALUES {values}")


def _as_text(value: Any) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else f"CONVERT(x'{value.encode().hex()}' USING utf8mb4)"


def update(table: str, sets: dict[str, str], others: dict[str, str], where: str) -> str:
    """Return an UPDATE of a table, `t`, by others, named as the keys say."""
    joined_to = ", ".join([f"{table} AS t", *(f"{name} AS {alias}" for alias, name in others.items())])
    listed = ", ".join(f"t.{quote_one(column)} = {value}" for column, value in sets.items())
    return f"UPDATE {joined_to} SET {listed} WHERE {where}"


def given_out(connection: Any, table: str) -> None:
    """Return nothing: numbers go on past the highest one by themselves."""


def renumber(connection: Any, table: str, given_out: None) -> None:
    """Nothing: numbers go on past the highest one by themselves."""

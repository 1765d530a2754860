"""A copy of a scratch database in memory: on MySQL and MariaDB no change of the schema can be rolled back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..failures import Stop
from .driver import execute, rows_of
from .mysql_schema import created_by, literal, objects, plainly, quote_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCRATCH = "dbsync_shadow_"  # how the names of scratch databases begin
AT_ONCE = 500
# Read and written as hexadecimal digits: they are in no character set.
BINARY = ("binary", "blob", "geometry", "point", "linestring", "polygon", "collection")
EXACT = {"bit": "coalesce({} + 0, 'NULL')", "float": "QUOTE(CAST({} AS DOUBLE))"}


def copy_of(dbapi: Any) -> Callable[[], None]:
    """Return what makes the database again what it is now, rows, code and all: it is dropped for that."""
    name = str(rows_of(dbapi, "SELECT DATABASE()")[0][0])
    if not name.startswith(SCRATCH):
        raise Stop("DBS418", f"a revision went on to another database than the scratch one: {name}")
    with plainly(dbapi):
        database = rows_of(dbapi, f"SHOW CREATE DATABASE {quote_one(name)}")[0][1]
        tables, code, views = list(_tables(dbapi)), list(_code(dbapi)), _views(dbapi)
    dbapi.commit()

    def restore() -> None:
        dbapi.rollback()
        with plainly(dbapi):
            for statement in (f"DROP DATABASE {quote_one(name)}", database, f"USE {quote_one(name)}"):
                execute(dbapi, statement)
            _make(dbapi, tables)
            _make(dbapi, code)
            _make_views(dbapi, views)
        dbapi.commit()

    return restore


def _make(dbapi: Any, statements: list[str]) -> None:
    execute(dbapi, "SET SESSION foreign_key_checks = 0")
    for statement in statements:
        execute(dbapi, statement)
    execute(dbapi, "SET SESSION foreign_key_checks = 1")


def _make_views(dbapi: Any, statements: list[str]) -> None:
    """Make views, each once those that it reads are there."""
    while statements:
        errors = {statement: error for statement in statements if (error := _attempt(dbapi, statement))}
        if len(errors) == len(statements):
            raise next(iter(errors.values()))
        statements = list(errors)


def _attempt(dbapi: Any, statement: str) -> Exception | None:
    try:
        execute(dbapi, statement)
    except Exception as error:  # noqa: BLE001 - whatever the driver raises
        return error
    return None


def _tables(dbapi: Any) -> Iterator[str]:
    """Yield what makes the sequences, the tables and their rows; triggers must not hear of those."""
    found = objects(dbapi)
    for wanted in ("sequence", "table"):
        for kind, name in found:
            if kind == wanted:
                yield created_by(dbapi, kind, name)
                yield from _rows(dbapi, name) if kind == "table" else ()


def _rows(dbapi: Any, table: str) -> Iterator[str]:
    statement = (
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = DATABASE()"
        f" AND table_name = {literal(table)} AND coalesce(generation_expression, '') = '' ORDER BY ordinal_position"
    )
    columns = {row[0]: str(row[1]).lower() for row in rows_of(dbapi, statement)}
    if not columns:
        return
    values = ", ',', ".join(_as_literal(quote_one(name), kind) for name, kind in columns.items())
    rows = [row[0] for row in rows_of(dbapi, f"SELECT CONCAT('(', {values}, ')') FROM {quote_one(table)}")]
    into = f"INSERT INTO {quote_one(table)} ({', '.join(map(quote_one, columns))}) VALUES "
    for start in range(0, len(rows), AT_ONCE):
        yield into + ", ".join(rows[start : start + AT_ONCE])


def _as_literal(column: str, kind: str) -> str:
    if kind.endswith(BINARY):
        return f"coalesce(CONCAT('x''', HEX({column}), ''''), 'NULL')"
    return EXACT.get(kind, "QUOTE({})").format(column)


def _views(dbapi: Any) -> list[str]:
    return [created_by(dbapi, kind, name) for kind, name in objects(dbapi) if kind == "view"]


def _code(dbapi: Any) -> Iterator[str]:
    """Yield what makes functions, procedures, triggers and events."""
    for kind, statement in (
        ("FUNCTION", _ROUTINES.format("FUNCTION")),
        ("PROCEDURE", _ROUTINES.format("PROCEDURE")),
        ("TRIGGER", "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()"),
        ("EVENT", "SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE()"),
    ):
        for (name,) in rows_of(dbapi, statement):
            yield created_by(dbapi, kind, name)


_ROUTINES = (
    "SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() AND routine_type = '{}'"
)

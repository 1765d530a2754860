"""The rows of a table on MySQL and MariaDB as statements that make them again, some at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..failures import Stop
from .driver import rows_of
from .mysql_schema import literal, quote_one, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# How many rows are read at once, and about how many bytes they or a statement may have.
AT_ONCE = 5000
BYTES = 1_000_000
# Read and written as hexadecimal digits: they are in no character set.
BINARY = ("binary", "blob", "geometry", "point", "linestring", "polygon", "collection")
TEXT = ("char", "text", "enum", "set", "json")
EXACT = {"bit": "coalesce({} + 0, 'NULL')", "float": "QUOTE(CAST({} AS DOUBLE))"}
HEX = "coalesce(CONCAT('{}x''', HEX({}), ''''), 'NULL')"


def rows(dbapi: Any, table: str) -> Iterator[str]:
    """Yield the statements. Raises `Stop` where a row is too large to be read as a text."""
    columns = _columns(dbapi, table)
    if not columns:
        return
    whole = rows_of(dbapi, "SELECT @@character_set_connection")[0][0] == "utf8mb4"
    values = [as_literal(quote_one(name), kind, whole=whole) for name, kind in columns.items()]
    into = f"INSERT INTO {quote_one(table)} ({', '.join(map(quote_one, columns))}) VALUES "
    joined = ", ',', ".join(values)
    for batch in _statements(dbapi, table, f"CONCAT('(', {joined}, ')')"):
        yield into + ", ".join(batch)


def _columns(dbapi: Any, table: str) -> dict[str, str]:
    """Return the columns that can be written, with their types."""
    statement = (
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = DATABASE()"
        f" AND table_name = {literal(table)} AND coalesce(generation_expression, '') = '' ORDER BY ordinal_position"
    )
    return {text_of(row[0]): text_of(row[1]).lower() for row in rows_of(dbapi, statement)}


def as_literal(column: str, kind: str, *, whole: bool) -> str:
    """Return SQL for the text that stands for a value; `whole`: the connection can carry every character."""
    if kind.endswith(BINARY):
        return HEX.format("", column)
    if kind.endswith(TEXT) and not whole:
        return HEX.format("_utf8mb4 ", f"CONVERT({column} USING utf8mb4)")
    return EXACT.get(kind, "QUOTE({})").format(column)


def as_texts(dbapi: Any, table: str, types: dict[str, str]) -> Iterator[list[list[Any]]]:
    """Yield all rows, some at a time, every value as the server writes it; bytes as hexadecimal digits."""
    texts = [
        f"HEX({quote_one(name)})" if declared.split("(")[0].endswith(BINARY) else f"CAST({quote_one(name)} AS CHAR)"
        for name, declared in types.items()
    ]
    for found in _read(dbapi, table, texts):
        yield [[None if value is None else text_of(value) for value in row] for row in found]


def _statements(dbapi: Any, table: str, row: str) -> Iterator[list[str]]:
    batch: list[str] = []
    length = 0
    for found in _read(dbapi, table, [row]):
        for (text,) in found:
            if text is None:
                raise Stop("DBS422", f"a row of {table} is too large to be kept before the move")
            length += len(text)
            if batch and (len(batch) == AT_ONCE or length > BYTES):
                yield batch
                batch, length = [], len(text)
            batch.append(text_of(text))
    if batch:
        yield batch


def _read(dbapi: Any, table: str, select: list[str]) -> Iterator[list[Any]]:
    """Yield all rows, some at a time: by the key where that is one column, else by their number."""
    keys, size = _keys(dbapi, table), _at_once(dbapi, table)
    single = next(iter(keys)) if len(keys) == 1 else ""
    order = f" ORDER BY {', '.join(map(quote_one, keys))}" if keys else ""
    last = as_literal(quote_one(single), keys[single], whole=False) if single else "NULL"
    statement = f"SELECT {', '.join(select)}, {last} FROM {quote_one(table)}"
    where, offset = "", 0
    while True:
        found = rows_of(dbapi, f"{statement}{where}{order} LIMIT {size}" + ("" if single else f" OFFSET {offset}"))
        if found:
            yield [row[:-1] for row in found]
        if len(found) < size:
            return
        offset += size
        where = f" WHERE {quote_one(single)} > {text_of(found[-1][-1])}" if single else ""


def _keys(dbapi: Any, table: str) -> dict[str, str]:
    """Return the columns of the primary key, with their types."""
    statement = (
        "SELECT column_name, data_type FROM information_schema.statistics JOIN information_schema.columns"
        " USING (table_schema, table_name, column_name) WHERE table_schema = DATABASE()"
        f" AND table_name = {literal(table)} AND index_name = 'PRIMARY' ORDER BY seq_in_index"
    )
    return {text_of(row[0]): text_of(row[1]).lower() for row in rows_of(dbapi, statement)}


def _at_once(dbapi: Any, table: str) -> int:
    statement = (
        "SELECT coalesce(avg_row_length, 0) FROM information_schema.tables WHERE table_schema = DATABASE()"
        f" AND table_name = {literal(table)}"
    )
    found = rows_of(dbapi, statement)
    return max(1, min(AT_ONCE, 4 * BYTES // max(1, int(found[0][0]) if found else 1)))

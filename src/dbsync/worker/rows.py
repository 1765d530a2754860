"""Rows in a scratch database: a revision that works on empty tables only is found before it meets filled ones."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import uuid
import warnings
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterator

EACH = 2
SERVERS_OWN = ("information_schema", "pg_catalog", "pg_toast")
A_DAY = dt.date(2020, 1, 1)
NULL_ON_MYSQL = (1048, 1138, 1364)


class NoValueError(Exception):
    """A column for which no value is known."""


class Rows:
    """The rows that are put into empty tables, where that is possible: what refuses them stays empty."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._hopeless: set[tuple[str | None, str]] = set()
        self._filled: dict[tuple[str | None, str], Any] = {}

    def fill(self) -> None:
        """Put a few rows into every table that is empty, those that are referred to first."""
        empty = [one for one in self._tables() if one not in self._hopeless and not self._count(one)]
        for table in self._reflected(empty):
            self._fill(table)

    def _fill(self, table: Any) -> None:
        try:
            with self._context.connection.begin_nested():
                self._insert(table)
        except Exception:  # noqa: BLE001 - a check, a trigger, a type: it stays empty
            self._hopeless.add((table.schema, table.name))
        else:
            self._filled[table.schema, table.name] = table

    def clear(self) -> bool:
        """Take the rows out again; says whether there may have been any. Raises what the database raises."""
        there = set(self._tables())
        filled = [table for name, table in reversed(list(self._filled.items())) if name in there]
        for table in filled:
            self._context.connection.execute(sa.delete(table))
        return bool(filled)

    def counts(self) -> dict[str, int]:
        """Return how many rows every table has."""
        return {".".join(part for part in one if part): self._count(one) for one in self._tables()}

    def _tables(self) -> list[tuple[str | None, str]]:
        inspector = sa.inspect(self._context.connection)
        usual = inspector.default_schema_name
        schemas = [None]
        if self._context.dialect.name == "postgresql":  # elsewhere a schema is another database
            schemas += [one for one in inspector.get_schema_names() if one not in (*SERVERS_OWN, usual)]
        found = [(schema, name) for schema in schemas for name in inspector.get_table_names(schema=schema)]
        return [one for one in found if one[1] != self._context.version_table]

    def _count(self, one: tuple[str | None, str]) -> int:
        table = sa.table(one[1], schema=one[0])
        return int(self._context.connection.scalar(sa.select(sa.func.count()).select_from(table)))

    def _reflected(self, tables: list[tuple[str | None, str]]) -> list[Any]:
        metadata, connection = sa.MetaData(), self._context.connection
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for schema, name in tables:
                with contextlib.suppress(Exception), connection.begin_nested():
                    sa.Table(name, metadata, schema=schema, autoload_with=connection)
            return [one for one in metadata.sorted_tables if (one.schema, one.name) in tables]

    def _insert(self, table: Any) -> None:
        for number in range(1, EACH + 1):
            values = dict(self._values(table, number))
            self._context.connection.execute(sa.insert(table).values(values))

    def _values(self, table: Any, number: int) -> Iterator[tuple[str, Any]]:
        for column in table.columns:
            if column.foreign_keys:
                yield column.name, self._referred(column, number)
            elif not _fills_itself(column):
                yield column.name, _value(column, number)

    def _referred(self, column: Any, number: int) -> Any:
        """Return a value of the table that is referred to; nothing for a table that refers to itself."""
        other = next(iter(column.foreign_keys)).column
        found = list(self._context.connection.scalars(sa.select(other).order_by(other).limit(EACH)))
        if found and other.table is not column.table:
            return found[min(number, len(found)) - 1]
        if column.nullable:
            return None
        raise NoValueError(column.name)


def lacks_a_value(error: BaseException) -> bool:
    """Say whether a statement failed because some column holds no value: it does so on any row, whatever it holds."""
    origin = getattr(error, "orig", None) or error
    code = str(getattr(origin, "sqlstate", None) or getattr(origin, "pgcode", None) or "")
    return code == "23502" or "NOT NULL" in str(origin) or any(one in NULL_ON_MYSQL for one in origin.args[:1])


def _fills_itself(column: Any) -> bool:
    return column.computed is not None or column.identity is not None or column.server_default is not None


def _value(column: Any, number: int) -> Any:
    """Return a value for a column that no other row has, as far as its type has so many."""
    for kind, make in VALUES:
        if isinstance(column.type, kind):
            return make(column.type, number)
    if column.nullable:
        return None
    raise NoValueError(column.name)


def _text(kind: Any, number: int) -> str:
    word = f'"value {number}"' if kind.__visit_name__ == "LONGTEXT" else f"value {number}"  # JSON on MariaDB
    return word if kind.length is None or kind.length >= len(word) else str(number)[: kind.length]


# The more special before the more general: an Enum is a String, say.
VALUES: tuple = (  # type: ignore[type-arg]  # Python 3.9
    (sa.Enum, lambda kind, number: kind.enums[number % len(kind.enums)]),
    (sa.String, _text),
    (sa.Boolean, lambda _, number: bool(number % 2)),
    (sa.Integer, lambda _, number: number),
    (sa.Float, lambda _, number: float(number)),
    (sa.Numeric, lambda kind, number: decimal.Decimal(0 if _is_below_one(kind) else number)),
    (sa.DateTime, lambda _, number: dt.datetime(2020, 1, number)),  # noqa: DTZ001 - for columns of both kinds
    (sa.Date, lambda _, number: A_DAY.replace(day=number)),
    (sa.Time, lambda _, number: dt.time(number)),
    (sa.Interval, lambda _, number: dt.timedelta(days=number)),
    (sa.LargeBinary, lambda _, number: b"%d" % number),
    (sa.Uuid, lambda kind, number: uuid.UUID(int=number) if kind.as_uuid else str(uuid.UUID(int=number))),
    (sa.JSON, lambda _, number: {"value": number}),
    (sa.ARRAY, lambda *_: []),
)


def _is_below_one(kind: Any) -> bool:
    return kind.precision is not None and kind.precision == kind.scale

"""Statements through the driver's own cursor: they pass no listener of SQLAlchemy, the project's or ours."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple


class Clearable(NamedTuple):
    """Something that can be dropped: its line of the schema, what drops it, and how it is named to a person.

    `heads` are how lines begin that are another form of it; `within` is the line of the table it belongs to. `table` is
    what has rows, with `column`, of the type `declared`, where only that goes; "" for what holds none.
    """

    line: str
    statement: str
    label: str
    heads: tuple  # type: ignore[type-arg]  # Python 3.9
    within: str = ""
    table: str = ""
    column: str = ""
    declared: str = ""


def dbapi_of(connection: Any) -> Any:
    """Return the driver's connection, given it or SQLAlchemy's."""
    return connection.connection.dbapi_connection if hasattr(connection, "dialect") else connection


def execute(dbapi: Any, statement: str) -> None:
    """Run a statement that returns nothing."""
    cursor = dbapi.cursor()
    cursor.execute(statement)
    cursor.close()


def rows_of(dbapi: Any, statement: str) -> list[Any]:
    """Run a statement and return all its rows, none where it has none."""
    cursor = dbapi.cursor()
    cursor.execute(statement)
    rows = list(cursor.fetchall()) if cursor.description else []
    cursor.close()
    return rows


def strays(connection: Any, statement: str) -> str:
    """Return nothing: where a schema is no database, no statement leads out of one."""
    return ""


def outside(dialect: Any, call: Callable[[], Any]) -> None:
    """Call something that connects, once env.py has ended: an async driver finds nothing running then."""
    if not dialect.is_async:
        call()
        return
    import asyncio

    from sqlalchemy.util import greenlet_spawn

    asyncio.run(greenlet_spawn(call))


class Shape(NamedTuple):
    """What the shelf has to know of a table.

    `columns` are those that can be written, with their types; `filled` has a default. `references` are its foreign keys
    as (columns, other table, its columns); `referred` says that another table has one to it. `why_not` is why its rows
    cannot be kept by themselves, "" where they can; `within` is the table that holds the rows of a partition.
    """

    columns: dict[str, str]
    key: list[str]
    filled: frozenset[str]
    references: list[tuple[list[str], str, list[str]]]
    referred: bool
    why_not: str = ""
    within: str = ""


def take_back(dbapi: Any, savepoint: str, error: Exception | None) -> None:
    """Roll back to a savepoint, and release it. Raises what led to it where the engine has rolled back everything."""
    try:
        execute(dbapi, f"ROLLBACK TO SAVEPOINT {savepoint}")
    except Exception as no_savepoint:  # noqa: BLE001 - as on SQLite where the disk is full
        raise error or no_savepoint from None
    execute(dbapi, f"RELEASE SAVEPOINT {savepoint}")


def change(dbapi: Any, statement: str) -> int:
    """Run a statement and return how many rows it changed."""
    cursor = dbapi.cursor()
    cursor.execute(statement)
    count: int = cursor.rowcount
    cursor.close()
    return count


def attempt(dbapi: Any, statement: str) -> Exception | None:
    """Run a statement and return what it raised."""
    try:
        execute(dbapi, statement)
    except Exception as error:  # noqa: BLE001 - whatever the driver raises
        return error
    return None

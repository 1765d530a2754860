"""What makes up a schema on MySQL and MariaDB, a line each: the server's own words for each part of a table."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from .driver import dbapi_of, execute, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# How the lines of SHOW CREATE TABLE begin, and what a line of ours is then; all else is an option of the table.
INDEX = re.compile(r"((?:UNIQUE |FULLTEXT |SPATIAL |VECTOR )?)(?:KEY|INDEX) `((?:[^`]|``)+)` (.*)", re.DOTALL)
CONSTRAINT = re.compile(r"CONSTRAINT `((?:[^`]|``)+)` (FOREIGN KEY|CHECK) (.*)", re.DOTALL)
NUMBERED = re.compile(r"CONSTRAINT_\d+|.*_(?:ibfk|chk)_\d+")  # the server's own names: they tell in which order
COUNTER = re.compile(r" AUTO_INCREMENT=\d+")


def schema(connection: Any, version_table: str, known: Any = None) -> list[str]:
    """Return the schema as sorted lines that do not depend on how it came about, less the version table."""
    dbapi = dbapi_of(connection)
    with plainly(dbapi):
        lines = [line for kind, name in objects(dbapi) for line in lines_of(dbapi, kind, name) if name != version_table]
        return sorted([*lines, *trigger_lines(dbapi)])


@contextlib.contextmanager
def plainly(dbapi: Any) -> Iterator[None]:
    """Let names stand in backticks, and 0 be a number, as long as it lasts."""
    mode = rows_of(dbapi, "SELECT @@SESSION.sql_mode")[0][0]
    execute(dbapi, "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
    try:
        yield
    finally:
        execute(dbapi, f"SET SESSION sql_mode = {literal(mode)}")


def objects(dbapi: Any) -> list[tuple[str, str]]:
    """Return kind and name of every table, view and sequence."""
    kinds = {"VIEW": "view", "SEQUENCE": "sequence"}
    return [(kinds.get(text_of(row[1]), "table"), text_of(row[0])) for row in rows_of(dbapi, "SHOW FULL TABLES")]


def created_by(dbapi: Any, kind: str, name: str) -> str:
    """Return the statement that makes something again."""
    row = rows_of(dbapi, f"SHOW CREATE {kind} {quote_one(name)}")[0]
    return text_of(row[2 if kind.upper() in ("TRIGGER", "PROCEDURE", "FUNCTION") else 3 if kind == "EVENT" else 1])


def lines_of(dbapi: Any, kind: str, name: str) -> list[str]:
    """Return the lines of one table, view or sequence."""
    if kind == "table":
        return [f"table {name}", *(line for _, line in parts_of(dbapi, name))]
    words = re.sub(r"^CREATE .*?(?=VIEW|SEQUENCE)", "", created_by(dbapi, kind, name), flags=re.DOTALL)
    return [f"{kind} {name}: {_plain(words)}"]  # less DEFINER, ALGORITHM ...


def parts_of(dbapi: Any, table: str) -> list[tuple[str, str]]:
    """Return the parts of a table in the server's words, each with its line."""
    _, *parts = COUNTER.sub("", created_by(dbapi, "table", table)).split("\n")
    plain = [part.strip().rstrip(",") for part in parts]
    return [(part, _line(table, part)) for part in plain]


def _line(table: str, part: str) -> str:
    if part.startswith("`"):
        return f"column {table}.{_plain(part)}"
    index, constraint = INDEX.match(part), CONSTRAINT.match(part)
    if index:
        return f"{index[1].lower()}index {_plain(index[2])} on {table} {_plain(index[3])}"
    if constraint:
        name = "" if NUMBERED.fullmatch(constraint[1]) else f" {_plain(constraint[1])}"
        return f"{constraint[2].lower()}{name} on {table} {_plain(constraint[3])}"
    if part.startswith("PRIMARY KEY"):
        return f"primary key on {table} {_plain(part[len('PRIMARY KEY ') :])}"
    return f"options {table}: {_plain(part.lstrip(') '))}"


def trigger_lines(dbapi: Any) -> list[str]:
    """Return the lines of all triggers."""
    statement = (
        "SELECT trigger_name, event_object_table, action_timing, event_manipulation, action_statement"
        " FROM information_schema.triggers WHERE trigger_schema = DATABASE()"
    )
    found = [[text_of(one) for one in row] for row in rows_of(dbapi, statement)]
    return [f"trigger {name} on {table} {when} {what}: {_plain(body)}" for name, table, when, what, body in found]


def _plain(text: str) -> str:
    return " ".join(text.replace("`", "").split())


def text_of(value: Any) -> str:
    """Return a text that some drivers hand over as bytes."""
    return value.decode() if isinstance(value, (bytes, bytearray)) else str(value)


def quote_one(name: str) -> str:
    """Quote one identifier."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """Quote a text."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"

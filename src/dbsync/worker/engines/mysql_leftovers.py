"""What can be dropped of a schema on MySQL and MariaDB, with its line: what a downgrade may have left."""

from __future__ import annotations

import re
from typing import Any

from .driver import Clearable, dbapi_of, rows_of
from .mysql_schema import CONSTRAINT, INDEX, lines_of, objects, parts_of, plainly, quote_one, trigger_lines
from .mysql_scratch import columns

CLEARABLE = ("trigger", "view", "foreign key", "check", "index", "table", "column")
COLUMN = re.compile(r"`((?:[^`]|``)+)` ")
# Needed by a foreign key, or referred to by one.
NEEDED = (1217, 1451, 1553, 1829, 3730)


def clearable(connection: Any, kind: str) -> list[Clearable]:
    """Return all of one kind that could be dropped."""
    dbapi = dbapi_of(connection)
    with plainly(dbapi):
        if kind == "trigger":
            return [_whole(line, kind, line.split(" ", 2)[1]) for line in trigger_lines(dbapi)]
        found = [name for one, name in objects(dbapi) if one == ("view" if kind == "view" else "table")]
        if kind == "view":
            return [_whole(lines_of(dbapi, "view", one)[0], kind, one) for one in found]
        if kind == "table":
            return [_whole(f"table {one}", kind, one) for one in _unreferred(dbapi, found)]
        types = columns(connection) if kind == "column" else {}
        return [found for one in found for found in _inside(dbapi, kind, one, types)]


def is_needed(error: Exception) -> bool:
    """Say whether something could not be dropped because what stays hangs on it."""
    origin = getattr(error, "orig", None) or error
    return bool(set(getattr(origin, "args", ())[:1]) & set(NEEDED))


def _whole(line: str, kind: str, name: str) -> Clearable:
    heads = (f"{kind} {name}{' ' if kind == 'trigger' else ':'}",)
    table = name if kind == "table" else ""
    return Clearable(line, f"DROP {kind} {quote_one(name)}", f"{kind} {name}", heads, table=table)


def _unreferred(dbapi: Any, tables: list[str]) -> list[str]:
    statement = (
        "SELECT DISTINCT referenced_table_name FROM information_schema.referential_constraints"
        " WHERE unique_constraint_schema = DATABASE() AND table_name <> referenced_table_name"
    )
    referred = {str(row[0]) for row in rows_of(dbapi, statement)}
    return [one for one in tables if one not in referred]


def _inside(dbapi: Any, kind: str, table: str, types: dict[str, dict[str, str]]) -> list[Clearable]:
    """Return the parts of a table of one kind."""
    found = []
    for part, line in parts_of(dbapi, table):
        index, constraint, column = INDEX.match(part), CONSTRAINT.match(part), COLUMN.match(part)
        name = next((one for one in _names(kind, index, constraint, column) if one), "")
        if name:
            drop = {"foreign key": "FOREIGN KEY", "check": "CONSTRAINT", "index": "INDEX", "column": "COLUMN"}[kind]
            holds = (table, name, types[table][name]) if kind == "column" else ("", "", "")
            label = f"column {table}.{name}" if kind == "column" else f"{kind} {name} on {table}"
            heads = (f"column {table}.{name} ",) if kind == "column" else (line[: line.index(f" on {table} ")],)
            statement = f"ALTER TABLE {quote_one(table)} DROP {drop} {quote_one(name)}"
            found.append(Clearable(line, statement, label, heads, f"table {table}", *holds))
    return found


def _names(kind: str, index: Any, constraint: Any, column: Any) -> list[str]:
    """Return the name of a part where it is of the kind, quotes and all taken away."""
    fits = {
        "index": index and index[2],
        "foreign key": constraint and constraint[2] == "FOREIGN KEY" and constraint[1],
        "check": constraint and constraint[2] == "CHECK" and constraint[1],
        "column": column and column[1],
    }
    return [str(fits[kind] or "").replace("``", "`")]

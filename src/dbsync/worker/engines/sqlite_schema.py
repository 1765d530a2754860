"""What makes up a schema on SQLite, a line each, and what of it can be dropped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .driver import Clearable, dbapi_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERNAL = "('sqlite_sequence', 'sqlite_stat1', 'sqlite_stat4')"
VIRTUAL = re.compile(r"\s*CREATE\s+VIRTUAL\b", re.IGNORECASE)
# In the order in which they can be dropped.
CLEARABLE = ("trigger", "view", "index", "table", "column")


def quote(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def kind_of(declared: str) -> str:
    """Return a column type's affinity (datatype3.html, section 3.1): values keep their form within one."""
    upper = declared.upper()
    for affinity, words in (
        ("integer", ("INT",)),
        ("text", ("CHAR", "CLOB", "TEXT")),
        ("real", ("REAL", "FLOA", "DOUB")),
    ):
        if any(word in upper for word in words):
            return affinity
    return "blob" if "BLOB" in upper or not upper else "numeric"


def schema(connection: Any, version_table: str, known: dict[Any, list[str]] | None = None) -> list[str]:
    """Return the schema as sorted lines that do not depend on how it came about, less the version table.

    `known` keeps the lines of tables by their text, which all the rest hangs on: between two readings few change.
    """
    dbapi = dbapi_of(connection)
    known = {} if known is None else known
    lines: list[str] = []
    for kind, name, text in _objects(dbapi):
        if kind == "table" and name != version_table:
            if (name, text) not in known:
                known[name, text] = _table_lines(dbapi, name, text[0])
            lines += known[name, text]
        elif kind in ("view", "trigger"):
            lines.append(_text_line(kind, name, text[0]))
    return sorted(lines)


def _objects(dbapi: Any) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield kind, name and text of all there is; with a table's, the texts of its indexes."""
    rows = rows_of(dbapi, f"SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT IN {INTERNAL}")
    indexes: dict[str, list[str]] = {}
    for kind, name, table, sql in rows:
        if kind == "index":
            indexes.setdefault(table, []).append(sql or name)
    for kind, name, _, sql in rows:
        yield kind, name, (sql or "", *sorted(indexes.get(name, ()) if kind == "table" else ()))


def _text_line(kind: str, name: str, sql: str) -> str:
    return f"{kind} {name}: {' '.join(sql.split())}"


def _table_lines(dbapi: Any, name: str, sql: str) -> list[str]:
    quoted = quote(name)
    lines = [f"table {name}"]
    if VIRTUAL.match(sql):  # its columns are known to its module, which this connection may not have
        return [*lines, _text_line("virtual", name, sql)]
    lines += [_column_line(name, row) for row in rows_of(dbapi, f"PRAGMA table_xinfo({quoted})")]
    lines += [
        f"foreign key {name}.{row[3]} -> {row[2]}.{row[4]} on update {row[5]} on delete {row[6]}"
        for row in rows_of(dbapi, f"PRAGMA foreign_key_list({quoted})")
    ]
    lines += [_index_line(dbapi, name, row) for row in rows_of(dbapi, f"PRAGMA index_list({quoted})")]
    lines += [f"check {name}: {check}" for check in _checks(sql)]
    return lines


def _column_line(table: str, row: Any) -> str:
    flags = f"{' not null' if row[3] else ''}{f' default {row[4]}' if row[4] is not None else ''}"
    return f"column {table}.{row[1]} {row[2]}{flags}{f' key {row[5]}' if row[5] else ''}"


def _index_line(dbapi: Any, table: str, row: Any) -> str:
    parts = ", ".join(str(part[2]) for part in rows_of(dbapi, f"PRAGMA index_info({quote(row[1])})"))
    title = "" if row[1].startswith("sqlite_autoindex") else f" {row[1]}"
    return f"{'unique ' if row[2] else ''}index{title} on {table} ({parts}){' partial' if row[4] else ''}"


def _checks(sql: str) -> list[str]:
    found = []
    for match in re.finditer(r"\bCHECK\s*\(", sql, re.IGNORECASE):
        depth, at = 1, match.end()
        while depth and at < len(sql):
            depth += {"(": 1, ")": -1}.get(sql[at], 0)
            at += 1
        found.append(" ".join(sql[match.end() : at - 1].split()))
    return found


def clearable(connection: Any, kind: str) -> list[Clearable]:
    """Return all of one kind that could be dropped. A table that another one refers to could not."""
    dbapi = dbapi_of(connection)
    if kind in ("trigger", "view"):
        return [
            Clearable(
                _text_line(kind, name, text[0]), f"DROP {kind} {quote(name)}", f"{kind} {name}", (f"{kind} {name}: ",)
            )
            for found, name, text in _objects(dbapi)
            if found == kind
        ]
    tables = [name for found, name, _ in _objects(dbapi) if found == "table"]
    if kind == "table":
        return _tables(dbapi, tables)
    make = _indexes if kind == "index" else _columns
    return [one for table in tables for one in make(dbapi, table)]


def _tables(dbapi: Any, tables: list[str]) -> list[Clearable]:
    referred = {
        row[2]
        for table in tables
        for row in rows_of(dbapi, f"PRAGMA foreign_key_list({quote(table)})")
        if row[2] != table
    }
    return [
        Clearable(f"table {one}", f"DROP TABLE {quote(one)}", f"table {one}", (f"table {one}:",), table=one)
        for one in tables
        if one not in referred
    ]


def _indexes(dbapi: Any, table: str) -> list[Clearable]:
    listed = [row for row in rows_of(dbapi, f"PRAGMA index_list({quote(table)})") if row[3] == "c"]
    return [
        Clearable(
            _index_line(dbapi, table, row),
            f"DROP INDEX {quote(row[1])}",
            f"index {row[1]}",
            (f"index {row[1]} on ", f"unique index {row[1]} on "),
            within=f"table {table}",
        )
        for row in listed
    ]


def _columns(dbapi: Any, table: str) -> list[Clearable]:
    return [
        Clearable(
            _column_line(table, row),
            f"ALTER TABLE {quote(table)} DROP COLUMN {quote(row[1])}",
            f"column {table}.{row[1]}",
            (f"column {table}.{row[1]} ",),
            f"table {table}",
            table,
            row[1],
            row[2],
        )
        for row in rows_of(dbapi, f"PRAGMA table_xinfo({quote(table)})")
    ]

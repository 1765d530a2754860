"""Models and differences as lines for people and for comparing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy.schema import CreateIndex, CreateTable

if TYPE_CHECKING:
    from collections.abc import Iterator

QUOTES = "'\"`"
SPACE = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\s+(\)?)")
SIGNS = {"add": "+", "remove": "-"}


def describe(diff: Any) -> Iterator[str]:
    """Yield one of autogenerate's differences as lines: "+" is in the models only, "-" in the revisions only."""
    if isinstance(diff, list):  # the changes of one column
        for one in diff:
            yield _modified(one)
        return
    kind, *rest = diff
    verb, _, what = kind.partition("_")
    if kind in ("add_table", "remove_table"):
        yield f"{SIGNS[verb]} table {_qualified(rest[0].schema, rest[0].name)}"
    elif kind in ("add_column", "remove_column"):
        schema, table, column = rest
        yield f"{SIGNS[verb]} column {_qualified(schema, table)}.{column.name} {_typed(column)}"
    elif verb in SIGNS:
        yield f"{SIGNS[verb]} {_noun(what)} {_of_table(rest[0])}"
    else:
        yield f"~ {kind.replace('_', ' ')} {' '.join(str(one) for one in rest if one is not None)}"


def tables_of(metadatas: list[Any], dialect: Any, filtering: Any) -> dict[str, list[str]]:
    """Return the DDL of every table as sorted lines: columns may stand in any order."""
    found: dict[str, list[str]] = {}
    for metadata in metadatas:
        for table in metadata.tables.values():
            if filtering.run_object_filters(table, table.name, "table", False, None):  # noqa: FBT003 - as Alembic
                found[_qualified(table.schema, table.name)] = sorted(_ddl(table, dialect))
        for name, sequence in getattr(metadata, "_sequences", {}).items():
            found[f"sequence {name}"] = [repr(sequence)]
    return found


def has_comments(metadata: Any) -> bool:
    """Say whether a table or column has a comment, which may come from a docstring."""
    return any(one.comment for table in metadata.tables.values() for one in (table, *table.columns))


def _ddl(table: Any, dialect: Any) -> Iterator[str]:
    body, _, options = str(CreateTable(table).compile(dialect=dialect)).rpartition("\n)")
    yield from (line for line in (_spaced(one).rstrip(",") for one in (*body.split("\n\t"), options)) if line)
    for index in table.indexes:
        yield _spaced(str(CreateIndex(index).compile(dialect=dialect)))
    for column in table.columns:
        values = getattr(column.type, "enums", None)
        if values:
            yield f"{column.name} one of {', '.join(map(repr, values))}"
        if column.comment and dialect.supports_comments:
            yield f"{column.name} comment {column.comment!r}"
    for key, value in (
        table.dialect_options.get(dialect.name, {}).items() if dialect.name in table.dialect_options else ()
    ):
        if value:
            yield f"{key}={value!r}"


def _spaced(text: str) -> str:
    """Return SQL with single blanks: how it is laid out does not matter, but in quotes."""
    return SPACE.sub(lambda found: found[0] if found[0][0] in QUOTES else found[1] or " ", text).strip()


def _modified(one: Any) -> str:
    kind, schema, table, column, _, old, new = one
    what = kind.partition("_")[2]
    return f"~ column {_qualified(schema, table)}.{column} {what}: {_shown(old)} -> {_shown(new)}"


def _typed(column: Any) -> str:
    return f"{_shown(column.type)}{'' if column.nullable else ' NOT NULL'}"


def _shown(value: Any) -> str:
    argument = getattr(value, "arg", value)  # a DefaultClause
    try:
        return str(argument)
    except Exception:  # noqa: BLE001 - a type that only its dialect can print
        return repr(argument)


def _noun(what: str) -> str:
    return {"fk": "foreign key", "constraint": "constraint"}.get(what, what.replace("_", " "))


def _of_table(what: Any) -> str:
    table = getattr(what, "table", None)
    columns = ", ".join(str(getattr(one, "name", one)) for one in getattr(what, "columns", None) or ())
    on = f" on {_qualified(table.schema, table.name)}" if table is not None else ""
    return f"{getattr(what, 'name', None) or '(unnamed)'}{on}{f' ({columns})' if columns else ''}"


def _qualified(schema: Any, name: Any) -> str:
    return f"{schema}.{name}" if schema else str(name)

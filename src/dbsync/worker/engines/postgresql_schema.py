"""What makes up a schema on PostgreSQL, a line each, the version table left out; and what of it can be dropped.

What belongs to an extension is the extension's.
"""

from __future__ import annotations

from typing import Any

from .driver import Clearable, dbapi_of, rows_of

USER_SCHEMAS = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_t%'"


def _own(catalogue: str, oid: str) -> str:
    """Return the condition that something belongs to no extension."""
    depends = f"e.classid = '{catalogue}'::regclass AND e.objid = {oid} AND e.deptype = 'e'"
    return f"NOT EXISTS (SELECT FROM pg_depend e WHERE {depends})"


_TABLE = "n.nspname || '.' || c.relname"
_FROM = (
    f"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND {USER_SCHEMAS} AND c.relname <> :version_table"
    f" AND {_own('pg_class', 'c.oid')}"
)
_COLUMN = (
    f"'column ' || {_TABLE} || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)"
    " || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || a.attidentity::text || a.attgenerated::text"
    " || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')"
)
_COLUMNS = (
    f"{_FROM} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
    " LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relkind IN ('r', 'p')"
)
_CONSTRAINT = f"'constraint ' || {_TABLE} || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid)"
_CONSTRAINTS = f"{_FROM} JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype <> 'n'"
_ENUM = (
    "'enum ' || n.nspname || '.' || t.typname || ' '"
    " || (SELECT string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)"
)
_TYPES = (
    f"FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace AND {USER_SCHEMAS} AND {_own('pg_type', 't.oid')}"
)
_DOMAIN = (
    "'domain ' || n.nspname || '.' || t.typname || ' ' || format_type(t.typbasetype, t.typtypmod)"
    " || CASE WHEN t.typnotnull THEN ' not null' ELSE '' END || coalesce(' default ' || t.typdefault, '')"
    " || coalesce((SELECT string_agg(' ' || pg_get_constraintdef(k.oid), '' ORDER BY k.conname)"
    " FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype <> 'n'), '')"
)
_VIEW = f"'view ' || {_TABLE} || ': ' || pg_get_viewdef(c.oid)"
_INDEX = "'index ' || pg_get_indexdef(i.indexrelid)"
_TRIGGER = "'trigger ' || pg_get_triggerdef(g.oid)"
_TRIGGERS = f"{_FROM} JOIN pg_trigger g ON g.tgrelid = c.oid AND NOT g.tgisinternal"
# `:version_table` stands for its name, quoted.
SCHEMA = (
    f"SELECT 'table ' || {_TABLE} {_FROM} WHERE c.relkind IN ('r', 'p')",
    f"SELECT 'sequence ' || {_TABLE} {_FROM} WHERE c.relkind = 'S'",
    f"SELECT {_VIEW} {_FROM} WHERE c.relkind IN ('v', 'm')",
    f"SELECT {_COLUMN} {_COLUMNS}",
    f"SELECT {_CONSTRAINT} {_CONSTRAINTS}",
    f"SELECT {_INDEX} {_FROM} JOIN pg_index i ON i.indrelid = c.oid",
    f"SELECT {_ENUM} {_TYPES} AND t.typtype = 'e'",
    f"SELECT {_DOMAIN} {_TYPES} AND t.typtype = 'd'",
    f"SELECT {_TRIGGER} {_TRIGGERS}",
)


def _select(rest: str, *columns: str) -> str:
    """Return a statement that gives what a `Clearable` is made of, "" for what is not named."""
    return f"SELECT {', '.join([*columns, *[_NONE] * (8 - len(columns))])} {rest}"


_NONE = "''"
_NAMED = "CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END"
_RELATION = f"{_NAMED} || c.relname"
_WITHIN = f"'table ' || {_TABLE}"
# What can be dropped, in the order in which it can be.
_CLEARABLE = {
    "trigger": _select(
        _TRIGGERS,
        _TRIGGER,
        "format('DROP TRIGGER %I ON %I.%I', g.tgname, n.nspname, c.relname)",
        "'trigger ' || g.tgname",
        "format('trigger CREATE TRIGGER %I ', g.tgname)",
        _WITHIN,
    ),
    "view": _select(
        f"{_FROM} WHERE c.relkind IN ('v', 'm')",
        _VIEW,
        "format('DROP %s VIEW %I.%I', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED' ELSE '' END, n.nspname, c.relname)",
        f"'view ' || {_RELATION}",
        f"'view ' || {_TABLE} || ': '",
    ),
    "constraint": _select(
        f"{_CONSTRAINTS} AND c.relkind IN ('r', 'p')",
        _CONSTRAINT,
        "format('ALTER TABLE %I.%I DROP CONSTRAINT %I', n.nspname, c.relname, k.conname)",
        "'constraint ' || k.conname",
        f"'constraint ' || {_TABLE} || ' ' || k.conname || ' '",
        _WITHIN,
    ),
    "index": _select(
        f"{_FROM} JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid",
        _INDEX,
        "format('DROP INDEX %I.%I', n.nspname, x.relname)",
        "'index ' || x.relname",
        "format(E'index CREATE INDEX %I ON \\nindex CREATE UNIQUE INDEX %I ON ', x.relname, x.relname)",
        _WITHIN,
    ),
    "table": _select(
        f"{_FROM} WHERE c.relkind IN ('r', 'p')",
        _WITHIN,
        "format('DROP TABLE %I.%I', n.nspname, c.relname)",
        f"'table ' || {_RELATION}",
        f"{_WITHIN} || ':'",
        _NONE,
        _RELATION,
    ),
    "column": _select(
        _COLUMNS,
        _COLUMN,
        "format('ALTER TABLE %I.%I DROP COLUMN %I', n.nspname, c.relname, a.attname)",
        f"'column ' || {_RELATION} || '.' || a.attname",
        f"'column ' || {_TABLE} || '.' || a.attname || ' '",
        _WITHIN,
        _RELATION,
        "a.attname",
        "format_type(a.atttypid, a.atttypmod)",
    ),
    "sequence": _select(
        f"{_FROM} WHERE c.relkind = 'S'",
        f"'sequence ' || {_TABLE}",
        "format('DROP SEQUENCE %I.%I', n.nspname, c.relname)",
        f"'sequence ' || {_RELATION}",
        f"'sequence ' || {_TABLE} || ':'",
    ),
    "type": _select(
        f"{_TYPES} AND t.typtype IN ('e', 'd')",
        f"CASE t.typtype WHEN 'e' THEN {_ENUM} ELSE {_DOMAIN} END",
        "format('DROP %s %I.%I', CASE t.typtype WHEN 'e' THEN 'TYPE' ELSE 'DOMAIN' END, n.nspname, t.typname)",
        f"'type ' || {_NAMED} || t.typname",
        "CASE t.typtype WHEN 'e' THEN 'enum ' ELSE 'domain ' END || n.nspname || '.' || t.typname || ' '",
    ),
}
CLEARABLE = tuple(_CLEARABLE)
_TYPES_IN_USE = (
    "SELECT DISTINCT t.typname, format('DROP TYPE %I.%I', n.nspname, t.typname)"
    f" {_FROM} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
    " JOIN pg_type t ON t.typtype = 'e' AND a.atttypid IN (t.oid, t.typarray)"
)


def schema(connection: Any, version_table: str, known: Any = None) -> list[str]:
    """Return the schema as sorted lines, in a form that does not depend on how it came about, less version tables."""
    return sorted(str(row[0]) for row in _catalogue(connection, SCHEMA, version_table))


def clearable(connection: Any, kind: str) -> list[Clearable]:
    """Return all of one kind that could be dropped, whether something hangs on it or not."""
    rows = _catalogue(connection, (_CLEARABLE[kind],), "")
    return [Clearable(row[0], row[1], row[2], tuple(row[3].split("\n")), *row[4:8]) for row in rows]


def types_in_use(connection: Any) -> dict[str, str]:
    """Return the enum types that columns have: what drops each, by its name."""
    return dict(map(tuple, _catalogue(connection, (_TYPES_IN_USE,), "")))


def is_needed(error: Exception) -> bool:
    """Say whether something could not be dropped because something hangs on it (2BP01)."""
    origin = getattr(error, "orig", None) or error
    return "2BP01" in (str(getattr(origin, "pgcode", "")), str(getattr(origin, "sqlstate", "")))


def _catalogue(connection: Any, statements: tuple[str, ...], version_table: str) -> list[Any]:
    """Run statements with nothing on the search path: names are written with their schemas then, whoever asks."""
    dbapi = dbapi_of(connection)
    name, path = literal(version_table), rows_of(dbapi, "SELECT current_setting('search_path')")[0][0]
    rows_of(dbapi, "SELECT set_config('search_path', '', true)")
    rows = [row for one in statements for row in rows_of(dbapi, one.replace(":version_table", name))]
    rows_of(dbapi, f"SELECT set_config('search_path', {literal(path)}, true)")
    return rows


def quote_one(name: str) -> str:
    """Quote one identifier, dots and all."""
    return '"' + name.replace('"', '""') + '"'


def quote(name: str) -> str:
    """Quote a table's name as `columns` has it: `schema.table`, or a table of "public", whatever the search path is."""
    schema, dot, table = name.partition(".")
    return f"{quote_one(schema)}.{quote_one(table)}" if dot else f"public.{quote_one(name)}"


def literal(text: str) -> str:
    """Quote a text."""
    return "'" + text.replace("'", "''") + "'"

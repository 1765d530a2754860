"""The oracle: what a database's schema is, and what it would be, built from nothing."""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from tests.support.alembic_server import AlembicServer
from tests.support.postgres import running_server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.support.project import Project

Schema = dict[str, object]
VERSION_TABLE = "alembic_version"


class State(NamedTuple):
    """A database's schema without the version table, and the ids that the version table holds, sorted."""

    schema: Schema
    versions: tuple[str, ...]


class BuildFailedError(AssertionError):
    """Plain `alembic upgrade heads` on an empty database failed; the message is what it printed."""


def assert_in_sync(project: Project, **options: object) -> None:
    """Assert that the dev database is what a fresh one, built from the work tree by plain Alembic, would be.

    Takes what `fresh_build` takes, and `ignore_column_order` as `schema_of` does.
    """
    ignore_column_order = bool(options.pop("ignore_column_order", False))
    expected = fresh_build(project, ignore_column_order=ignore_column_order, **options)
    actual = state_of(project.database, ignore_column_order=ignore_column_order)
    assert expected.versions == actual.versions
    assert expected.schema == actual.schema


def state_of(url: str, *, ignore_column_order: bool = False, version_table: str = VERSION_TABLE) -> State:
    """Return the schema of the database at `url` and the ids in its version table."""
    schema = schema_of(url, ignore_column_order=ignore_column_order, version_table=version_table)
    return State(schema, versions_of(url, version_table))


def schema_of(url: str, *, ignore_column_order: bool = False, version_table: str = VERSION_TABLE) -> Schema:
    """Return the schema at `url` as plain values that are equal when the schemas are.

    `url` is a SQLAlchemy URL or the path of a SQLite file, which must exist. The order of columns counts unless told.
    """
    if is_postgres(url):
        with connect(url) as connection:
            schema = postgres_schema(connection, version_table)
    else:
        with closing(open_sqlite(url)) as connection:
            schema = sqlite_schema(connection, version_table)
    return ordered(schema) if ignore_column_order else schema


def versions_of(url: str, version_table: str = VERSION_TABLE) -> tuple[str, ...]:
    """Return the ids in the version table, sorted; none when the table is not there."""
    query = f'SELECT version_num FROM "{version_table}"'
    try:
        if is_postgres(url):
            with connect(url) as connection:
                rows = connection.execute(query).fetchall()
        else:
            with closing(open_sqlite(url)) as connection:
                rows = connection.execute(query).fetchall()
    except (sqlite3.OperationalError, psycopg.errors.UndefinedTable) as error:
        if isinstance(error, sqlite3.OperationalError) and "no such table" not in str(error):
            raise
        return ()
    return tuple(sorted(row[0] for row in rows))


def ordered(schema: Schema) -> Schema:
    """Return the schema with every list of columns sorted by name."""

    def by_name(table: Mapping[str, object]) -> dict[str, object]:
        return {
            key: sorted(value, key=repr) if key in {"columns", "sql"} and isinstance(value, list) else value
            for key, value in table.items()
        }

    return {key: by_name(value) if isinstance(value, dict) else value for key, value in schema.items()}


# SQLite


def open_sqlite(url: str) -> sqlite3.Connection:
    """Open the file read-only; unlike a plain connect this does not create it."""
    path = re.sub(r"^sqlite(\+\w+)?:///", "", url)
    if not os.path.exists(path):
        raise AssertionError(f"there is no database file {path}")
    return sqlite3.connect(f"file:{path.replace('%', '%25').replace('?', '%3f')}?mode=ro", uri=True)


def sqlite_schema(connection: sqlite3.Connection, version_table: str) -> Schema:
    """Return one entry for each table, view, index and trigger: `table t`, `view v`."""
    listed = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    ).fetchall()
    return {
        f"{kind} {name}": sqlite_table(connection, name, sql) if kind == "table" else plain(sql)
        for kind, name, table, sql in sorted(listed)
        if table != version_table
    }


def sqlite_table(connection: sqlite3.Connection, name: str, sql: str) -> dict[str, object]:
    """Return what a table's pragmas say of it, and its definitions as text (for checks and constraint names)."""

    def pragma(name: str, argument: str) -> list[tuple]:
        return connection.execute(f"SELECT * FROM pragma_{name}(?)", (argument,)).fetchall()

    columns = [row[1:] for row in pragma("table_xinfo", name)]
    foreign_keys = sorted(row[2:] for row in grouped(pragma("foreign_key_list", name)))
    indexes = {}
    for _, index, unique, origin, partial in pragma("index_list", name):
        # An index that SQLite made for a constraint is numbered in the order of making: its columns name it.
        keys = tuple(row[2:] for row in pragma("index_xinfo", index) if row[5])
        indexes[index if origin == "c" else f"({origin}) {keys}"] = (unique, origin, partial, keys)
    return {
        "columns": columns,
        "foreign keys": foreign_keys,
        "indexes": dict(sorted(indexes.items())),
        "sql": definitions(sql),
    }


def grouped(rows: Iterable[tuple]) -> list[tuple]:
    """Return foreign key rows with the arbitrary id replaced by the columns that the key spans."""
    rows = list(rows)
    spans = {row[0]: sorted((other[3], other[4]) for other in rows if other[0] == row[0]) for row in rows}
    return [(*row[:2], row[2], *row[3:], str(spans[row[0]])) for row in rows]


def plain(sql: str | None) -> str:
    """Return SQL text without what means nothing: white space outside strings, quotes around plain names."""
    parts = re.split(r"('(?:[^']|'')*')", sql or "")
    for position in range(0, len(parts), 2):
        text = re.sub(r'["`\[](\w+)["`\]]', r"\1", parts[position])
        text = re.sub(r"\s+", " ", text)
        parts[position] = re.sub(r" ?([(),]) ?", r"\1", text)
    return "".join(parts).strip()


def definitions(sql: str) -> list[str]:
    """Return a CREATE TABLE's comma-separated definitions, then what stands behind its closing bracket."""
    text = plain(sql)
    found, depth, start = [], 0, text.find("(") + 1
    quoted = False
    for position in range(start, len(text)):
        char = text[position]
        quoted ^= char == "'"
        if quoted:
            continue
        if char == "(":
            depth += 1
        elif char == ")" and not depth:
            return [*found, text[start:position].strip(), f"after: {text[position + 1 :].strip()}"]
        elif char == ")":
            depth -= 1
        elif char == "," and not depth:
            found.append(text[start:position].strip())
            start = position + 1
    return [text]


# PostgreSQL

USER_SCHEMAS = "n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'"
NOT_OF_AN_EXTENSION = (
    "NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{0}'::regclass AND d.objid = {1} AND d.deptype = 'e')"
)
POSTGRES_QUERIES = {
    "schema": f"SELECT n.nspname, n.nspname FROM pg_namespace n WHERE {USER_SCHEMAS}",
    "extension": "SELECT extname, extname FROM pg_extension",
    "relation": f"""
        SELECT n.nspname || '.' || c.relname, c.relkind::text, c.relpersistence::text, c.relrowsecurity,
               c.reloptions::text, obj_description(c.oid, 'pg_class')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {USER_SCHEMAS} AND c.relkind IN ('r', 'p', 'f') AND c.relname <> %(version_table)s""",
    "columns": f"""
        SELECT n.nspname || '.' || c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text,
               a.attcollation::regcollation::text, col_description(c.oid, a.attnum)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE {USER_SCHEMAS} AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
              AND c.relname <> %(version_table)s
        ORDER BY c.oid, a.attnum""",
    "constraint": f"""
        SELECT n.nspname || '.' || c.relname, k.conname, k.contype::text, pg_get_constraintdef(k.oid),
               k.condeferrable, k.condeferred, k.convalidated
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {USER_SCHEMAS} AND c.relname <> %(version_table)s ORDER BY k.conname""",
    "index": f"""
        SELECT n.nspname || '.' || c.relname, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid),
               i.indisvalid, i.indisclustered
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {USER_SCHEMAS} AND c.relname <> %(version_table)s ORDER BY i.indexrelid::regclass::text""",
    "enum": f"""
        SELECT n.nspname || '.' || t.typname, e.enumlabel
        FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE {USER_SCHEMAS} ORDER BY t.typname, e.enumsortorder""",
    "domain": f"""
        SELECT n.nspname || '.' || t.typname, format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
               (SELECT string_agg(conname || ' ' || pg_get_constraintdef(k.oid), ', ' ORDER BY conname)
                FROM pg_constraint k WHERE k.contypid = t.oid)
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE {USER_SCHEMAS} AND t.typtype = 'd'""",
    "sequence": f"""
        SELECT n.nspname || '.' || c.relname, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin,
               s.seqmax, s.seqcycle, d.deptype::text, d.refobjid::regclass::text,
               (SELECT attname FROM pg_attribute a WHERE a.attrelid = d.refobjid AND a.attnum = d.refobjsubid)
        FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass
                  AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
        WHERE {USER_SCHEMAS}""",
    "view": f"""
        SELECT n.nspname || '.' || c.relname, c.relkind::text, pg_get_viewdef(c.oid)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {USER_SCHEMAS} AND c.relkind IN ('v', 'm')
              AND {NOT_OF_AN_EXTENSION.format("pg_class", "c.oid")}""",
    "trigger": f"""
        SELECT n.nspname || '.' || c.relname, g.tgname, pg_get_triggerdef(g.oid), g.tgenabled::text
        FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {USER_SCHEMAS} AND NOT g.tgisinternal ORDER BY g.tgname""",
    "function": f"""
        SELECT n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
               p.prokind::text, CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE {USER_SCHEMAS} AND {NOT_OF_AN_EXTENSION.format("pg_proc", "p.oid")}""",
}


def is_postgres(url: str) -> bool:
    """Tell a PostgreSQL URL from a SQLite one or a path."""
    return url.startswith("postgresql")


@contextmanager
def connect(url: str) -> Iterator[psycopg.Connection]:
    """Connect with psycopg to what a SQLAlchemy URL of any driver names, read-only."""
    with psycopg.connect(re.sub(r"^postgresql\+\w+:", "postgresql:", url)) as connection:
        connection.read_only = True
        yield connection


def postgres_schema(connection: psycopg.Connection, version_table: str) -> Schema:
    """Return, for each kind of object, its name and rows of `pg_catalog`, without numbers that depend on the past."""
    schema: Schema = {}
    for kind, query in POSTGRES_QUERIES.items():
        named: dict[str, list[tuple]] = {}
        for name, *row in connection.execute(query, {"version_table": version_table}).fetchall():
            named.setdefault(name, []).append(tuple(row))
        for name, rows in sorted(named.items()):
            schema[f"{kind} {name}"] = {kind: rows}
    return schema


# a fresh build


def fresh_build(
    project: Project,
    url: str | None = None,
    ref: str | None = None,
    *,
    leave_out: Iterable[str] = (),
    ignore_column_order: bool = False,
) -> State:
    """Build an empty database by plain `alembic upgrade heads` in a copy of the work tree, and return its state.

    The database is one of the project's own kind, gone afterwards, unless `url` names an empty one, which stays. With
    `ref` the copy is of that commit. `leave_out` are files (relative to the work tree) that do not count. What the same
    files gave before is not built again. Raises BuildFailedError.
    """
    with tempfile.TemporaryDirectory(prefix="dbsync-build-") as folder:
        copy = Path(folder, "tree")
        copy_tree(project, copy, ref)
        for name in leave_out:
            (copy / name).unlink(missing_ok=True)
        key = (is_postgres(project.url), project.url, ignore_column_order, digest(copy))
        if url is None and key in built:
            return built[key]
        state = build(project, copy, url, ignore_column_order=ignore_column_order)
        if url is None:
            built[key] = state
        return state


built: dict[tuple, State] = {}


def build(project: Project, copy: Path, url: str | None, *, ignore_column_order: bool) -> State:
    """Run Alembic in `copy` against `url` or a scratch database."""
    if url is None and is_postgres(project.url):
        server = running_server()
        database = server.create()
        try:
            return build(project, copy, database.url, ignore_column_order=ignore_column_order)
        finally:
            server.drop(database.name)
    if url is not None:
        replace_url(copy, project.url, url)
    answer = alembic_server().run(str(copy), "upgrade", "heads")
    if answer.rc:
        raise BuildFailedError(answer.out)
    if url is None:
        url = project.url.replace(str(project.top), str(copy)) if str(project.top) in project.url else None
    return state_of(
        url or str(copy / project.url.removeprefix("sqlite:///")),
        ignore_column_order=ignore_column_order,
    )


def replace_url(copy: Path, old: str, new: str) -> None:
    """Put another database's URL into the copy's configuration."""
    for path in copy.rglob("*"):
        if path.suffix in {".ini", ".toml", ".env"} and path.is_file():
            text = path.read_text()
            path.write_text(text.replace(old.replace("%", "%%"), new.replace("%", "%%")).replace(old, new))


def copy_tree(project: Project, copy: Path, ref: str | None) -> None:
    """Copy the work tree, or the tree of `ref`, without databases and bytecode."""
    if ref is None:
        ignore = shutil.ignore_patterns(".git", "*.db", "*.db-*", "__pycache__", ".venv")
        shutil.copytree(project.top, copy, ignore=ignore, symlinks=True)
        return
    copy.mkdir()
    environ = {**os.environ, "GIT_INDEX_FILE": str(copy.with_name("index"))}
    for command in (["read-tree", ref], ["checkout-index", "--all", f"--prefix={copy}/"]):
        subprocess.run(["git", *command], cwd=project.top, env=environ, check=True, capture_output=True)


def digest(folder: Path) -> str:
    """Return a hash of the names and contents of every file in a folder."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            total.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode(errors="surrogateescape"))
            total.update(content)
    return total.hexdigest()


@cache
def alembic_server() -> AlembicServer:
    """Return this process's Alembic server, started at the first build."""
    server = AlembicServer()
    atexit.register(server.close)
    return server

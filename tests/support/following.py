"""A project whose database follows Git, and what has to hold of it wherever Git has been."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbsync.ledger.ledger import Ledger
from tests.support.schema import assert_in_sync, connect, is_postgres, state_of
from tests.support.warm_python import warm_python

if TYPE_CHECKING:
    from tests.support.project import Completed, Project


def follow(project: Project, *, warm: bool = True) -> Project:
    """Give the project's (empty) database to dbsync, and install the hooks.

    Unless told, the worker is started by `warm_python`, which saves most of its time.
    """
    if warm:
        project.git("config", "dbsync.interpreter", warm_python(project.python))
    if not is_postgres(project.database):
        Path(project.database.removeprefix("sqlite:///")).touch()
    project.dbsync("init", "--yes")
    return project


def status(project: Project) -> dict[str, Any]:
    """Return what `dbsync status --json` says."""
    return json.loads(project.dbsync("status", "--json").out)


def database_status(project: Project) -> dict[str, Any]:
    """Return what `dbsync status --json` says of the only database."""
    (environment,) = status(project)["environments"]
    (database,) = environment["databases"]
    return database


def state(project: Project) -> str:
    """Return the `state` of the only database."""
    return database_status(project)["state"]


def codes(done: Completed) -> list[str]:
    """Return the codes of the obstacles that a command printed; warnings are none."""
    lines = [line for line in done.err.splitlines() if not line.startswith("warning: ")]
    return [line.rpartition("[")[2].rstrip("]") for line in lines if line.endswith("]")]


def ledger_path(project: Project) -> Path:
    """Return the file of the only ledger."""
    (path,) = project.path(".git/dbsync/databases").glob("*.sqlite")
    return path


def ledger_entries(project: Project) -> dict[str, bytes]:
    """Return what the ledger says is applied: sources by revision id."""
    with Ledger(str(ledger_path(project))) as ledger:
        assert ledger.running() == []
        return {entry.revision.id: entry.source for entry in ledger.entries("alembic_version")}


def files_by_id(project: Project) -> dict[str, bytes]:
    """Return the sources of the work tree's revisions by id."""
    found = {}
    for path in sorted(project.path(f"{project.script_location}/versions").glob("*.py")):
        source = path.read_bytes()
        found[next(line for line in source.decode().splitlines() if line.startswith("revision")).split("'")[1]] = source
    return found


def assert_follows(project: Project, *, leave_out: tuple[str, ...] = ()) -> None:
    """Assert that the database is what the work tree says, and that dbsync knows it.

    The schema is a fresh build's, the version table holds the heads, the ledger is all that is applied with the very
    sources of the files, and `status` calls it in sync. `leave_out` are files that do not count (strays).
    """
    assert_in_sync(project, leave_out=leave_out, ignore_column_order=True)
    left_out = [project.path(name).read_bytes() for name in leave_out]
    wanted = {one: source for one, source in files_by_id(project).items() if source not in left_out}
    assert wanted == ledger_entries(project)
    found = database_status(project)
    assert found["state"] == "in_sync", found


def assert_at_the_fork(project: Project, *held_back: str) -> None:
    """Assert that all is applied but the revisions held back above a fork of the heads, given by their ids."""
    versions = project.path(f"{project.script_location}/versions")
    paths = {
        one: path
        for path in versions.glob("*.py")
        for one in held_back
        if f"revision: str = '{one}'" in path.read_text()
    }
    assert set(held_back) == set(paths)
    files = tuple(str(path.relative_to(project.top)) for path in paths.values())
    assert_in_sync(project, leave_out=files, ignore_column_order=True)
    wanted = {one: source for one, source in files_by_id(project).items() if one not in held_back}
    assert wanted == ledger_entries(project)
    found = database_status(project)
    assert (found["state"], sorted(held_back)) == ("forked", found["pending"]), found


def dump(project: Project) -> list[str]:
    """Return the whole content of the database: schema, version table and rows; of SQLite, as SQL."""
    if is_postgres(project.database):
        return dump_postgres(project)
    path = project.database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return list(db.iterdump())


def dump_postgres(project: Project) -> list[str]:
    """Return the same of PostgreSQL in lines that do not hang on the order of columns or rows."""
    state = state_of(project.database, ignore_column_order=True)
    lines = [repr(state)]
    for table in tables_of(project):
        with connect(project.database) as connection:
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            names = [column.name for column in cursor.description or ()]
            lines += sorted(f"{table} {sorted(zip(names, map(repr, row), strict=True))}" for row in cursor.fetchall())
    return lines


def tables_of(project: Project) -> list[str]:
    """Return the names of the tables, less the version table."""
    if is_postgres(project.database):
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        return sorted(row[0] for row in sql(project, query))
    keys = state_of(project.database).schema
    return sorted(key.removeprefix("table ") for key in keys if key.startswith("table "))


def sql(project: Project, *statements: str) -> list[Any]:
    """Run statements on the database and commit; return the rows of the last one."""
    if is_postgres(project.database):
        with connect(project.database) as connection:
            connection.read_only = False
            cursors = [connection.execute(statement) for statement in statements]
            return cursors[-1].fetchall() if cursors and cursors[-1].description else []
    rows: list[Any] = []
    with closing(sqlite3.connect(project.database.removeprefix("sqlite:///"))) as db:
        for statement in statements:
            rows = db.execute(statement).fetchall()
        db.commit()
    return rows

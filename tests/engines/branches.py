"""Two git branches of migrations on an adopted database, and what a developer does with them."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.postgres import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from tests.support.postgres import Server
    from tests.support.project import Completed, Project

ENUM = """
op.execute("CREATE TYPE mood AS ENUM ('calm', 'loud')")
op.add_column("users", sa.Column("mood", sa.Enum("calm", "loud", name="mood", create_type=False)))
"""
WITHOUT_ENUM = """
op.drop_column("users", "mood")
op.execute("DROP TYPE mood")
"""

KEPT = re.compile(r"dbsync_shadow_[0-9a-f]{16}|dbsync_kept_.*")


def adopt(project: Project, *options: str) -> Completed:
    """Bring the database to its heads with plain Alembic and give it to dbsync."""
    project.alembic("upgrade", "heads")
    return project.dbsync("init", "--yes", *options)


def grow(project: Project) -> None:
    """Leave `main` (users) and `feature` (users.mood of an enum type, orders), on `main`, the database adopted."""
    start(project)
    project.switch("-c", "feature")
    project.revision("r2", "r1", ENUM, WITHOUT_ENUM, "add mood")
    project.table("r3", "r2", "orders")
    project.commit("Moods and orders")
    project.switch("main")


def start(project: Project) -> Completed:
    """Leave `main` with the table users, the database adopted; return what `init` said."""
    project.table("r1", name="users")
    project.commit("Users")
    return adopt(project)


def branch(project: Project, name: str, id: str, up: str, down: str = "pass", parent: str = "r1") -> None:
    """Commit a revision on a new git branch and come back to `main`, the database untouched meanwhile."""
    with hooks_off(project):
        project.switch("-c", name)
        project.revision(id, parent, up, down, f"on {name}")
        project.commit(f"Add {id}")
        project.switch("main")


@contextmanager
def hooks_off(project: Project) -> Iterator[None]:
    """Let git run without dbsync."""
    project.environ["DBSYNC"] = "off"
    yield
    del project.environ["DBSYNC"]


@contextmanager
def idle_transaction(connection: psycopg.Connection, statement: str) -> Iterator[None]:
    """Hold what a statement locks, in a transaction that does nothing more; it must still be alive at the end."""
    connection.execute("BEGIN")
    connection.execute(statement)
    try:
        yield
        assert connection.execute("SELECT 1").fetchone() == (1,), "the foreign session was ended"
    finally:
        connection.execute("ROLLBACK")


def stopwatch():
    """Return a function that tells the seconds since now."""
    begin = time.monotonic()
    return lambda: time.monotonic() - begin


def sessions(postgres: Server, database: str) -> list[tuple]:
    """Return who is connected to a database, once what is ending has ended."""
    with postgres.connect() as connection:
        query = "SELECT pid, application_name FROM pg_stat_activity WHERE datname = %s"
        wait_until(lambda: not connection.execute(query, (database,)).fetchall(), 2)
        return connection.execute(query, (database,)).fetchall()


def scratch_databases(postgres: Server) -> set[str]:
    """Return the scratch databases of the server that do not go away: other tests make some too, for a moment.

    Those that are kept for the next judgement are another matter, and have longer names.
    """

    def now() -> set[str]:
        with postgres.connect() as connection:
            query = "SELECT datname FROM pg_database WHERE datname LIKE 'dbsync%%'"
            return {name for (name,) in connection.execute(query) if not KEPT.fullmatch(name)}

    left = now()
    wait_until(lambda: not left & now(), 10)
    return left & now()

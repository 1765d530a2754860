"""Databases that dbsync keeps on the tests' server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.ledger.ledger import Ledger
from dbsync.store.kept_databases import kept_databases
from tests.support.following import ledger_path
from tests.support.schema import connect

if TYPE_CHECKING:
    from tests.support.postgres import Server
    from tests.support.project import Project


def write(url: str, *statements: str) -> None:
    """Change what a database holds."""
    with connect(url) as connection:
        connection.read_only = False
        for statement in statements:
            connection.execute(statement)


def kept(project: Project) -> list[str]:
    """Return the databases that the only ledger lists as kept, the oldest first."""
    with Ledger(str(ledger_path(project))) as ledger:
        return [one.name for one in kept_databases(ledger)]


def there(postgres: Server, names: list[str]) -> list[str]:
    """Return which of some databases are on the server."""
    with postgres.connect() as connection:
        query = "SELECT datname FROM pg_database WHERE datname = ANY (%s) ORDER BY 1"
        return [name for (name,) in connection.execute(query, (names,))]


def clear_up(project: Project, postgres: Server) -> None:
    """Drop what dbsync kept in the course of a test."""
    with postgres.connect() as connection:
        for name in kept(project):
            connection.execute(f'DROP DATABASE IF EXISTS "{name}"')

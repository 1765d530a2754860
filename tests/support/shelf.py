"""The shelf without Git: revisions as functions, run on a real database by the worker's own stepping, and a real shelf."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from dbsync.ledger.entry import Entry
from dbsync.revisions.revision import Revision
from dbsync.store.layout import Layout
from dbsync.store.shelf import Shelf
from dbsync.sync.shelving import Counts, Database, Shelving
from dbsync.worker.engines import adapter_for
from dbsync.worker.stepping import Stepping
from tests.support.postgres import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator


class Change(NamedTuple):
    """A revision: its id and its two directions, as code over `op` and `sa`."""

    id: str
    up: str
    down: str

    @property
    def source(self) -> bytes:
        """Return what stands for its file."""
        return f"def upgrade():\n    {self.up!r}\n".encode()


class Line:
    """What is between worker and host, JSON and all."""

    def __init__(self, shelving: Shelving) -> None:
        self._shelving = shelving

    def tell(self, event: str, **facts: Any) -> None:
        """Send an event."""
        getattr(self._shelving, f"on_{event}")(json.loads(json.dumps(facts)))

    def ask(self, event: str, **facts: Any) -> dict[str, Any]:
        """Send an event and wait for the answer."""
        return json.loads(json.dumps(getattr(self._shelving, f"on_{event}")(json.loads(json.dumps(facts)))))


class Bench:
    """A database that revisions are taken down and put up in."""

    def __init__(self, url: str, folder: Path) -> None:
        self.engine = sa.create_engine(url)
        self.layout = Layout(str(folder / "state"))
        self.shelf = Shelf(self.layout)
        self._operations = 0

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def move(
        self,
        *,
        down: tuple[Change, ...] = (),
        up: tuple[Change, ...] = (),
        committed: bool = True,
        known: tuple[str, ...] = (),
    ) -> Counts:
        """Take revisions down, then put others up, as one operation."""
        self._operations += 1
        with self._transaction() as connection:
            shelving = self._shelving(down, up, known)
            stepping = self._step(connection, Line(shelving), down, up)
            assert not stepping.losses, stepping.losses
            shelving.seal()
            counts = shelving.counts()
            adapter_for(connection.dialect).finish(connection)
            if not committed:
                connection.get_transaction().rollback()
        shelving.close(committed=committed)
        return counts

    def _shelving(self, down: tuple[Change, ...], up: tuple[Change, ...], known: tuple[str, ...]) -> Shelving:
        database = Database("key", "instance", "dev.db", "alembic_version", "feature", "c0ffee")
        shelving = Shelving(self.layout, database, f"operation {self._operations}")
        shelving.keep_days = 14
        shelving.down = {one.id: Entry(Revision(one.id, (), (), (), "", one.id, ""), one.source) for one in down}
        sources = {one.id: one.source for one in up}
        shelving.wanted = lambda one: sources.get(one, b"")
        shelving.known = lambda one: one in sources or one in known or not sources
        return shelving

    def _step(
        self, connection: sa.Connection, line: Line, down: tuple[Change, ...], up: tuple[Change, ...]
    ) -> Stepping:
        context = MigrationContext.configure(connection)
        stepping = Stepping(line, context, lambda: False)
        stepping.shelves = True
        sa.event.listen(
            connection, "before_cursor_execute", lambda c, k, statement, *_: stepping.before_statement(statement)
        )
        sa.event.listen(connection, "after_cursor_execute", lambda c, k, s, *_: stepping.after_statement(s, k.rowcount))
        with Operations.context(context) as op:
            for one in down:
                stepping.down(one.id, lambda one=one: perform(one.down, op), lambda one=one: perform(one.up, op))
            for one in up:
                stepping.look(one.id)
                perform(one.up, op)
                stepping.put_back()
        return stepping

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self.engine.connect() as connection, connection.begin():
            if connection.dialect.name == "sqlite":
                adapter_for(connection.dialect).lock(connection, None, "alembic_version")
            yield connection

    def run(self, *statements: str) -> list[Any]:
        """Run statements as the application would; return the rows of the last one."""
        rows: list[Any] = []
        with self.engine.begin() as connection:
            for statement in statements:
                done = connection.exec_driver_sql(statement)
                rows = [tuple(row) for row in done] if done.returns_rows else []
        return rows

    def reasons(self) -> list[tuple[int, str]]:
        """Return the rows that stay on the shelf: number of the entry and why."""
        return [
            (entry.number, reason)
            for entry in self.shelf.entries()
            for part in entry.parts()
            for _, reason, _ in entry.stays(part.id)
        ]

    def left(self) -> int:
        """Return how many rows are on the shelf that have not returned."""
        return sum(entry.left for entry in self.shelf.entries())


ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@contextlib.contextmanager
def bench(engine: str) -> Iterator[Bench]:
    """Give an empty database of an engine, and an empty shelf."""
    with tempfile.TemporaryDirectory(prefix="dbsync-shelf-") as folder:
        if engine == "sqlite":
            made = Bench(f"sqlite:///{folder}/dev.db", Path(folder))
            yield made
            made.close()
            return
        database = running_server().create()
        made = Bench(database.url, Path(folder))
        try:
            yield made
        finally:
            made.close()
            running_server().drop(database.name)


def perform(code: str, op: Any) -> None:
    """Run one direction."""
    exec(code, {"op": op, "sa": sa})

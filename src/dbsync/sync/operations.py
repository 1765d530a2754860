"""What was done to the databases of a work tree, and what an undo would undo."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from dbsync.errors import DbsyncError
from dbsync.store.databases import owned
from dbsync.sync.half_way import has_begun
from dbsync.sync.outcome import display

if TYPE_CHECKING:
    from dbsync.ledger.entry import Operation
    from dbsync.sync.project import Project


class Done(NamedTuple):
    """One operation on one version table of the database with this `key`; `name` is how that is shown."""

    key: str
    name: str
    operation: Operation

    @property
    def run(self) -> str:
        """What tells the run of dbsync that did it; of what plain Alembic did, each is one of its own."""
        return str(self.operation.facts.get("run") or f"{self.key} {self.operation.id}")

    @property
    def copy(self) -> str:
        """The file with the database as it was before, "" where there is none any more."""
        path = str(self.operation.facts.get("copy") or "")
        return path if path and os.path.exists(path) else ""

    @property
    def copy_size(self) -> int:
        """How many bytes the copy takes."""
        return os.path.getsize(self.copy) if self.copy else 0


def operations(project: Project) -> list[Done]:
    """Return the operations on the databases that follow this work tree, the newest first."""
    found = [
        Done(ledger.meta("identity")["key"], display(ledger.meta("identity"), project.tops), one)
        for ledger in owned(project.layout, project.repository.top)
        for one in ledger.operations()
    ]
    return sorted(found, key=lambda one: (one.operation.started, one.operation.id), reverse=True)


def last_run(project: Project) -> list[Done]:
    """Return the operations of the last run that changed something, the newest first.

    Raises `DbsyncError` where there is none, or one was interrupted.
    """
    found = operations(project)
    running = [one for one in found if one.operation.state == "running"]
    if any(has_begun(one.operation) for one in running):
        raise DbsyncError("an operation was interrupted half-way", "`dbsync repair`, then undo", code="DBS423")
    if running:
        raise DbsyncError("an operation was interrupted", "`dbsync sync` finishes it or rolls it back, then undo")
    done = [one for one in found if one.operation.state == "done"]
    if not done:
        raise DbsyncError("there is nothing to undo: no operation is recorded", "`dbsync reflog`")
    return [one for one in done if one.run == done[0].run]

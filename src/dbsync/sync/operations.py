"""What was done to the databases of a work tree, and what an undo would undo."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from dbsync.errors import DbsyncError
from dbsync.store.databases import owned
from dbsync.store.kept_databases import kept_databases
from dbsync.sync.half_way import has_begun
from dbsync.sync.outcome import display

if TYPE_CHECKING:
    from dbsync.ledger.entry import Operation
    from dbsync.store.kept_databases import Kept
    from dbsync.sync.project import Project


class Done(NamedTuple):
    """One operation on one version table of the database with this `key`; `name` is how that is shown.

    `clone` is the database on the server that is as this one was before, None where there is none any more.
    """

    key: str
    name: str
    operation: Operation
    clone: Kept | None = None

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
        if self.clone is not None:
            return self.clone.size
        return os.path.getsize(self.copy) if self.copy else 0


def operations(project: Project) -> list[Done]:
    """Return the operations on the databases that follow this work tree, the newest first."""
    found = []
    for ledger in owned(project.layout, project.repository.top):
        identity, kept = ledger.meta("identity"), {one.name: one for one in kept_databases(ledger)}
        found += [
            Done(identity["key"], display(identity, project.tops), one, kept.get(one.facts.get("database", "")))
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
    if "branches" in done[0].operation.facts:
        left, branch = done[0].operation.facts["branches"]
        message = f"the last thing done was to take the rows of {branch} in the place of those of {left}"
        raise DbsyncError(message, f"`git switch {left}` brings those back")
    return [one for one in done if one.run == done[0].run and "branches" not in one.operation.facts]

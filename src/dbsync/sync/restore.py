"""Putting one entry of the shelf back by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.errors import DbsyncError
from dbsync.store.databases import open_ledger
from dbsync.sync.follow import follow
from dbsync.sync.rules import Rules
from dbsync.sync.target import read_target

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.store.shelf_entry import ShelfEntry
    from dbsync.sync.outcome import Outcome
    from dbsync.sync.project import Project


def restore(project: Project, entry: ShelfEntry, *, force: bool) -> Outcome:
    """Put an entry back into the schema that is there now, after a sync if need be.

    `force` puts values onto rows that differ too. Raises `DbsyncError` where its database follows no more.
    """
    environment = _environment(project, entry)
    return follow(
        project, read_target(project, environment), Rules(by="shelf restore", restore=entry.number, force=force)
    )


def _environment(project: Project, entry: ShelfEntry) -> Environment:
    ledger = open_ledger(project.layout, entry.facts["key"])
    if ledger is not None:
        with ledger:
            names = ledger.meta("environments", [])
        found = [one for one in project.environments()[0] if one.name in names]
        if found:
            return found[0]
    raise DbsyncError(f"{entry.facts['name']} does not follow this work tree", "`git switch` to where it does")

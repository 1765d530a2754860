"""What is kept before a database is moved, so that the move can be undone: a copy of an SQLite file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dbsync.errors import DbsyncError
from dbsync.store import copies

if TYPE_CHECKING:
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.current_database import CurrentDatabase
    from dbsync.sync.project import Project


def copy_before(project: Project, current: CurrentDatabase, *, reachable: bool) -> str:
    """Copy a database before the first move of this run; returns the file, "" where there is none.

    The worker holds the write lock and has changed nothing yet, so the copy is what is committed. A file that is not
    `reachable`, since a runner has it, or larger than `dbsync.undoSize`, is not copied.
    """
    path = current.identity["key"]
    limit = project.settings.undo_size * copies.MEGABYTE
    if current.facts["dialect"] != "sqlite" or not reachable or not 0 < os.path.getsize(path) <= limit:
        return ""
    try:
        copy = copy_name(project, current.ledger)
        if not os.path.exists(copy):
            copies.take(copy, path, locked=True)
    except (DbsyncError, OSError) as error:
        current.notes.append(f"no copy was made ({error}): `dbsync undo` would go by the revisions")
        return ""
    return copy


def copy_name(project: Project, ledger: Ledger) -> str:
    """Return the path of the copy that this run makes of a database."""
    stem = os.path.basename(ledger.path).removesuffix(copies.SUFFIX)
    return os.path.join(project.layout.folder(copies.FOLDER), f"{stem}-{project.run}{copies.SUFFIX}")

"""Databases that are not moved: what must not become of their revisions' files then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.errors import DbsyncError
from dbsync.plan.left_alone import ENGINES
from dbsync.store.databases import adopted
from dbsync.sync.status import environment_status

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.revisions.revision import Revision
    from dbsync.sync.project import Project
    from dbsync.sync.reparent import Reparenting


def require_unapplied(project: Project, found: list[Reparenting]) -> None:
    """Raise where a revision that gets another parent is applied to a database that cannot be moved to what that says.

    Alembic would take it for done, and pass over the revisions that come between.
    """
    for one in found:
        moving = {edit.revision.id for edit in one.edits}
        for database in environment_status(project, one.environment).databases if _stays(project, one) else ():
            applied = [entry.revision for entry in database.applied.entries if entry.revision.id in moving]
            if applied:
                raise _refusal(one.environment, database.database, applied[0])


def _stays(project: Project, one: Reparenting) -> bool:
    known = [ledger.meta("identity", {}).get("dialect") for ledger in adopted(project.layout, one.environment.name)]
    return bool(one.edits) and any(dialect in ENGINES for dialect in known)


def _refusal(environment: Environment, database: str, revision: Revision) -> DbsyncError:
    parent = ", ".join(revision.down_revision) or "base"
    message = f"{revision.id} is applied to {database}, which is not moved yet on this engine: nothing was written"
    hint = f"`alembic downgrade {parent}`, `dbsync rebase`, then `alembic upgrade heads`"
    return DbsyncError(message, environment.as_typed(hint), code="DBS411")

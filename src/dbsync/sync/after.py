"""What is applied when a plan has been carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.ledger.entry import Entry
from dbsync.sync.clock import utc_now

if TYPE_CHECKING:
    from dbsync.sync.current_database import CurrentDatabase
    from dbsync.sync.project import Project
    from dbsync.sync.target import Target


class EntriesAfter:
    """Makes the ledger's entries for a target."""

    def __init__(self, project: Project, target: Target) -> None:
        self._project = project
        self._target = target

    def of(self, current: CurrentDatabase, up: dict[str, bytes]) -> list[Entry]:
        """Return what stays, as it is written now, and what the plan adds; `up` holds the sources of that."""
        going = set(current.planned.down)
        staying = [entry for entry in current.known.entries if entry.revision.id not in going]
        repository = self._project.repository
        head, branch, now = repository.head_commit() or "", repository.branch() or "", utc_now()
        arriving = [
            Entry(
                self._target.map.revisions[one], up[one], applied_at=now, branch=branch, commit=self._commit(one, head)
            )
            for one in current.planned.up
        ]
        return [*(self._refreshed(entry) for entry in staying), *arriving]

    def _commit(self, revision_id: str, head: str) -> str:
        """Return HEAD where its tree holds this very file, "" for what is not committed."""
        if self._target.recorded is not None:
            return self._target.recorded[revision_id].commit
        if self._target.tree is not self._project.work_tree:
            return self._target.tree.name
        if not hasattr(self, "_head_oids"):
            environment = self._target.environment
            graph = self._project.graph(environment, self._project.commit_tree(head)) if head else None
            self._head_oids = {one.id: one.oid for one in graph.map.revisions.values()} if graph else {}
        return head if self._head_oids.get(revision_id) == self._target.map.revisions[revision_id].oid else ""

    def _refreshed(self, entry: Entry) -> Entry:
        """Return the entry of a revision that stays, as it is written now: what was cosmetic is no difference then."""
        wanted = self._target.map.revisions[entry.revision.id]
        if wanted == entry.revision:
            return entry
        source = self._target.sources(self._project, [wanted.id]).get(wanted.id, entry.source)
        return entry._replace(revision=wanted, source=source)

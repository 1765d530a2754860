"""Whether databases are kept where they are, so that no hook moves them: by `dbsync sync --to`, or since an undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.store.databases import owned

if TYPE_CHECKING:
    from dbsync.sync.project import Project

# Kept in the place of a commit where an earlier state was put back, which need not be any commit's.
PUT_BACK = "put back"


def hold(project: Project, at: str) -> None:
    """Hold every database at a commit or where it was `PUT_BACK`, or let all follow again with ""."""
    for ledger in owned(project.layout, project.repository.top):
        ledger.set_meta("held", at)


def held(project: Project, environment: str | None = None) -> str:
    """Return where the databases of an environment, or of any, are held: a commit, `PUT_BACK`, "" where all follow."""
    found = (ledger.meta("held", "") for ledger in owned(project.layout, project.repository.top, environment))
    return next((at for at in found if at), "")


def words(at: str) -> str:
    """Return how a held database is spoken of."""
    if at == PUT_BACK:
        return "where `dbsync undo` or `dbsync snapshot restore` put it"
    return f"at {at[:12]} by `dbsync sync --to`"

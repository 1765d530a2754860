"""One applied revision, and one move of the database, as the ledger keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from dbsync.revisions.revision import Revision


class Entry(NamedTuple):
    """A revision as it was when it was applied: its identifiers, its source, and how dbsync knows.

    `observed` says that the source was found afterwards rather than seen when it was applied. `commit` is the commit
    whose tree held it ("" for a file not committed then; where plain Alembic applied it, HEAD then, whether that held
    the file or not), `branch` the git branch, `applied_at` UTC in ISO form, `seconds` how long it took (None where
    unknown).
    """

    revision: Revision
    source: bytes
    observed: bool = False
    applied_at: str = ""
    branch: str = ""
    commit: str = ""
    seconds: float | None = None


class Operation(NamedTuple):
    """One run of a plan. `state` is running, done or failed; `facts` holds plan, evidence, entries to be."""

    id: int
    track: str
    state: str
    started: str
    facts: dict[str, Any]

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
    """One run of a plan. `state` is running, done or failed.

    `facts` holds the rows `before` and `after`, the slim entries that `was` applied and that are (`entries`), what it
    was done `by`, in which `run` of dbsync, the `copy` of the database made before, and evidence for recovery.
    """

    id: int
    track: str
    state: str
    started: str
    facts: dict[str, Any]


class NewOperation(NamedTuple):
    """An operation that is about to begin: what `was` applied, and the `entries` that will be when it has ended."""

    track: str
    started: str
    facts: dict[str, Any]
    was: list[Entry]
    entries: list[Entry]

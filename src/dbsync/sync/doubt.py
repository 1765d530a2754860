"""Deciding how revisions were applied to a database that somebody else changed: by building both stories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.sync.adoption import candidates, compare_with_fresh_build
from dbsync.sync.inspect import only_adopted
from dbsync.sync.known import as_written

if TYPE_CHECKING:
    from dbsync.sync.adoption import Candidate
    from dbsync.sync.applied import Applied
    from dbsync.sync.mover import Doubted
    from dbsync.sync.project import Project
    from dbsync.sync.target import Target


def whom_to_believe(project: Project, target: Target, doubted: Doubted) -> str:
    """Return "files" where the schema is nearer to what the files make of it, else "ledger"."""
    listed, _ = candidates(project, target, only_adopted(project), create=False)
    here = [one for one in listed if (one.seen.key, one.seen.track) == (doubted.key, doubted.track)]
    if not here:
        return "ledger"
    entries = as_written(project, target, doubted.applied.entries)
    files = _distance(project, target, doubted.applied.with_entries(entries), here[0])
    if files and files >= _distance(project, target, doubted.applied, here[0]):
        return "ledger"
    return "files"


def _distance(project: Project, target: Target, applied: Applied, candidate: Candidate) -> float:
    """Return in how many lines the schema differs from a fresh build."""
    found = compare_with_fresh_build(project, target, applied, candidate)
    return float("inf") if found.why_not else len(found.missing) + len(found.extra)

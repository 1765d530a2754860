"""Whether a schema is what revisions make that nobody saw being applied: `alembic stamp` runs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.errors import Obstacle
from dbsync.sync.adoption import candidates, compare_with_fresh_build
from dbsync.sync.inspect import only_adopted
from dbsync.sync.trusted import why_untrusted

if TYPE_CHECKING:
    from dbsync.sync.adoption import Comparison
    from dbsync.sync.project import Project
    from dbsync.sync.status import DatabaseStatus, EnvironmentStatus

SHOWN = 3


def untrue(project: Project, status: EnvironmentStatus) -> list[Obstacle]:
    """Return an obstacle for each database with such revisions whose schema is not that of a fresh build."""
    doubtful = [one for one in status.databases if any(entry.observed for entry in one.applied.entries)]
    if not doubtful or why_untrusted(project):
        return []
    listed, _ = candidates(project, status.target, only_adopted(project), create=False)
    built = {(one.seen.key, one.seen.track): one for one in listed}
    found = []
    for one in doubtful:
        candidate = built.get((one.seen.key, one.seen.track))
        if candidate is not None:
            comparison = compare_with_fresh_build(project, status.target, one.applied, candidate)
            found += [] if comparison.why_not or comparison.equal else [_obstacle(status, one, comparison)]
    return found


def _obstacle(status: EnvironmentStatus, one: DatabaseStatus, comparison: Comparison) -> Obstacle:
    lines = [*(f"- {line}" for line in comparison.missing), *(f"+ {line}" for line in comparison.extra)]
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    message = f"the schema of {one.database} is not what its revisions make: {', '.join(lines[:SHOWN])}{more}"
    hint = "`alembic stamp` with the revision that it is really at, then `dbsync sync`"
    return Obstacle("", message, status.environment.as_typed(hint))

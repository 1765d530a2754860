"""Re-parented revisions that stay applied: tried first, and judged by a fresh build before that is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.plan.in_place import concerned, has_data_step, stay_in_place
from dbsync.sync.adoption import compare_with_target

if TYPE_CHECKING:
    from dbsync.plan.planner import Plan
    from dbsync.revisions.revision_map import RevisionMap
    from dbsync.sync.adoption import Built
    from dbsync.sync.project import Project
    from dbsync.sync.target import Target


def shortest(project: Project, target: Target, applied: RevisionMap, plan: Plan) -> Plan:
    """Return the plan that lets re-parented revisions stay, where the order says nothing of rows."""
    shorter = stay_in_place(plan, applied, target.map)
    if shorter is None:
        return plan
    sources = target.sources(project, concerned(shorter, applied, target.map))
    return plan if any(map(has_data_step, sources.values())) else shorter


def is_built(project: Project, target: Target, built: Built) -> bool:
    """Say whether a schema is what a fresh build of the target makes."""
    return compare_with_target(project, target, built).equal

"""Re-parented revisions that stay applied: tried first, and judged by a fresh build before that is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbsync.plan.in_place import concerned, has_data_step, stay_in_place
from dbsync.sync.adoption import compare_with_target
from dbsync.sync.request import graph_facts

if TYPE_CHECKING:
    from dbsync.plan.planner import Plan
    from dbsync.revisions.revision_map import RevisionMap
    from dbsync.sync.adoption import Built
    from dbsync.sync.applied import Applied
    from dbsync.sync.project import Project
    from dbsync.sync.target import Target


def shortest(project: Project, target: Target, applied: RevisionMap, plan: Plan) -> Plan:
    """Return the plan that lets re-parented revisions stay, where the order says nothing of rows."""
    shorter = stay_in_place(plan, applied, target.map)
    if shorter is None:
        return plan
    sources = target.sources(project, concerned(shorter, applied, target.map))
    return plan if any(map(has_data_step, sources.values())) else shorter


def is_built(project: Project, target: Target, built: Built, whole: list[str] | None) -> bool:
    """Say whether a schema is what a fresh build of the target makes.

    Where a chain cannot be built from nothing, what going down and up makes counts, `whole`, as far as that is known.
    """
    found = compare_with_target(project, target, built)
    return whole == sorted(built.schema_lines) if found.why_not else found.equal


def as_facts(applied: Applied, target: Target, plan: Plan, sources: dict[str, bytes]) -> dict[str, Any]:
    """Return a plan as the worker tries it; `sources` holds those of what goes up."""
    known = {entry.revision.id: entry.source for entry in applied.entries if entry.revision.id in plan.down}
    facts = {"applied": graph_facts(applied.map, known), "target": graph_facts(target.map, sources)}
    return {**facts, "down": plan.down, "up": plan.up}

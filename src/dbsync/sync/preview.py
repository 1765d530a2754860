"""What a sync would do by what is known without running anything of the project: ledger, files, and an SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.plan.planner import make_plan
from dbsync.store.databases import owned
from dbsync.sync.applied import explain_heads
from dbsync.sync.look import Seen, look
from dbsync.sync.outcome import Moved, display
from dbsync.sync.sources import SourceFinder
from dbsync.sync.target import read_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.config.environment import Environment
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.project import Project
    from dbsync.sync.target import Target


def preview(project: Project) -> list[Moved]:
    """Return every database that a sync would move, with the plan; those that have none are left out."""
    return [
        moved
        for environment in project.environments()[0]
        for moved in _of_environment(project, environment)
        if moved.plan is not None and moved.plan.steps
    ]


def _of_environment(project: Project, environment: Environment) -> Iterator[Moved]:
    target = read_target(project, environment)
    seen = {(one.key, one.track): one for one in look(project, environment) or []}
    for ledger in owned(project.layout, project.repository.top, environment.name):
        key = ledger.meta("identity", {}).get("key", "")
        for track in ledger.meta("tracks", []):
            yield _moved(project, target, ledger, seen.get((key, track)) or last_seen(ledger, track))


def last_seen(ledger: Ledger, track: str) -> Seen:
    """Return a version table as the ledger knows it."""
    identity, facts = ledger.meta("identity", {}), ledger.meta(f"track:{track}", {})
    return Seen(identity["key"], identity, facts, tuple(facts.get("heads", ())), track)


def _moved(project: Project, target: Target, ledger: Ledger, seen: Seen) -> Moved:
    finder = SourceFinder(project, target.environment, ledger)
    applied = explain_heads(seen.heads, ledger.entries(seen.track), finder)
    sound = not (applied.obstacles or applied.map.obstacles or target.map.obstacles)
    same = target.same_source(project, applied.entries)
    plan = make_plan(applied.map, target.within_forks(applied.map.revisions), same) if sound else None
    return Moved(display(seen.identity, project.tops), seen.heads, seen.heads, plan)

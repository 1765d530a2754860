"""How the databases stand to the work tree: what `status` shows and `ensure` decides by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.errors import Obstacle
from dbsync.plan.planner import Difference, compare
from dbsync.store.databases import open_ledger, owned, tracks_of
from dbsync.store.pending import read_pending
from dbsync.sync.applied import Applied, explain_heads
from dbsync.sync.clock import utc_now
from dbsync.sync.held import PUT_BACK, held
from dbsync.sync.inspect import inspect, only_adopted
from dbsync.sync.known import known_entries
from dbsync.sync.look import Seen, look
from dbsync.sync.outcome import display
from dbsync.sync.sources import SourceFinder
from dbsync.sync.target import Target, blocks, read_target
from dbsync.sync.trusted import why_untrusted

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.sync.project import Project

NOTHING = Difference((), (), (), ())
REFUSALS = ("DBS501", "DBS502", "DBS503", "DBS504", "DBS505", "DBS506", "DBS508")
# States that a sync may change; "forked" is what it leaves where several heads fork.
MOVABLE = ("pending_sync", "diverged", "ahead", "behind", "forked")
UNREACHABLE = ("DBS401", "DBS402", "DBS416", "DBS417")


class DatabaseStatus(NamedTuple):
    """One version table of one database against the work tree."""

    database: str
    seen: Seen
    applied: Applied
    difference: Difference
    state: str
    as_of: str


class EnvironmentStatus(NamedTuple):
    """One environment: its target, its databases, and what stands in the way."""

    environment: Environment
    target: Target
    databases: list[DatabaseStatus]
    obstacles: list[Obstacle]
    held: str = ""


def environment_status(
    project: Project, environment: Environment, *, ask: bool = True, commit: str | None = None
) -> EnvironmentStatus:
    """Return how an environment stands to the work tree, or to a commit.

    `ask` lets the worker be asked where the disk does not tell.
    """
    at = held(project, environment.name)
    target = read_target(project, environment, commit or (at if at != PUT_BACK else "") or None)
    seen = look(project, environment)
    obstacle: Obstacle | None = None
    if seen is None and not project.layout.initialised:
        return EnvironmentStatus(environment, target, [], [*target.obstacles, _not_initialised()])
    if seen is None and ask:
        obstacle = why_untrusted(project)  # looking is done without a thought, by prompts and editors too
    if seen is None and ask and obstacle is None:
        found = inspect(project, target, only_adopted(project))
        seen, obstacle = found.seen, found.obstacle
    obstacles = [*target.obstacles, *([obstacle] if obstacle else [])]
    databases = [_assess(project, target, one) for one in seen or []]
    if obstacle and not databases:
        databases = _last_known(project, target, obstacle)
    for one in databases:
        held_back = target.held_back(one.applied.map.revisions) if one.state in MOVABLE else None
        told = [*one.applied.obstacles, *([held_back] if held_back else [])]
        obstacles += [found for found in told if found not in obstacles]
    return EnvironmentStatus(environment, target, databases, obstacles, at)


def _not_initialised() -> Obstacle:
    return Obstacle("DBS504", "no database was given to dbsync yet", "`dbsync init` adopts it")


def _assess(project: Project, target: Target, seen: Seen) -> DatabaseStatus:
    ledger = open_ledger(project.layout, seen.key)
    try:
        known = known_entries(ledger, seen).entries if ledger is not None else []
        applied = explain_heads(seen.heads, known, SourceFinder(project, target.environment, ledger))
    finally:
        if ledger is not None:
            ledger.close()
    same = target.same_source(project, applied.entries)
    difference = compare(applied.map, target.map, same)
    state = seen.trouble or _blocked(target, applied) or _state(project, difference)
    if state in MOVABLE and compare(applied.map, target.within_forks(applied.map.revisions), same) == NOTHING:
        state = "forked"
    return DatabaseStatus(display(seen.identity, project.tops), seen, applied, difference, state, utc_now())


def _blocked(target: Target, applied: Applied) -> str:
    anything = bool(applied.entries or applied.missing)
    nothing_wanted = anything and not target.map.revisions
    forbidden = applied.obstacles or blocks(target.obstacles, anything_applied=anything)
    return "blocked" if forbidden or nothing_wanted else ""


def _state(project: Project, found: Difference) -> str:
    if not (found.phantom or found.pending or found.changed):
        return "in_sync"
    if read_pending(project.repository.git_dir):
        return "pending_sync"
    if found.changed or (found.phantom and found.pending):
        return "diverged"
    return "ahead" if found.phantom else "behind"


def _last_known(project: Project, target: Target, obstacle: Obstacle) -> list[DatabaseStatus]:
    """Show what was last known of databases that cannot be asked now, with its date."""
    state = _state_of_obstacle(obstacle)
    found = []
    for ledger in owned(project.layout, project.repository.top, target.environment.name):
        identity = ledger.meta("identity", {})
        for track in tracks_of(ledger, target.environment.name):
            facts = ledger.meta(f"track:{track}", {})
            seen = Seen(identity["key"], identity, facts, tuple(facts.get("heads", ())), track, trouble=state)
            known = Applied(ledger.entries(track), (), [], learned=False)
            name = display(identity, project.tops)
            found.append(DatabaseStatus(name, seen, known, NOTHING, state, facts.get("as_of", "")))
    return found


def _state_of_obstacle(obstacle: Obstacle) -> str:
    if obstacle.code in REFUSALS:
        return "refused"
    if obstacle.code == "DBS403":
        return "no_database"
    return "unreachable" if obstacle.code in UNREACHABLE else "blocked"


def as_json(status: EnvironmentStatus) -> dict[str, Any]:
    """Return the stable JSON form of one environment's status."""
    return {
        "name": status.environment.name,
        "config": status.environment.config_path,
        "revisions": len(status.target.map),
        "heads": list(status.target.map.declared_heads),
        "target": list(status.target.map.heads),
        "databases": [_database_json(one) for one in status.databases],
        "obstacles": [one.as_json() for one in status.obstacles],
        "held": status.held or None,
    }


def _database_json(one: DatabaseStatus) -> dict[str, Any]:
    facts = one.seen.facts
    return {
        "database": one.database,
        "dialect": facts.get("dialect"),
        "version_table": facts.get("version_table"),
        "schema": facts.get("schema"),
        "current": list(one.seen.heads),
        **{key: list(value) for key, value in one.difference._asdict().items()},
        "missing": list(one.applied.missing),
        "state": one.state,
        "as_of": one.as_of,
        "recreated": one.seen.recreated,
        "observed": [entry.revision.id for entry in one.applied.entries if entry.observed],
    }

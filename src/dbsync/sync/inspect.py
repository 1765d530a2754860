"""Asking the worker what the databases of an environment hold, changing nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.environment.client import WorkerDiedError, converse
from dbsync.errors import DbsyncError, Obstacle
from dbsync.store.databases import open_ledger, other_owner, replaced_server
from dbsync.store.lock import is_held
from dbsync.sync.failures import died, obstacle_of
from dbsync.sync.half_way import has_begun
from dbsync.sync.look import Seen
from dbsync.sync.outcome import display, track_of
from dbsync.sync.request import launch, request_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbsync.sync.project import Project
    from dbsync.sync.target import Target

    Admit = Callable[[dict[str, Any]], Obstacle | None]


class Found(NamedTuple):
    """What the worker found: version tables, and what it said of each; `obstacle` where it could not go on."""

    seen: list[Seen]
    events: list[dict[str, Any]]
    variables: dict[str, str]
    obstacle: Obstacle | None = None


def inspect(project: Project, target: Target, admit: Admit, **options: Any) -> Found:
    """Run env.py without letting it write. `admit` is asked for every database before a statement is sent to it."""
    seen: list[Seen] = []
    events: list[dict[str, Any]] = []
    refused: list[Obstacle] = []

    def answer(event: dict[str, Any]) -> dict[str, Any]:
        if event["event"] == "database":
            obstacle = admit(event["identity"])
            refused.extend([obstacle] if obstacle else [])
            return _stop(obstacle) if obstacle else {}
        events.append(event)
        seen.append(_seen(project, event))
        return {}

    try:
        request = request_for(project, target, "inspect", **options)
        last = converse(launch(project, target.environment), request, answer).last
    except WorkerDiedError as error:
        return Found(
            seen, events, {}, died(error, target.environment, project.settings.runner_for(target.environment.name))
        )
    except DbsyncError as error:
        return Found(seen, events, {}, error.obstacle)
    if last["event"] == "done":
        return Found(seen, events, last["variables"])
    return Found(seen, events, {}, refused[0] if refused else obstacle_of(last, target.environment))


def only_adopted(project: Project) -> Admit:
    """Return the rule that lets nothing in that was not adopted by this work tree."""

    def admit(identity: dict[str, Any]) -> Obstacle | None:
        name = display(identity, project.tops)
        ledger = open_ledger(project.layout, identity["key"])
        if ledger is not None:
            with ledger:
                return other_owner(ledger, project.repository.top)
        if replaced_server(project.layout, identity):
            return Obstacle("DBS505", f"{name} is on another server than the one adopted", "`dbsync init`")
        return Obstacle("DBS504", f"{name} was never given to dbsync", "`dbsync init` adopts it")

    return admit


def _stop(obstacle: Obstacle) -> dict[str, Any]:
    return {"stop": True, "code": obstacle.code, "message": obstacle.message, "hint": obstacle.hint}


def _seen(project: Project, event: dict[str, Any]) -> Seen:
    identity, track = event["identity"], track_of(event["schema"], event["version_table"])
    facts = {key: event[key] for key in ("dialect", "version_table", "schema")}
    seen = Seen(identity["key"], identity, facts, tuple(event["heads"]), track, stamp=event["stamp"])
    ledger = open_ledger(project.layout, identity["key"])
    if ledger is None:
        return seen
    with ledger:
        trouble = ""
        running = ledger.running(track)
        if running:
            interrupted = "dirty" if has_begun(running[-1]) else "interrupted"
            trouble = "in_progress" if is_held(f"{ledger.path}.lock") else interrupted
        recreated = ledger.meta("identity", {}).get("instance") != identity["instance"]
        return seen._replace(trouble=trouble, recreated=recreated)

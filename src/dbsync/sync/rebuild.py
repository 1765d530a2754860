"""The second way back, for revisions whose downgrade is missing or fails: the schema without them is built anew.

What stays applied is built from nothing, with the sources it was applied with, in a file of its own; the rows that both
sides can hold are carried over, and that is put back into the live file as a copy is. The way up is a sync's.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.environment.client import WorkerDiedError, converse
from dbsync.errors import DbsyncError
from dbsync.plan.planner import make_plan
from dbsync.store import copies
from dbsync.store.carry import Made, carry, lay_out
from dbsync.store.databases import open_ledger
from dbsync.store.lock import DatabaseLock
from dbsync.sync.before import copy_name
from dbsync.sync.failures import died, obstacle_of
from dbsync.sync.keeping import kept_path
from dbsync.sync.put_back import PutBack, Wanted
from dbsync.sync.request import graph_facts, launch, request_for
from dbsync.sync.status import environment_status
from dbsync.sync.target import recorded_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.ledger.entry import Entry
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.outcome import Moved
    from dbsync.sync.project import Project
    from dbsync.sync.status import DatabaseStatus, EnvironmentStatus
    from dbsync.sync.target import Target

LOCK_SECONDS = 30.0


class Rebuilt(NamedTuple):
    """One database without the revisions that went `down`; `left` names what had no place, and is `kept` in a file."""

    moved: Moved
    down: list[str]
    left: list[str]
    kept: str


def rebuild(project: Project) -> list[Rebuilt]:
    """Take down, without their downgrades, what every database has applied and the work tree does not want.

    Raises `DbsyncError` where that is not possible: nothing has changed in that database then.
    """
    found = [environment_status(project, one) for one in project.environments()[0]]
    return [one for status in found for one in _of_environment(project, status)]


def _of_environment(project: Project, status: EnvironmentStatus) -> Iterator[Rebuilt]:
    for one in status.databases:
        staying, going = _staying(project, status.target, one)
        if going:
            _require_one_file(project, status)
            target = recorded_target(project, status.environment, staying)
            yield _rebuild(project, target, one, going)


def _staying(project: Project, target: Target, one: DatabaseStatus) -> tuple[list[Entry], list[Entry]]:
    """Return the entries that a sync would leave applied, and those that it would take down."""
    applied = one.applied
    if applied.obstacles or applied.map.obstacles or target.map.obstacles:
        return applied.entries, []  # the sync that comes next says why
    same = target.same_source(project, applied.entries)
    down = set(make_plan(applied.map, target.within_forks(applied.map.revisions), same).down)
    return (
        [entry for entry in applied.entries if entry.revision.id not in down],
        [entry for entry in applied.entries if entry.revision.id in down],
    )


def _require_one_file(project: Project, status: EnvironmentStatus) -> None:
    dialects = {one.seen.facts.get("dialect") for one in status.databases}
    if dialects != {"sqlite"} or len(status.databases) > 1 or project.settings.runner_for(status.environment.name):
        message = f"{status.environment.name}: only a single SQLite file on this machine can be built anew"
        raise DbsyncError(message, "correct the downgrade, then `dbsync sync`", code="DBS323")


def _rebuild(project: Project, target: Target, one: DatabaseStatus, going: list[Entry]) -> Rebuilt:
    ledger = open_ledger(project.layout, one.seen.key)
    if ledger is None:
        raise DbsyncError(f"{one.database} is not dbsync's any more", "`dbsync init` adopts it")
    with ledger, DatabaseLock(f"{ledger.path}.lock", LOCK_SECONDS), _scratch(project) as scratch:
        before = copies.traces(one.seen.key)
        lay_out(scratch, one.seen.key)
        _build(project, target, scratch)
        with _whole(project, target, one) as whole:
            made = Made(whole, lambda name: _mention(going, name))
            left = carry(one.seen.key, scratch, one.seen.facts["version_table"], made)
        staying = [entry for entry in one.applied.entries if entry not in going]
        wanted = Wanted(one.seen.track, one.database, list(target.map.heads), staying)
        (moved,) = PutBack(project, ledger, "sync --rebuild").put(scratch, [wanted], before)
        kept = _keep(project, ledger) if left else ""
    return Rebuilt(moved, [entry.revision.id for entry in going], left, kept)


def _keep(project: Project, ledger: Ledger) -> str:
    """Give the copy from before a second name, under which it stays when the last ten are others; returns that."""
    copy, kept = copy_name(project, ledger), kept_path(project.layout, ledger.meta("identity")["key"])
    try:
        os.link(copy, kept)
    except OSError:  # not every file system has second names
        shutil.copyfile(copy, kept)
    return kept


def _mention(entries: list[Entry], name: str) -> bool:
    """Say whether some revision speaks of a table."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    return any(word.search(entry.source.decode("utf-8", "replace")) for entry in entries)


@contextlib.contextmanager
def _whole(project: Project, target: Target, one: DatabaseStatus) -> Iterator[str]:
    """Build all that is applied; "" where that cannot be built from nothing."""
    with _scratch(project, "whole") as path:
        try:
            _build(project, recorded_target(project, target.environment, one.applied.entries), path)
            built = path
        except DbsyncError:
            built = ""
        yield built


@contextlib.contextmanager
def _scratch(project: Project, end: str = "new") -> Iterator[str]:
    path = os.path.join(project.layout.folder(copies.FOLDER), f"{project.run}.{end}")
    try:
        yield path
    finally:
        for file in ("", "-journal", "-wal", "-shm"):
            copies.remove(path + file)


def _build(project: Project, target: Target, path: str) -> None:
    """Build what stays in a file of its own. Raises `DbsyncError` where the chain cannot be built from nothing."""
    facts = graph_facts(target.map, target.sources(project, list(target.map.revisions)))
    plan = {"applied": [], "target": facts, "down": [], "heads": list(target.map.heads), "record": False}

    def answer(event: dict[str, Any]) -> dict[str, Any] | None:
        if event["event"] == "current":
            graph = target.map
            return {**plan, "up": graph.ordered(set(graph.revisions) - graph.ancestors(event["heads"]))}
        return {} if event["event"] == "ready" else None

    environment = target.environment
    shadow = {"file": path, "fresh": True}
    request = {**request_for(project, target, "build", create=True, shadow=shadow), "target": facts}
    try:
        last = converse(launch(project, environment), request, answer).last
    except WorkerDiedError as error:
        raise DbsyncError(died(error, environment, None).message, code="DBS323") from error
    if last["event"] != "done":
        obstacle = obstacle_of(last, environment)
        message = f"what stays applied cannot be built from nothing: {obstacle.message}"
        raise DbsyncError(message, "correct the downgrade, then `dbsync sync`", code="DBS323")

"""Giving a database to dbsync: what it is, what is applied to it, and whether its schema is what that makes."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.environment.client import WorkerDiedError, converse
from dbsync.errors import DbsyncError, Obstacle
from dbsync.store.databases import adopt, note_track, open_ledger
from dbsync.store.records import update_record
from dbsync.sync.applied import Applied, explain_heads
from dbsync.sync.baseline import HINT, may_lack_baseline
from dbsync.sync.failures import died, obstacle_of
from dbsync.sync.inspect import Found, inspect
from dbsync.sync.outcome import display
from dbsync.sync.request import graph_facts, interpreter_of, launch, request_for
from dbsync.sync.sources import SourceFinder
from dbsync.sync.watched import watched_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dbsync.sync.inspect import Admit
    from dbsync.sync.look import Seen
    from dbsync.sync.project import Project
    from dbsync.sync.target import Target


class Candidate(NamedTuple):
    """A database that env.py connects to, as `init` shows it before it is adopted; `place` counts in env.py's order."""

    name: str
    seen: Seen
    place: int
    host: str
    size: int
    sessions: list[str]
    schema_lines: list[str]

    @property
    def has_tables(self) -> bool:
        """Whether there is anything in it but a version table."""
        return any(line.startswith("table ") for line in self.schema_lines)


class Comparison(NamedTuple):
    """How the schema compares with a fresh build of what is applied; `why_not` says why that was not possible.

    `changes` holds, by revision, the lines of the schema that its upgrade added and removed in the fresh build.
    """

    missing: list[str]
    extra: list[str]
    why_not: str = ""
    changes: Mapping[str, list[list[str]]] = MappingProxyType({})

    @property
    def equal(self) -> bool:
        """Whether the schema is what the applied revisions make."""
        return not (self.missing or self.extra or self.why_not)


class Built(NamedTuple):
    """A schema by its lines; `place` counts in env.py's order, `deadline` is when a comparison with it has to end."""

    place: int
    schema_lines: list[str]
    deadline: float | None = None


class Adopted(NamedTuple):
    """A database after its adoption."""

    candidate: Candidate
    applied: Applied
    comparison: Comparison


def candidates(project: Project, target: Target, admit: Admit, *, create: bool) -> tuple[list[Candidate], Found]:
    """Ask env.py which databases there are; nothing is written, but `create` lets SQLite make a missing file.

    `admit` is asked for every database before a statement is sent to it, and before such a file is made.
    """
    found = inspect(project, target, admit, describe=True, report_schema=True, create=create)
    listed = []
    for place, (seen, event) in enumerate(zip(found.seen, found.events, strict=False)):
        facts = event["describe"]
        name = display(seen.identity, project.tops)
        listed.append(
            Candidate(name, seen, place, facts["host"], facts["size"], facts["sessions"], event["schema_lines"])
        )
    return listed, found


def take(project: Project, target: Target, candidate: Candidate, found: Found) -> Adopted:
    """Adopt a database: its ledger is seeded with what its version table stands for.

    The entries count as seen, not merely observed, where the schema equals a fresh build of them.
    """
    environment = target.environment
    known = open_ledger(project.layout, candidate.seen.key)
    entries = known.entries(candidate.seen.track) if known and not candidate.seen.recreated else []
    applied = explain_heads(candidate.seen.heads, entries, SourceFinder(project, environment, known))
    comparison = compare_with_fresh_build(project, target, applied, candidate)
    seeded = [entry._replace(observed=entry.observed and not comparison.equal) for entry in applied.entries]
    with adopt(project.layout, candidate.seen.identity, environment.name, project.repository.top) as ledger:
        note_track(ledger, environment.name, candidate.seen.track)
        heads = list(candidate.seen.heads)
        ledger.set_meta(
            f"track:{candidate.seen.track}",
            {**candidate.seen.facts, "heads": heads, "stamp": candidate.seen.stamp, "as_of": ""},
        )
        if not applied.missing:
            ledger.replace(candidate.seen.track, seeded)
        if comparison.equal:
            ledger.keep_changes(candidate.seen.track, seeded, comparison.changes)
    if known:
        known.close()
    _record(project, target, found)
    return Adopted(candidate, applied.with_entries(seeded), comparison)


def _record(project: Project, target: Target, found: Found) -> None:
    environment = target.environment
    facts: dict[str, Any] = {
        "variables": found.variables,
        "watched": watched_files(project.repository.top, environment),
    }
    if not project.settings.runner_for(environment.name):
        facts["interpreter"] = interpreter_of(project, environment).path
    update_record(project.layout, environment.name, **facts)


def compare_with_fresh_build(project: Project, target: Target, applied: Applied, candidate: Candidate) -> Comparison:
    """Build the applied revisions in a scratch database of the same engine and compare the two schemas."""
    graph = applied.map
    if applied.obstacles or graph.obstacles:
        return Comparison([], [], (applied.obstacles or graph.obstacles)[0].message)
    if not applied.entries and not candidate.has_tables:
        return Comparison([], [])
    sources = {entry.revision.id: entry.source for entry in applied.entries}
    return _compare(project, target._replace(map=graph), sources, candidate)


def compare_with_target(project: Project, target: Target, built: Built) -> Comparison:
    """Build the target in a scratch database and compare a schema with it."""
    return _compare(project, target, target.sources(project, list(target.map.revisions)), built)


def why_unstamped(project: Project, target: Target, candidate: Candidate) -> Obstacle | None:
    """Return why a database cannot follow that holds tables of the work tree's revisions and no revision, if it does.

    It was made by `create_all`, say: every upgrade would fail on a table that is there.
    """
    if candidate.seen.heads or not candidate.has_tables or target.map.obstacles:
        return None
    sources = target.sources(project, list(target.map.revisions))
    found = _compare(project, target, sources, candidate)
    tables = {line for line in candidate.schema_lines if line.startswith("table ")} - set(found.extra)
    if found.why_not or not tables:
        return None
    which = " ".join(target.map.heads) if found.equal else "REV"
    message = f"{candidate.name} holds tables of the revisions, and its version table holds no revision"
    said = "its schema is that of the heads" if found.equal else "its schema is not that of the heads"
    hint = target.environment.as_typed(f"`alembic stamp {which}`, then `dbsync init`")
    return Obstacle("DBS307", f"{message}; {said}", hint)


def _compare(project: Project, target: Target, sources: dict[str, bytes], candidate: Candidate | Built) -> Comparison:
    """Build the target in a scratch database, from these sources, and compare."""
    graph = target.map
    facts = graph_facts(graph, sources)
    plan = {
        "applied": [],
        "target": facts,
        "down": [],
        "heads": list(graph.heads),
        "record": True,
    }
    built: list[str] = []
    lines: dict[str, list[str]] = {}
    changes: dict[str, dict[str, list[list[str]]]] = {}

    def answer(event: dict[str, Any]) -> dict[str, Any] | None:
        if event["event"] == "ready":
            built.append(event["identity"]["key"])
            lines[built[-1]] = event["schema_lines"]
            changes[built[-1]] = event["changes"]
        if event["event"] == "current":  # a baseline may say itself which revisions are in it
            return {**plan, "up": graph.ordered(set(graph.revisions) - graph.ancestors(event["heads"]))}
        return {} if event["event"] == "ready" else None

    until = candidate.deadline if isinstance(candidate, Built) else None
    why_not = _build(project, target, {"target": facts, "deadline": until}, answer)
    if why_not:
        return Comparison([], [], why_not)
    own = built[candidate.place]
    fresh, here = set(lines[own]), set(candidate.schema_lines)
    return Comparison(sorted(fresh - here), sorted(here - fresh), changes=changes[own])


def _build(project: Project, target: Target, facts: dict[str, Any], answer: Any) -> str:
    environment = target.environment
    started = launch(project, environment)._replace(deadline=facts.pop("deadline"))
    request = {**request_for(project, target, "build", create=True, report_built=True), **facts}
    try:
        last = converse(started, request, answer).last
    except WorkerDiedError as error:
        return died(error, environment, project.settings.runner_for(environment.name)).message
    except DbsyncError as error:
        return error.message
    if last["event"] == "done":
        return ""
    obstacle = obstacle_of(last, environment)
    asking = may_lack_baseline(project, environment, obstacle.message)
    return f"{obstacle.message}; {HINT}" if asking else obstacle.message


def anything(_: dict[str, Any]) -> Obstacle | None:
    """Admit every database that the guard lets through: the person is asked about it next."""
    return None


def only_unasked(project: Project) -> Admit:
    """Return the rule of `--yes`: an SQLite file has to lie in the repository.

    Of servers, the guard lets only those through that are on a socket or loopback, or that git config allows.
    """

    def admit(identity: dict[str, Any]) -> Obstacle | None:
        name = display(identity, project.tops)
        if identity["dialect"] != "sqlite" or not os.path.isabs(name):
            return None
        message = f"{name} lies outside the repository: --yes does not adopt it"
        return Obstacle("DBS502", message, "`dbsync init` asks")

    return admit

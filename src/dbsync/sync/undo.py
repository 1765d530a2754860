"""Making databases what they were before the last run of dbsync, or before plain Alembic's last one.

Where the run kept a copy, a file or a database on the server, that is put back; else what was applied then is what is
wanted now: the revisions go the other way, and the shelf brings the rows along. Either way it is an operation like
others, and can be undone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.errors import EXIT_LOCKED, DbsyncError
from dbsync.store import copies
from dbsync.store.databases import open_ledger
from dbsync.store.lock import DatabaseLock
from dbsync.store.sqlite_file import read_sqlite
from dbsync.sync.follow import follow
from dbsync.sync.on_server import do, on_server
from dbsync.sync.operations import last_run
from dbsync.sync.outcome import Outcome
from dbsync.sync.put_back import PutBack, Wanted, settle_held
from dbsync.sync.rules import Rules
from dbsync.sync.swap import Swap, prune, swap
from dbsync.sync.target import recorded_target

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.ledger.entry import Entry
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.on_server import Acting, Server, Waiting
    from dbsync.sync.operations import Done
    from dbsync.sync.project import Project

LOCK_SECONDS = 30.0


class Undone(NamedTuple):
    """What was undone: who had done it and when, what became of the databases, and whether they are held there."""

    by: str
    started: str
    outcomes: list[Outcome]
    held: bool


def undo(project: Project, *, anyway: bool, waiting: Waiting) -> Undone:
    """Undo the last run. `anyway`: also where something was written since, or rows would be lost.

    Raises `DbsyncError` where there is nothing to undo, or a database is not as that run left it.
    """
    run = last_run(project)
    by_key: dict[str, list[Done]] = {}
    for one in run:
        by_key.setdefault(one.key, []).append(one)
    undoing = Undoing(project, waiting, anyway=anyway)
    outcomes = [_undo_one(undoing, found) for found in by_key.values()]
    facts = run[0].operation.facts
    done = not any(one.obstacles for one in outcomes)
    return Undone(facts.get("by", "sync"), run[0].operation.started, outcomes, done and settle_held(project))


class Undoing:
    """What all databases of a run are undone by."""

    def __init__(self, project: Project, waiting: Waiting, *, anyway: bool) -> None:
        self.project = project
        self.waiting = waiting
        self.anyway = anyway


def _undo_one(undoing: Undoing, found: list[Done]) -> Outcome:
    project = undoing.project
    ledger = open_ledger(project.layout, found[0].key)
    if ledger is None:
        raise DbsyncError(f"{found[0].name} is not dbsync's any more", "`dbsync init` adopts it")
    with ledger:
        _require_as_left(ledger, found)
        if found[-1].clone is not None:
            return _by_clone(undoing, ledger, found)
        if found[-1].copy:
            return _by_copy(project, ledger, found, anyway=undoing.anyway)
        if "up" not in found[-1].operation.facts and found[-1].operation.facts.get("incoming"):
            raise DbsyncError(f"how {found[0].name} was before that is not kept any more", "`dbsync reflog`")
        entries = _entries_before(ledger, found)
        environment = _environment(project, ledger, found[0].name)
    return follow(project, recorded_target(project, environment, entries), Rules(by="undo", accept_loss=undoing.anyway))


def _by_clone(undoing: Undoing, ledger: Ledger, found: list[Done]) -> Outcome:
    """Put the database that was kept on the server in the place of the live one."""
    environment, moved = _environment(undoing.project, ledger, found[0].name), []
    clone, key = found[-1].clone, found[0].key

    def act(server: Server) -> Acting:
        if server.facts["identity"]["key"] != key or clone is None:
            return
        left = _traces_left(found)
        if not undoing.anyway and (left is None or (yield do("written")) != left):
            raise _written(found[0].name)
        wanted = _wanted(server.ledger, found)
        moved.extend((yield from swap(undoing.project, server, wanted, Swap(clone.name, "undo"))))
        yield from prune(server.ledger)

    try:
        on_server(undoing.project, environment, act, undoing.waiting)
    except DbsyncError as error:
        return Outcome(environment.name, obstacles=(error.obstacle,), locked=error.exit_code == EXIT_LOCKED)
    return Outcome(environment.name, tuple(moved))


def _written(name: str) -> DbsyncError:
    message = f"{name} was written to since; what was written is not in the copy from before"
    hint = "`dbsync undo --yes` puts the copy back; how it is now is kept, and another undo brings that back"
    return DbsyncError(message, hint, code="DBS321")


def _require_as_left(ledger: Ledger, found: list[Done]) -> None:
    """See that nobody has moved the database since, where the disk tells."""
    for one in {one.operation.track: one for one in reversed(found)}.values():
        facts = ledger.meta(f"track:{one.operation.track}", {})
        heads = sorted(facts.get("heads", ()))
        if facts.get("dialect") == "sqlite" and os.path.exists(one.key):
            heads = read_sqlite(one.key, facts["version_table"])[0]
        if heads != sorted(one.operation.facts["after"]):
            message = f"{one.name} was moved since: it is at {', '.join(heads) or 'base'}"
            raise DbsyncError(message, "`dbsync status`, then `dbsync sync`")


def _entries_before(ledger: Ledger, found: list[Done]) -> list[Entry]:
    before = [ledger.entries_before(one.operation) for one in _first(found).values()]
    entries = before[0]
    if entries is None:
        raise DbsyncError("what was applied before that is not recorded", "`dbsync sync --to REF`")
    ids = {one.revision.id for one in entries}
    if any(other is None or {one.revision.id for one in other} != ids for other in before):
        message = f"the version tables of {found[0].name} were at different revisions before"
        raise DbsyncError(message, "`dbsync sync --to REF`")
    return entries


def _first(found: list[Done]) -> dict[str, Done]:
    """Return the first operation of the run on each version table: what that found is what is to be again."""
    return {one.operation.track: one for one in found}


def _environment(project: Project, ledger: Ledger, name: str) -> Environment:
    names = ledger.meta("environments", [])
    for one in project.environments()[0]:
        if one.name in names:
            return one
    raise DbsyncError(f"{name} has no migration environment in this tree", "`git switch` to where it has one")


def _by_copy(project: Project, ledger: Ledger, found: list[Done], *, anyway: bool) -> Outcome:
    environment = next(iter(ledger.meta("environments", [])), "")
    oldest, name = found[-1], found[0].name
    if not anyway and os.path.exists(oldest.key) and copies.traces(oldest.key) != _traces_left(found):
        return Outcome(environment, obstacles=(_written(name).obstacle,))
    try:
        with DatabaseLock(f"{ledger.path}.lock", LOCK_SECONDS):
            moved = PutBack(project, ledger, "undo").put(oldest.copy, _wanted(ledger, found))
    except DbsyncError as error:
        return Outcome(environment, obstacles=(error.obstacle,), locked=error.exit_code == EXIT_LOCKED)
    return Outcome(environment, tuple(moved))


def _traces_left(found: list[Done]) -> Any:
    return found[0].operation.facts.get("left")


def _wanted(ledger: Ledger, found: list[Done]) -> list[Wanted]:
    return [
        Wanted(
            track,
            one.name,
            one.operation.facts["before"],
            ledger.entries_before(one.operation) or [],
            tuple(f"{done.key} {done.operation.id}" for done in found if done.operation.track == track),
        )
        for track, one in _first(found).items()
    ]

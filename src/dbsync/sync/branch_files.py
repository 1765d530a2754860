"""Each git branch's rows in an SQLite file: exchanged by names where nobody has it open, else by SQLite's backup."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dbsync.errors import DbsyncError
from dbsync.store import copies
from dbsync.store.branch_rows import LIVE
from dbsync.store.databases import owned
from dbsync.store.exchange import exchange
from dbsync.store.gate import remove_gate
from dbsync.store.lock import DatabaseLock
from dbsync.store.sqlite_file import instance_of
from dbsync.store.verdict import forget_verdict
from dbsync.sync.branches import PER_BRANCH, branches_of, settle_turn, turning
from dbsync.sync.outcome import display

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.ledger.entry import Operation
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.branches import Turning
    from dbsync.sync.project import Project

LOCK_SECONDS = {True: 2.0, False: 30.0}


def turn_files(project: Project, environment: Environment, *, by_hook: bool) -> list[str]:
    """Give an environment's SQLite files the rows of the git branch that is checked out; returns what to say of each.

    Raises `DbsyncError` where a file cannot be exchanged now.
    """
    said = []
    for ledger in owned(project.layout, project.repository.top, environment.name):
        if ledger.meta("identity", {}).get("dialect") != "sqlite" or not _concerned(project, ledger):
            continue
        if project.settings.runner_for(environment.name):
            message = "each git branch has rows of its own only where the SQLite file is on this machine"
            raise DbsyncError(message, 'take `data = "per-branch"` out of [tool.dbsync]', code="DBS335")
        with DatabaseLock(f"{ledger.path}.lock", LOCK_SECONDS[by_hook]):
            recover_file(project, ledger)
            one = turning(project, ledger)
            if one is not None:
                said.append(f"{display(ledger.meta('identity'), project.tops)}  rows of {_turn(one)}")
    return said


def _concerned(project: Project, ledger: Ledger) -> bool:
    return project.settings.data == PER_BRANCH or _interrupted(ledger)


def _interrupted(ledger: Ledger) -> bool:
    return any("branches" in one.facts for one in ledger.running())


def _turn(one: Turning) -> str:
    live = one.ledger.meta("identity")["key"]
    remove_gate(one.project.repository.git_dir)
    forget_verdict(one.project.repository.git_dir)
    if not os.path.exists(live):
        one.ledger.set_meta(LIVE, one.branch)
        return f"{one.branch}, which a sync builds"
    place, size = one.branches.new_file(one.left), os.path.getsize(live)
    if one.rows is None:
        one.require_room(size)
        copies.take(place, live)
        one.copied(place, size)
        return f"{one.branch}, as they were on {one.left}"
    if not os.path.exists(one.rows.place):
        one.branches.forget(one.branch)
        return _turn(one._replace(rows=None))
    _exchange(one, live, place)
    return one.branch


def _exchange(one: Turning, live: str, place: str) -> None:
    incoming = one.rows.place if one.rows else ""
    size, version = os.path.getsize(live), copies.schema_version(live)
    evidence = {"before": instance_of(live), "incoming": instance_of(incoming), "version": version}
    one.begin(place, size, {"files": evidence})
    if exchange(live, incoming, place):
        settle_turn(one.project, one.ledger, instance_of(live), committed=True)
        return
    try:
        copies.take(place, live)
        copies.put_back(incoming, live, copies.traces(live))
    except DbsyncError:
        copies.remove(place)
        settle_turn(one.project, one.ledger, instance_of(live), committed=False)
        raise
    settle_turn(one.project, one.ledger, instance_of(live), committed=True)
    copies.remove(incoming)


def recover_files(project: Project, environment: Environment) -> None:
    """Finish or roll back what was interrupted, under the locks of whoever asks."""
    for ledger in owned(project.layout, project.repository.top, environment.name):
        if ledger.meta("identity", {}).get("dialect") == "sqlite" and _interrupted(ledger):
            recover_file(project, ledger)


def recover_file(project: Project, ledger: Ledger) -> None:
    """Finish or roll back an exchange that was interrupted, and remove what it left."""
    live = ledger.meta("identity")["key"]
    for one in ledger.running():
        if "branches" in one.facts:
            if os.path.exists(live):
                settle_turn(project, ledger, instance_of(live), committed=_is_done(live, one))
            break
    branches_of(project, ledger).remove_unknown()


def _is_done(live: str, operation: Operation) -> bool:
    """Say whether the live file is the one that was to come in, or has its content: SQLite counts a restore."""
    evidence: dict[str, Any] = operation.facts["files"]
    if instance_of(live) == evidence["incoming"]:
        return True
    return bool(instance_of(live) == evidence["before"] and copies.schema_version(live) != evidence["version"])

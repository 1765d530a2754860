"""Each git branch's rows in a database on a server: exchanged by two renames, before this run connects itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbsync.errors import DbsyncError
from dbsync.store.kept_databases import BRANCH, Kept, keep, kept_databases, let_go, new_name
from dbsync.sync.branches import PER_BRANCH, branches_of, settle_turn, turning
from dbsync.sync.clock import utc_now
from dbsync.sync.on_server import alone, do
from dbsync.sync.swap import copy, drop

if TYPE_CHECKING:
    from collections.abc import Generator

    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.branches import Turning
    from dbsync.sync.on_server import Server
    from dbsync.sync.project import Project

    Steps = Generator[dict[str, Any], Any, str]


def may_turn(project: Project, ledger: Ledger) -> bool:
    """Say whether the server has to be asked: its rows are another git branch's, or were about to be."""
    interrupted = any("branches" in one.facts for one in ledger.running())
    return interrupted or (project.settings.data == PER_BRANCH and turning(project, ledger) is not None)


def turn_server(project: Project, server: Server) -> Steps:
    """Give a database the rows of the git branch that is checked out; returns what to say of it, "" for nothing."""
    yield from _recover(project, server)
    one = turning(project, server.ledger)
    if one is None:
        return ""
    yield from alone(server)
    there = yield do("find", names=[one.rows.place if one.rows else ""])
    if one.rows is not None and one.rows.place not in there:
        one.branches.forget(one.branch)
        one = one._replace(rows=None)
    if one.rows is None:
        one.require_room(server.facts["size"])
        kept = yield from copy(server, server.name, BRANCH, one.left)
        one.copied(kept.name, kept.size)
        return f"{server.shown}  rows of {one.branch}, as they were on {one.left}"
    yield from _exchange(one, server, there[one.rows.place]["oid"])
    return f"{server.shown}  rows of {one.branch}"


def _exchange(one: Turning, server: Server, oid: str) -> Generator[dict[str, Any], Any, None]:
    incoming, ledger = one.rows.place if one.rows else "", server.ledger
    outgoing = Kept(new_name(ledger), BRANCH, one.left, server.facts["size"], utc_now())
    keep(ledger, outgoing)
    evidence = {"before": {"oid": server.facts["identity"]["instance"]}, "after": {"oid": oid}}
    one.begin(outgoing.name, outgoing.size, {"evidence": evidence, "database": outgoing.name})
    try:
        yield do("swap", incoming=incoming, outgoing=outgoing.name)
    except DbsyncError:
        let_go(ledger, outgoing.name)
        settle_turn(one.project, ledger, "", committed=False)
        raise
    let_go(ledger, incoming)
    settle_turn(one.project, ledger, oid, committed=True)


def _recover(project: Project, server: Server) -> Generator[dict[str, Any], Any, None]:
    """Finish or roll back an exchange that was interrupted, and drop copies that nothing is known of."""
    ledger, now = server.ledger, server.facts["identity"]["instance"]
    interrupted = [one for one in ledger.running() if "branches" in one.facts]
    for one in interrupted[:1]:
        committed = now == one.facts["evidence"]["after"]["oid"]
        let_go(ledger, one.facts["incoming"] if committed else one.facts["database"])
        settle_turn(project, ledger, now, committed=committed)
    known = {rows.place for rows in branches_of(project, ledger).all()}
    unknown = [one.name for one in kept_databases(ledger) if one.why == BRANCH and one.name not in known]
    yield from drop(ledger, unknown)

"""Putting a kept database in the place of the live one, on a server: two renames in one transaction, on record.

How it was gets a name of ours, so that the swap can be undone by another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.errors import DbsyncError
from dbsync.store.kept_databases import UNDO, Kept, keep, let_go, new_name, too_many
from dbsync.store.shelf import Shelf
from dbsync.sync.clock import utc_now
from dbsync.sync.on_server import alone, do
from dbsync.sync.put_back import Recorded
from dbsync.sync.swapped import settle_swap

if TYPE_CHECKING:
    from collections.abc import Generator

    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.on_server import Server
    from dbsync.sync.project import Project
    from dbsync.sync.put_back import Wanted

    Steps = Generator[dict[str, Any], Any, Any]


class Swap(NamedTuple):
    """What is put in the place of what: the database `incoming`, and what becomes of the one that was there.

    `by` is who does it, for the reflog; `why` and `of` say what the other one is kept for.
    """

    incoming: str
    by: str
    why: str = UNDO
    of: str = ""


def copy(server: Server, source: str, why: str, of: str = "") -> Steps:
    """Copy a database of the server, once nobody is connected to it; returns what is kept. It is listed first."""
    server.require_allowed()
    if source == server.name:
        yield from alone(server)
    one = Kept(new_name(server.ledger), why, of, server.facts["size"], utc_now())
    keep(server.ledger, one)
    try:
        made = yield do("copy", source=source, to=one.name)
    except DbsyncError:
        let_go(server.ledger, one.name)
        raise
    one = one._replace(size=made["size"])
    keep(server.ledger, one)
    return one


def drop(ledger: Ledger, names: list[str]) -> Steps:
    """Drop kept databases; returns the names of those that are gone. The others stay listed."""
    gone = (yield do("drop", names=names)) if names else []
    let_go(ledger, *gone)
    return gone


def prune(ledger: Ledger, coming: int = 0) -> Steps:
    """Drop what was kept for an undo and is too much, where so many bytes are about to be added."""
    yield from drop(ledger, too_many(ledger, coming))


def swap(project: Project, server: Server, wanted: list[Wanted], one: Swap) -> Steps:
    """Put a kept database in the place of the live one; returns what moved."""
    heads = yield from _heads(server, wanted)
    yield from alone(server)
    there = yield do("find", names=[one.incoming])
    if one.incoming not in there:
        let_go(server.ledger, one.incoming)
        raise DbsyncError(f"the database {one.incoming} is not there any more", "`dbsync reflog`", code="DBS333")
    ledger, record = server.ledger, Recorded(project, server.ledger, one.by)
    outgoing = Kept(new_name(ledger), one.why, one.of, server.facts["size"], utc_now())
    keep(ledger, outgoing)
    evidence = {"before": {"oid": server.facts["identity"]["instance"]}, "after": {"oid": there[one.incoming]["oid"]}}
    facts = {"database": outgoing.name, "evidence": evidence, "incoming": one.incoming}
    begun = [record.begin(part, before, facts) for part, before in zip(wanted, heads, strict=True)]
    try:
        yield do("swap", incoming=one.incoming, outgoing=outgoing.name)
    except DbsyncError:
        record.fail(begun)
        let_go(ledger, outgoing.name)
        raise
    settle_swap(Shelf(project.layout), ledger, server.facts["identity"], facts)
    left = yield do("written")
    return [record.end(part, number, "", left) for part, number in zip(wanted, begun, strict=True)]


def _heads(server: Server, wanted: list[Wanted]) -> Steps:
    found = []
    for one in wanted:
        seen = server.ledger.meta(f"track:{one.track}", {})
        found.append((yield do("versions", schema=seen.get("schema"), table=seen["version_table"])))
    return found

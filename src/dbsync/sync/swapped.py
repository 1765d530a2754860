"""What is written down of one database that took the place of another, once it is known that it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbsync.store.kept_databases import let_go
from dbsync.store.shelf import Shelf
from dbsync.sync.branches import settle_turn

if TYPE_CHECKING:
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.current_database import CurrentDatabase
    from dbsync.sync.project import Project


def settle_swap(shelf: Shelf, ledger: Ledger, identity: dict[str, Any], facts: dict[str, Any]) -> None:
    """Note that the live database is the one that came in: it is another one of the name, and kept no more."""
    before, now = facts["evidence"]["before"]["oid"], facts["evidence"]["after"]["oid"]
    shelf.pass_on(identity["key"], before, now)
    ledger.set_meta("identity", {**identity, "instance": now})
    let_go(ledger, facts["incoming"])


def settle_interrupted(project: Project, current: CurrentDatabase, facts: dict[str, Any], *, committed: bool) -> None:
    """Do what a swap that was interrupted did no more; nothing for any other operation."""
    if "incoming" not in facts:
        return
    if "branches" in facts:
        settle_turn(project, current.ledger, current.identity["instance"], committed=committed)
        let_go(current.ledger, facts["incoming"] if committed else facts["place"])
    elif committed:
        settle_swap(Shelf(project.layout), current.ledger, current.identity, facts)
    else:
        let_go(current.ledger, facts["database"])
    current.recreated = current.recreated and not committed

"""The mode in which each git branch has rows of its own: whose are wanted, and turning from one's to another's.

A branch that is seen for the first time gets a copy of what is there; what is there stays what the branch before had.
A detached HEAD is no branch: it goes on with the rows of the one that was left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.errors import DbsyncError
from dbsync.ledger.entry import NewOperation
from dbsync.store.branch_rows import LIVE, Applied, Branches, BranchRows
from dbsync.store.copies import MEGABYTE
from dbsync.store.databases import owned, stem_of
from dbsync.store.shelf import Shelf
from dbsync.sync.clock import utc_now

if TYPE_CHECKING:
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.project import Project

PER_BRANCH = "per-branch"


class Turning(NamedTuple):
    """One database whose rows are those of the git branch `left`, where `branch` is checked out; `rows` are its own."""

    project: Project
    ledger: Ledger
    left: str
    branch: str
    rows: BranchRows | None

    @property
    def branches(self) -> Branches:
        """What is kept for the branches of the database."""
        return branches_of(self.project, self.ledger)

    def leave(self, place: str, size: int) -> BranchRows:
        """Return what is to be known of the rows that are left, which will be at a place."""
        tracks = {
            track: Applied(self.ledger.meta(f"track:{track}", {}), self.ledger.entries(track))
            for track in self.ledger.meta("tracks", [])
        }
        return BranchRows(self.left, place, size, utc_now(), tracks)

    def require_room(self, size: int) -> None:
        """Raise `DbsyncError` where the rows of all branches would be more than is allowed."""
        most, kept = self.project.settings.branch_size, sum(one.size for one in self.branches.all())
        if most and kept + size > most * MEGABYTE:
            message = f"the rows of other git branches take {kept // MEGABYTE} MB; one more copy is more than {most} MB"
            hint = "`dbsync doctor` lists them, or `git config dbsync.branchSize MEGABYTES`"
            raise DbsyncError(message, hint, code="DBS334")

    def copied(self, place: str, size: int) -> None:
        """Note that the rows that were left are at a place as well, and that those here are the other branch's now."""
        self.branches.write(self.leave(place, size))
        identity = self.ledger.meta("identity")
        Shelf(self.project.layout).pass_on(identity["key"], identity["instance"], place)
        self.ledger.set_meta(LIVE, self.branch)

    def begin(self, place: str, size: int, facts: dict[str, Any]) -> list[int]:
        """Record that the rows are about to go to a place, for others; `facts` tell later whether they did."""
        rows = self.rows
        if rows is None:
            raise RuntimeError("asked for rows that are not kept")
        self.branches.write(self.leave(place, size))
        repository = self.project.repository
        about = {
            "by": "git switch",
            "run": self.project.run,
            "branch": self.branch,
            "commit": repository.head_commit() or "",
            "branches": [self.left, self.branch],
            "place": place,
            "incoming": rows.place,
            "seen": {track: one.seen for track, one in rows.tracks.items()},
            "instance": self.ledger.meta("identity")["instance"],
            **facts,
        }
        tracks = self.ledger.meta("tracks", [])
        return [self._begin_one(track, rows.tracks.get(track, Applied({}, [])), about) for track in tracks]

    def _begin_one(self, track: str, there: Applied, about: dict[str, Any]) -> int:
        was, seen = self.ledger.entries(track), self.ledger.meta(f"track:{track}", {})
        heads = {"before": list(seen.get("heads", ())), "after": list(there.seen.get("heads", ()))}
        return self.ledger.begin(NewOperation(track, utc_now(), {**about, **heads}, was, there.entries))


def branches_of(project: Project, ledger: Ledger) -> Branches:
    """Return what is kept for the git branches of a database."""
    return Branches(project.layout, stem_of(ledger))


def turning(project: Project, ledger: Ledger) -> Turning | None:
    """Return what to turn from and to; None where the rows are those of the branch that is checked out.

    Where the branch whose rows are here is gone, by another name or deleted, one without rows takes them over.
    """
    branch = project.repository.branch()
    if project.settings.data != PER_BRANCH or branch is None:
        return None
    left, rows = str(ledger.meta(LIVE, "")), branches_of(project, ledger).rows(branch)
    if left == branch:
        return None
    if not left or (rows is None and not exists(project, left)):
        ledger.set_meta(LIVE, branch)
        return None
    return Turning(project, ledger, left, branch, rows)


def exists(project: Project, branch: str) -> bool:
    """Say whether there is a git branch of a name."""
    return project.repository.commit_of(f"refs/heads/{branch}") is not None


def note_branch(project: Project) -> None:
    """Note, where all is in sync, whose rows are there in a database that was not followed in this mode before."""
    branch = project.repository.branch()
    if project.settings.data == PER_BRANCH and branch is not None:
        for ledger in owned(project.layout, project.repository.top):
            if not ledger.meta(LIVE, ""):
                ledger.set_meta(LIVE, branch)


def settle_turn(project: Project, ledger: Ledger, instance: str, *, committed: bool) -> None:
    """End what was begun: write down that the rows were exchanged, or that they were not. May be done twice."""
    running = [one for one in ledger.running() if "branches" in one.facts]
    if not running:
        return
    facts, branches, shelf = running[0].facts, branches_of(project, ledger), Shelf(project.layout)
    left, branch = facts["branches"]
    if not committed:
        branches.forget(left)
        for one in running:
            ledger.finish(one, "failed")
        return
    identity = ledger.meta("identity")
    shelf.pass_on(identity["key"], facts["instance"], facts["place"])
    shelf.pass_on(identity["key"], facts["incoming"], instance)
    ledger.set_meta("identity", {**identity, "instance": instance})
    ledger.set_meta(LIVE, branch)
    branches.forget(branch)
    for one in running:
        ledger.set_meta(f"track:{one.track}", facts["seen"].get(one.track, {}))
        ledger.finish(one, "done", ledger.entries_of(one))

"""Putting a copy of an SQLite database back into the live file, as an operation that can itself be undone."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.errors import DbsyncError
from dbsync.ledger.entry import NewOperation
from dbsync.store import copies
from dbsync.store.gate import remove_gate
from dbsync.store.shelf import Shelf
from dbsync.store.sqlite_file import read_sqlite
from dbsync.store.verdict import forget_verdict
from dbsync.sync.before import copy_name
from dbsync.sync.clock import utc_now
from dbsync.sync.held import PUT_BACK, hold
from dbsync.sync.outcome import Moved
from dbsync.sync.status import environment_status

if TYPE_CHECKING:
    from dbsync.ledger.entry import Entry
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.project import Project


class Wanted(NamedTuple):
    """What one version table is to hold: its `heads` and `entries`.

    `undoes` names the operations, the newest first, that are undone by it, for the shelf.
    """

    track: str
    name: str
    heads: list[str]
    entries: list[Entry]
    undoes: tuple[str, ...] = ()


class Recorded:
    """Putting earlier states back into one database, on record: one operation a version table."""

    def __init__(self, project: Project, ledger: Ledger, by: str) -> None:
        self.project = project
        self.ledger = ledger
        self._by = by
        self._key: str = ledger.meta("identity")["key"]

    def begin(self, wanted: Wanted, before: list[str], facts: dict[str, Any]) -> int:
        """Record what is about to be done; `facts` say where how it was is kept, and the evidence for recovery."""
        repository = self.project.repository
        about = {
            "by": self._by,
            "run": self.project.run,
            "branch": repository.branch() or "",
            "commit": repository.head_commit() or "",
            "before": before,
            "after": wanted.heads,
            "undoes": wanted.undoes,
        }
        was = self.ledger.entries(wanted.track)
        return self.ledger.begin(NewOperation(wanted.track, utc_now(), {**about, **facts}, was, wanted.entries))

    def fail(self, begun: list[int]) -> None:
        """Record that nothing was done."""
        for number in begun:
            self.ledger.finish(self.ledger.operation(number), "failed")

    def end(self, wanted: Wanted, number: int, stamp: str, left: Any) -> Moved:
        """Record that it was done; `left` is what changes when somebody writes."""
        before = self.ledger.operation(number).facts["before"]
        self.ledger.note(number, stamp, left=left)
        applied = {one.revision.id for one in wanted.entries}
        Shelf(self.project.layout).recall(wanted.undoes, f"{self._key} {number}", applied)
        self.ledger.finish(self.ledger.operation(number), "done", wanted.entries)
        seen = {"heads": wanted.heads, "stamp": stamp, "as_of": utc_now()}
        self.ledger.set_meta(f"track:{wanted.track}", {**self.seen(wanted), **seen})
        return Moved(wanted.name, tuple(before), tuple(wanted.heads), None, done=True)

    def seen(self, wanted: Wanted) -> dict[str, Any]:
        """Return how the version table was seen last."""
        return dict(self.ledger.meta(f"track:{wanted.track}", {}))


class PutBack:
    """Puts copies into one live file, under its lock; how it was is kept first.

    SQLite counts the schema's version up by one for it (backup.c), by which an interrupted one is told.
    """

    def __init__(self, project: Project, ledger: Ledger, by: str) -> None:
        self._project = project
        self._ledger = ledger
        self._record = Recorded(project, ledger, by)
        self._live: str = ledger.meta("identity")["key"]

    def put(self, copy: str, wanted: list[Wanted], seen: list[list[int]] | None = None) -> list[Moved]:
        """Put one copy back.

        Raises `DbsyncError` where there is no room, somebody holds the file, or has written to it since its traces were
        `seen`, by default just now.
        """
        if not os.path.exists(self._live):
            raise DbsyncError(f"{wanted[0].name} is not there any more", "`dbsync sync` builds it anew", code="DBS403")
        seen = seen or copies.traces(self._live)
        kept = copy_name(self._project, self._ledger)
        copies.take(kept, self._live)
        with ExitStack() as stack:
            begun = [self._begin(one, kept) for one in wanted]
            stack.callback(self._record.fail, begun)
            copies.put_back(copy, self._live, seen)
            stack.pop_all()
        copies.prune(self._project.layout)
        return [self._end(one, number) for one, number in zip(wanted, begun, strict=True)]

    def _begin(self, wanted: Wanted, kept: str) -> int:
        version = copies.schema_version(self._live)
        before, _ = read_sqlite(self._live, self._record.seen(wanted)["version_table"])
        evidence = {"before": {"schema_version": version}, "after": {"schema_version": version + 1}}
        return self._record.begin(wanted, before, {"copy": kept, "evidence": evidence})

    def _end(self, wanted: Wanted, number: int) -> Moved:
        _, stamp = read_sqlite(self._live, self._record.seen(wanted)["version_table"])
        return self._record.end(wanted, number, stamp, copies.traces(self._live))


def settle_held(project: Project) -> bool:
    """Hold the databases where they were put, unless that is what the work tree says; returns whether they are held."""
    remove_gate(project.repository.git_dir)
    forget_verdict(project.repository.git_dir)
    hold(project, "")
    found = [environment_status(project, one) for one in project.environments()[0]]
    settled = all(one.state in ("in_sync", "forked") for status in found for one in status.databases)
    hold(project, "" if settled else PUT_BACK)
    return not settled

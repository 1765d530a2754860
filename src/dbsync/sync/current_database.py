"""The database that the worker is talking about: how it was found, what is planned for it, what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbsync.ledger.entry import NewOperation
from dbsync.store.copies import traces
from dbsync.store.databases import note_track
from dbsync.sync.clock import utc_now
from dbsync.sync.outcome import Counts, Moved, track_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbsync.ledger.entry import Entry
    from dbsync.ledger.ledger import Ledger
    from dbsync.plan.planner import Plan
    from dbsync.sync.applied import Applied
    from dbsync.sync.half_way import WholeCopy
    from dbsync.sync.keeping import KeptRows
    from dbsync.sync.shelving import Shelving


class CurrentDatabase:
    """The database that is being talked about."""

    def __init__(self, event: dict[str, Any], ledger: Ledger, name: str) -> None:
        self.heads: list[str] = event["heads"]
        self.track = track_of(event["schema"], event["version_table"])
        self.late_key = f"late:{self.track}"
        self.identity: dict[str, Any] = event["identity"]
        self.facts = {key: event[key] for key in ("dialect", "version_table", "schema")}
        self.evidence: dict[str, Any] = event["evidence"]
        self.stamp: str = event["stamp"]
        self.ledger = ledger
        self.name = name
        self.applied: Applied | None = None
        self.plan: Plan | None = None
        self.whole: Plan | None = None
        self.after: list[Entry] = []
        self.interrupted: Any = None
        self.kept: KeptRows | None = None
        self.shelving: Shelving | None = None
        self.whole_copy: WholeCopy | None = None
        self.notes: list[str] = []
        self.copy = ""
        self.clone = ""
        self.left: Any = None
        self.durations: dict[tuple[str, str], float] = {}
        self.committing = self.committed = self.done = False
        self.counts = Counts()
        self._operation = 0
        self._stamp_after = self.stamp
        self.recreated = ledger.meta("identity", {}).get("instance") != self.identity["instance"]

    @property
    def known(self) -> Applied:
        """What is applied, once it was explained."""
        if self.applied is None:
            raise RuntimeError("asked for what is applied before it was explained")
        return self.applied

    @property
    def planned(self) -> Plan:
        """The plan, once there is one."""
        if self.plan is None:
            raise RuntimeError("asked for a plan before there was one")
        return self.plan

    def remember(self, environment: str) -> None:
        """Note where the database was seen, for commands that do not ask the worker."""
        self.ledger.set_meta("identity", self.identity)
        note_track(self.ledger, environment, self.track)
        self.ledger.set_meta(f"track:{self.track}", self.seen_at(self.heads))

    def seen_at(self, heads: Sequence[str]) -> dict[str, Any]:
        """Return what the ledger keeps of a version table that was seen at these heads."""
        return {**self.facts, "heads": list(heads), "stamp": self.stamp, "as_of": utc_now()}

    def open_operation(self, about: dict[str, Any]) -> None:
        """Record what is about to be done, before anything is; `about` says by whom and from where."""
        facts = {
            **about,
            "copy": self.copy,
            **({"database": self.clone} if self.clone else {}),
            "before": self.heads,
            "after": list(self.planned.heads),
            "down": self.planned.down,
            "up": self.planned.up,
            "evidence": {"before": self.evidence},
        }
        new = NewOperation(self.track, utc_now(), facts, self.known.entries, self.after)
        self._operation = self.ledger.begin(new)

    @property
    def operation(self) -> int:
        """The number of the operation, 0 where there is none."""
        return self._operation

    @property
    def half_way(self) -> bool:
        """Whether it was changed, and neither finished nor put back."""
        return self.whole_copy is not None and self.whole_copy.begun and not self.done

    @property
    def operation_name(self) -> str:
        """What tells the operation from those of all databases."""
        return f"{self.identity['key']} {self._operation}"

    def ready(self, event: dict[str, Any]) -> None:
        """Record, before the commit, how to tell later that it happened, and what the upgrades changed.

        What is lost then must be safe on the disk before.
        """
        if self.shelving is not None:
            self.shelving.seal()
            self.counts = self.shelving.counts()
        if self._operation:
            evidence = {"before": self.evidence, "after": event.get("evidence", {}), "begun": self.half_way}
            self._stamp_after = event.get("stamp", "")
            self.ledger.note(self._operation, self._stamp_after, evidence=evidence, changes=event.get("changes", {}))

    def close(self, *, committed: bool) -> None:
        """End the operation; what was applied is written in the same transaction."""
        entries = [entry._replace(seconds=self._seconds(entry)) for entry in self.after]
        if self.shelving is not None:
            self.shelving.close(committed=committed)
        if self._operation:
            if self.copy or self.clone:
                left = self.left if self.clone else traces(self.identity["key"])
                self.ledger.note(self._operation, self._stamp_after, left=left)
            operation = self.ledger.operation(self._operation)
            self.ledger.finish(operation, "done" if committed else "failed", entries if committed else None)
            if self.whole_copy is not None:
                self.whole_copy.remove()
        elif committed and self.plan is not None:
            self.ledger.replace(self.track, entries)
        if committed and self.plan is not None:
            self.stamp = self._stamp_after
            self.ledger.set_meta(f"track:{self.track}", self.seen_at(self.plan.heads))
        if self.kept is not None and not committed:
            self.kept.discard()

    def _seconds(self, entry: Entry) -> float | None:
        return self.durations.get((entry.revision.id, "up"), entry.seconds)

    def moved(self) -> Moved:
        """Return what became of it, for the person."""
        after = self.plan.heads if self.done and self.plan else tuple(self.heads)
        kept = self.kept.path if self.kept is not None and self.done else ""
        counts = self.counts if self.done else Counts()
        seconds = sum(self.durations.values())
        return Moved(self.name, tuple(self.heads), after, self.plan, seconds, kept, self.done, counts)

"""The host's half of the shelf in one operation: what the worker takes and what it puts back."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.errors import DbsyncError
from dbsync.revisions.compare import same_body, same_upgrade
from dbsync.store.shelf import Shelf
from dbsync.sync.clock import utc_now
from dbsync.sync.outcome import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dbsync.ledger.entry import Entry
    from dbsync.store.layout import Layout
    from dbsync.store.shelf_entry import Part, ShelfEntry
    from dbsync.sync.current_database import CurrentDatabase
    from dbsync.sync.project import Project
    from dbsync.sync.target import Target


EVENTS = ("taking", "taken", "untaken", "made", "shelved", "rows", "made_rows", "stay", "returned", "unreturned")


class Database(NamedTuple):
    """Whose rows they are: what tells the database, how it is named, its version table, and where git is."""

    key: str
    instance: str
    name: str
    track: str
    branch: str
    commit: str


class Shelving:
    """What one operation does with the shelf; `operation` names it among all of the clone.

    `down` are the ledger's entries of the revisions that go, `wanted` returns the source of one that comes, `known`
    says whether a revision is in the work tree. What has returned is kept for `keep_days` more.
    """

    def __init__(self, layout: Layout, database: Database, operation: str) -> None:
        self._shelf = Shelf(layout)
        self._database = database
        self._operation = operation
        self._taking: dict[str, ShelfEntry] = {}
        self._returning: dict[int, ShelfEntry] = {}
        self._parts: dict[int, tuple[ShelfEntry, int]] = {}
        self._back: dict[tuple[int, int], tuple[int, int]] = {}
        self.down: dict[str, Entry] = {}
        self.wanted: Callable[[str], bytes] = lambda _: b""
        self.known: Callable[[str], bool] = lambda _: True
        self.keep_days = 0
        self._whole = False

    def answer(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Reply to one event. Raises `DbsyncError` where the shelf cannot be written: then nothing is moved."""
        with _explained():
            reply: dict[str, Any] | None = getattr(self, f"on_{event['event']}")(event)
        return reply

    def on_taking(self, event: dict[str, Any]) -> None:
        """Begin a part; the worker numbers them."""
        entry = self._entry_of(event["revision"])
        self._parts[event["number"]] = (entry, entry.add_part(event["part"]))

    def on_taken(self, event: dict[str, Any]) -> None:
        """Write rows of a part."""
        entry, part = self._parts[event["number"]]
        entry.add_rows(part, event["rows"])

    def on_made(self, event: dict[str, Any]) -> None:
        """Write what the upgrade of a part makes by itself."""
        entry, part = self._parts[event["number"]]
        entry.add_made(part, event["rows"])

    def on_untaken(self, event: dict[str, Any]) -> None:
        """Forget what was taken of a revision: it was not all."""
        entry = self._taking.pop(event["revision"], None)
        if entry is not None:
            entry.close()
            self._shelf.remove(entry.number)

    def _entry_of(self, revision: str) -> ShelfEntry:
        if revision not in self._taking:
            source = self.down[revision]
            entry = self._shelf.create(
                {
                    **self._database._asdict(),
                    "branch": source.branch or self._database.branch,
                    "commit": source.commit or self._database.commit,
                    "revision": revision,
                    "doc": source.revision.doc,
                    "source": source.source.decode("latin-1"),
                    "taken_at": utc_now(),
                    "operation": self._operation,
                }
            )
            entry.begin()
            self._taking[revision] = entry
        return self._taking[revision]

    def on_shelved(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return what is there for a revision, newest first: what this operation took before included."""
        revision = event["revision"]
        found = [*self._of_this_operation(revision), *reversed(list(self._of_others(revision)))]
        return {"entries": [self.facts_of(one, revision) for one in found]}

    def _of_this_operation(self, revision: str) -> Iterator[ShelfEntry]:
        for one in [one for one in self._taking if one == revision or self._is_renumbered(one, revision)]:
            entry = self._taking.pop(one)
            if entry.seal():
                self._returning[entry.number] = entry
                yield entry
            else:
                entry.close()
                self._shelf.remove(entry.number)

    def _of_others(self, revision: str) -> Iterator[ShelfEntry]:
        here = (self._database.key, self._database.instance, self._database.track)
        for one in self._shelf.entries():
            facts = one.facts
            same = (facts["key"], facts["instance"], facts["track"]) == here and facts["state"] == "shelved"
            if not same or one.number in self._returning:
                continue
            belongs = facts["revision"] == revision or self._is_same(facts, revision)
            kept = self._shelf.entry(one.number) if belongs and any(map(one.may_return, one.parts())) else None
            if kept is not None:
                self._returning[one.number] = kept
                yield kept

    def _is_same(self, facts: dict[str, Any], revision: str) -> bool:
        """Say whether an entry's revision, known no more, is this one under another id."""
        return not self.known(facts["revision"]) and same_body(facts["source"].encode("latin-1"), self.wanted(revision))

    def _is_renumbered(self, old: str, revision: str) -> bool:
        return not self.known(old) and same_body(self.down[old].source, self.wanted(revision))

    def by_hand(self, number: int, *, force: bool) -> dict[str, Any] | None:
        """Return what the worker is told of an entry that is put back by hand, None where it is of another database."""
        entry = self._shelf.entry(number)
        here = (self._database.key, self._database.track)
        if entry is None or (entry.facts["key"], entry.facts["track"]) != here:
            return None
        self._returning[number], self._whole = entry, True
        parts = [{**part.facts, "id": part.id, "below": []} for part in entry.parts() if part.left]
        return {"entry": {"number": number, "same_source": False, "parts": parts}, "force": force}

    def facts_of(self, entry: ShelfEntry, revision: str) -> dict[str, Any]:
        """Return what the worker is told of an entry."""
        self._returning.setdefault(entry.number, entry)
        parts = [{**part.facts, "id": part.id} for part in entry.parts() if entry.may_return(part)]
        source = entry.facts["source"].encode("latin-1")
        return {"number": entry.number, "same_source": same_upgrade(source, self.wanted(revision)), "parts": parts}

    def on_rows(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return some rows of a part."""
        return {
            "rows": self._returning[event["number"]].rows(event["part"], event["after"], only_placeless=not self._whole)
        }

    def on_made_rows(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return some rows that the upgrade of a part made by itself."""
        return {"rows": self._returning[event["number"]].made(event["part"], event["after"])}

    def on_stay(self, event: dict[str, Any]) -> None:
        """Note rows that do not return."""
        self._returning[event["number"]].note_stay(event["part"], event["rows"])

    def on_returned(self, event: dict[str, Any]) -> None:
        """Note that the other rows of a part returned."""
        entry = self._returning[event["number"]]
        entry.note_returned(event["part"], self._operation, event["lacking"], whole=self._whole)
        self._count(entry, event["part"])

    def on_unreturned(self, event: dict[str, Any]) -> None:
        """Note that no row of a part returned."""
        entry = self._returning[event["number"]]
        entry.note_unreturned(event["part"], self._operation, event["reason"])
        self._count(entry, event["part"])

    def _count(self, entry: ShelfEntry, part_id: int) -> None:
        part = next(part for part in entry.parts() if part.id == part_id)
        stay = entry.pending(part_id)
        self._back[entry.number, part_id] = (part.left - stay, stay)

    def seal(self) -> None:
        """Make what was taken safe on disk: it is about to be lost. Entries without rows are removed."""
        with _explained():
            for revision, entry in list(self._taking.items()):
                if not entry.seal():
                    del self._taking[revision]
                    entry.close()
                    self._shelf.remove(entry.number)

    def counts(self) -> Counts:
        """Return what was done."""
        parts = [part for entry in self._open() if self._is_taken(entry) for part in entry.parts()]
        stay: dict[int, int] = {}
        for (number, _), (_, rows) in self._back.items():
            stay[number] = stay.get(number, 0) + rows
        return Counts(
            len({part.facts["table"] for part in parts if part.facts["kind"] == "table"}),
            len({(part.facts["table"], one) for part in parts for one in part.facts["lost"]}),
            self._rows(parts),
            sum(rows for rows, _ in self._back.values()),
            tuple((number, rows) for number, rows in stay.items() if rows),
        )

    @staticmethod
    def _rows(parts: list[Part]) -> int:
        return sum(part.rows for part in parts)

    def _is_taken(self, entry: ShelfEntry) -> bool:
        return bool(entry.facts["operation"] == self._operation)

    def _open(self) -> list[ShelfEntry]:
        return [*self._taking.values(), *self._returning.values()]

    def close(self, *, committed: bool | None) -> None:
        """Settle what was noted; where nobody knows (None), the next run does it."""
        for entry in self._open():
            entry.close()
        if committed is not None:
            self._shelf.settle(self._operation, committed=committed, when=utc_now())
            self._shelf.prune(self.keep_days)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Say in a sentence that the shelf cannot be written: the worker then hears no answer, and rolls back."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        message = f"the shelf cannot be written, so nothing was moved: {error}"
        raise DbsyncError(message, "make room in the .git folder, then `dbsync sync`") from error


def shelving_of(project: Project, target: Target, current: CurrentDatabase) -> Shelving:
    """Return the shelf's part in the operation that has been opened for a database."""
    repository = project.repository
    commit, branch = repository.head_commit() or "", repository.branch() or ""
    database = Database(
        current.identity["key"], current.identity["instance"], current.name, current.track, branch, commit
    )
    shelving = Shelving(project.layout, database, current.operation_name)
    shelving.down = {one.revision.id: one for one in current.known.entries if one.revision.id in current.planned.down}
    shelving.wanted = lambda one: target.sources(project, [one]).get(one, b"")
    shelving.known = lambda one: one in target.map
    shelving.keep_days = project.settings.shelf_keep
    return shelving

"""What is applied to a database: its version table explained by the ledger, and by Git where the ledger is silent."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dbsync.errors import Obstacle
from dbsync.revisions.revision import path_order
from dbsync.revisions.revision_map import RevisionMap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbsync.ledger.entry import Entry
    from dbsync.sync.sources import SourceFinder


class Applied:
    """The applied revisions with their sources, each after its parents; `missing` ids have no source anywhere.

    `learned` says that some of it was not in the ledger.
    """

    def __init__(
        self, entries: list[Entry], missing: tuple[str, ...] = (), obstacles: Iterable[Obstacle] = (), *, learned: bool
    ) -> None:
        self.entries = entries
        self.missing = missing
        self.obstacles = list(obstacles)
        self.learned = learned

    @cached_property
    def map(self) -> RevisionMap:
        """The graph as it was when it was applied, in the order of its files: Alembic breaks ties by that."""
        return RevisionMap(sorted((entry.revision for entry in self.entries), key=lambda one: path_order(one.path)))

    def with_entries(self, entries: list[Entry]) -> Applied:
        """Return the same with other entries."""
        return Applied(entries, self.missing, self.obstacles, learned=self.learned)


def explain_heads(heads: Iterable[str], known: list[Entry], finder: SourceFinder) -> Applied:
    """Return what the ids of a version table stand for: they, and everything below them as it was applied."""
    rows = tuple(heads)
    by_id = {entry.revision.id: entry for entry in known}
    labels = {label: one.revision.id for one in known for label in one.revision.branch_labels}
    entries: dict[str, Entry] = {}
    missing: set[str] = set()
    waiting = list(rows)
    while waiting:
        one = waiting.pop()
        if one in entries or one in missing:
            continue
        entry = by_id.get(one) or finder.find(one)
        if entry is None:
            missing.add(one)
            continue
        entries[one] = entry
        labels.update(dict.fromkeys(entry.revision.branch_labels, one))
        # `depends_on` may name a branch label.
        below = entry.revision.depends_on
        waiting += [*entry.revision.down_revision, *(labels.get(name, name) for name in below)]
    return _checked(rows, entries, missing, set(by_id))


def _checked(rows: tuple[str, ...], entries: dict[str, Entry], missing: set[str], known: set[str]) -> Applied:
    found = RevisionMap(entry.revision for entry in entries.values())
    ordered = (
        [entries[one] for one in found.ordered(found.revisions)] if not found.obstacles else list(entries.values())
    )
    obstacles = [_missing(one) for one in sorted(missing)]
    below = found.ancestors({parent for one in rows if one in found for parent in found.parents(one)})
    obstacles += [_overlap(one) for one in rows if one in below]
    return Applied(ordered, tuple(sorted(missing)), obstacles, learned=set(entries) != known)


def _missing(one: str) -> Obstacle:
    message = f"revision {one} is applied and its source is found nowhere: not in the ledger, not in any commit"
    return Obstacle("DBS302", message, f"fetch the branch it came from, then `dbsync explain {one}`")


def _overlap(one: str) -> Obstacle:
    message = f"the version table holds {one} and a revision that builds on it"
    return Obstacle("DBS303", message, f"delete the row {one} from the version table, then `dbsync status`")

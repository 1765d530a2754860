"""What the ledger knows of a database, judged by what the database looks like now.

Ids never tell which source of a revision was applied. A schema that is not the one last left, with no other operation
that left it, was changed behind dbsync's back: then a revision that differs from its file may have been applied either
way, and a fresh build of both decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from dbsync.ledger.entry import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.project import Project
    from dbsync.sync.target import Target


class Sighted(Protocol):
    """A version table as it was found, and the stamp of the schema around it."""

    @property
    def track(self) -> str: ...  # noqa: D102 - the ledger's word
    @property
    def heads(self) -> Sequence[str]: ...  # noqa: D102 - its rows
    @property
    def stamp(self) -> str: ...  # noqa: D102 - "" where that is not known
    @property
    def recreated(self) -> bool: ...  # noqa: D102 - whether the ledger knew another file


class Known(NamedTuple):
    """The entries to explain a version table with; `doubtful` where the schema is not one they are known to make."""

    entries: list[Entry]
    doubtful: bool = False


def known_entries(ledger: Ledger, seen: Sighted) -> Known:
    """Return what the ledger says is applied to a database that looks like this now."""
    same = not seen.stamp or seen.stamp == ledger.meta(f"track:{seen.track}", {}).get("stamp", seen.stamp)
    if same and not seen.recreated:
        return Known(ledger.entries(seen.track))
    earlier = ledger.entries_at(seen.track, seen.heads, seen.stamp)
    if earlier is not None:
        return Known(earlier)
    return Known([]) if seen.recreated else Known(ledger.entries(seen.track), doubtful=True)


def as_written(project: Project, target: Target, entries: list[Entry]) -> list[Entry]:
    """Return the entries as if each had been applied the way its file is now, where the work tree has another one.

    One that has not changed stays what it is, with the moment it was applied: what its upgrade changed hangs on that.
    """
    now = {entry.revision.id: target.map.revisions.get(entry.revision.id, entry.revision) for entry in entries}
    changed = [entry.revision.id for entry in entries if now[entry.revision.id].oid != entry.revision.oid]
    sources = target.sources(project, changed)
    return [
        Entry(now[one.revision.id], sources[one.revision.id], observed=True) if one.revision.id in sources else one
        for one in entries
    ]

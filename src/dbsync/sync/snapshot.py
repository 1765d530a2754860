"""Saving the databases of a work tree under a name, and putting them back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.errors import EXIT_USAGE, DbsyncError
from dbsync.store import copies, snapshots
from dbsync.store.databases import owned
from dbsync.store.lock import DatabaseLock
from dbsync.store.snapshots import Snapshot, Track
from dbsync.store.sqlite_file import read_sqlite
from dbsync.sync.clock import utc_now
from dbsync.sync.outcome import Moved, display
from dbsync.sync.put_back import PutBack, Wanted, settle_held
from dbsync.sync.status import environment_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.applied import Applied
    from dbsync.sync.project import Project

LOCK_SECONDS = 30.0


class Saved(NamedTuple):
    """One database in a snapshot, as it is shown."""

    database: str
    snapshot: Snapshot


def listed(project: Project) -> list[Saved]:
    """Return the snapshots of the databases that follow this work tree."""
    return [
        Saved(_name(project, ledger), one)
        for ledger in owned(project.layout, project.repository.top)
        for one in snapshots.snapshots(project.layout, _stem(ledger))
    ]


def save(project: Project, name: str) -> list[Saved]:
    """Save every database under a name. Raises `DbsyncError` where one cannot be copied, or the name is taken."""
    snapshots.require_name(name)
    if any(one.snapshot.name == name for one in listed(project)):
        raise DbsyncError(f"there is a snapshot {name} already", f"`dbsync snapshot drop {name}`, or another name")
    statuses = [environment_status(project, one) for one in project.environments()[0]]
    applied = {(one.seen.key, one.seen.track): one.applied for status in statuses for one in status.databases}
    return [_save_one(project, ledger, name, applied) for ledger in _copyable(project)]


def _copyable(project: Project) -> Iterator[Ledger]:
    """Yield the ledgers, once it is known of all databases that they can be copied."""
    for ledger in owned(project.layout, project.repository.top):
        identity = ledger.meta("identity")
        if identity["dialect"] != "sqlite" or not os.path.exists(identity["key"]):
            message = f"{_name(project, ledger)} is not an SQLite file that is here: no snapshot is made of it yet"
            raise DbsyncError(message, "the server's own dump keeps it", code="DBS322")
    yield from owned(project.layout, project.repository.top)


def _save_one(project: Project, ledger: Ledger, name: str, applied: dict[tuple[str, str], Applied]) -> Saved:
    live, stem = ledger.meta("identity")["key"], _stem(ledger)
    copy = snapshots.path_of(project.layout, stem, name)
    with DatabaseLock(f"{ledger.path}.lock", LOCK_SECONDS):
        copies.take(copy, live)
        last = _last(ledger)
    known = {track: applied.get((live, track)) for track in ledger.meta("tracks", [])}
    tracks = [
        _track(copy, ledger.meta(f"track:{track}"), track, one)._replace(operation=last) for track, one in known.items()
    ]
    repository = project.repository
    commit, branch = repository.head_commit() or "", repository.branch() or ""
    saved = Snapshot(name, stem, copy, os.path.getsize(copy), utc_now(), branch, commit, tracks)
    snapshots.write(saved)
    return Saved(_name(project, ledger), saved)


def _track(copy: str, facts: dict[str, Any], track: str, applied: Applied | None) -> Track:
    """Return what is applied in a copy. Raises `DbsyncError` where that is not known."""
    heads, _ = read_sqlite(copy, facts["version_table"])
    if applied is None or applied.missing or not {one.revision.id for one in applied.entries}.issuperset(heads):
        copies.remove(copy)
        raise DbsyncError(f"it is not known what is applied in {track}", "`dbsync status`, then save")
    return Track(track, heads, applied.entries, 0)


def restore(project: Project, name: str) -> tuple[list[Moved], bool]:
    """Put every database of a snapshot back; says what became of each, and whether they are held there."""
    found = _of_name(project, name)
    moved: list[Moved] = []
    for ledger in owned(project.layout, project.repository.top):
        for one in (saved for saved in found if saved.snapshot.stem == _stem(ledger)):
            with DatabaseLock(f"{ledger.path}.lock", LOCK_SECONDS):
                wanted = [_wanted(ledger, one.database, track) for track in one.snapshot.tracks]
                moved += PutBack(project, ledger, "snapshot restore").put(one.snapshot.copy, wanted)
    return moved, settle_held(project)


def _wanted(ledger: Ledger, name: str, track: Track) -> Wanted:
    """Return what is to be again: all operations since are undone."""
    key = ledger.meta("identity")["key"]
    undoes = tuple(f"{key} {number}" for number in range(_last(ledger), track.operation, -1))
    return Wanted(track.name, name, track.heads, track.entries, undoes)


def _last(ledger: Ledger) -> int:
    return max((one.id for one in ledger.operations()), default=0)


def drop(project: Project, name: str) -> list[Saved]:
    """Remove a snapshot."""
    found = _of_name(project, name)
    for one in found:
        snapshots.remove(one.snapshot)
    return found


def _of_name(project: Project, name: str) -> list[Saved]:
    found = [one for one in listed(project) if one.snapshot.name == name]
    if not found:
        raise DbsyncError(f"there is no snapshot {name}", "`dbsync snapshot list` shows them", exit_code=EXIT_USAGE)
    return found


def _stem(ledger: Ledger) -> str:
    return os.path.basename(ledger.path).removesuffix(copies.SUFFIX)


def _name(project: Project, ledger: Ledger) -> str:
    return display(ledger.meta("identity"), project.tops)

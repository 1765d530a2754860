"""Saving the databases of a work tree under a name, and putting them back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.errors import EXIT_USAGE, DbsyncError
from dbsync.store import copies, snapshots
from dbsync.store.databases import owned, stem_of
from dbsync.store.lock import DatabaseLock
from dbsync.store.snapshots import Snapshot, Track
from dbsync.store.sqlite_file import read_sqlite
from dbsync.sync import server_snapshots
from dbsync.sync.outcome import Moved, display
from dbsync.sync.put_back import PutBack, settle_held
from dbsync.sync.server_snapshots import last_operation, wanted_of
from dbsync.sync.status import environment_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.applied import Applied
    from dbsync.sync.on_server import Waiting
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
        for one in snapshots.snapshots(project.layout, stem_of(ledger))
    ]


def save(project: Project, name: str, waiting: Waiting) -> list[Saved]:
    """Save every database under a name. Raises `DbsyncError` where one cannot be copied, or the name is taken."""
    snapshots.require_name(name)
    if any(one.snapshot.name == name for one in listed(project)):
        raise DbsyncError(f"there is a snapshot {name} already", f"`dbsync snapshot drop {name}`, or another name")
    _require_copyable(project)
    statuses = [environment_status(project, one) for one in project.environments()[0]]
    applied = {(one.seen.key, one.seen.track): one.applied for status in statuses for one in status.databases}
    heads = {(one.seen.key, one.seen.track): list(one.seen.heads) for status in statuses for one in status.databases}
    server = server_snapshots.Saving(project, name, applied, heads)
    files = [_save_one(project, ledger, name, applied) for ledger in _files(project)]
    return [*files, *(Saved(shown, one) for shown, one in server.save(waiting))]


def _require_copyable(project: Project) -> None:
    """Raise `DbsyncError` unless it is known of all databases that they can be copied."""
    for ledger in owned(project.layout, project.repository.top):
        identity = ledger.meta("identity")
        here = identity["dialect"] == "postgresql" or os.path.exists(identity["key"])
        if identity["dialect"] not in ("sqlite", "postgresql") or not here:
            message = f"{_name(project, ledger)} is no database on PostgreSQL and no SQLite file that is here"
            raise DbsyncError(f"{message}: no snapshot is made of it", "the server's own dump keeps it", code="DBS322")


def _files(project: Project) -> Iterator[Ledger]:
    for ledger in owned(project.layout, project.repository.top):
        if ledger.meta("identity")["dialect"] == "sqlite":
            yield ledger


def _save_one(project: Project, ledger: Ledger, name: str, applied: dict[tuple[str, str], Applied]) -> Saved:
    live, stem = ledger.meta("identity")["key"], stem_of(ledger)
    copy = snapshots.path_of(project.layout, stem, name)
    with DatabaseLock(f"{ledger.path}.lock", LOCK_SECONDS):
        copies.take(copy, live)
        last = last_operation(ledger)
    known = {track: applied.get((live, track)) for track in ledger.meta("tracks", [])}
    tracks = [
        _track(copy, ledger.meta(f"track:{track}"), track, one)._replace(operation=last) for track, one in known.items()
    ]
    at = server_snapshots.now(project)
    saved = Snapshot(name, stem, copy, os.path.getsize(copy), *at, tracks)
    snapshots.write(saved)
    return Saved(_name(project, ledger), saved)


def _track(copy: str, facts: dict[str, Any], track: str, applied: Applied | None) -> Track:
    """Return what is applied in a copy. Raises `DbsyncError` where that is not known."""
    heads, _ = read_sqlite(copy, facts["version_table"])
    try:
        return server_snapshots.known_track(track, heads, applied)
    except DbsyncError:
        copies.remove(copy)
        raise


def restore(project: Project, name: str, waiting: Waiting) -> tuple[list[Moved], bool]:
    """Put every database of a snapshot back; says what became of each, and whether they are held there."""
    found = _of_name(project, name)
    moved: list[Moved] = []
    for ledger in _files(project):
        for one in (saved for saved in found if saved.snapshot.stem == stem_of(ledger)):
            with DatabaseLock(f"{ledger.path}.lock", LOCK_SECONDS):
                wanted = [wanted_of(ledger, one.database, track) for track in one.snapshot.tracks]
                moved += PutBack(project, ledger, "snapshot restore").put(one.snapshot.copy, wanted)
    moved += server_snapshots.restore(project, [one.snapshot for one in found], waiting)
    return moved, settle_held(project)


def drop(project: Project, name: str) -> list[Saved]:
    """Remove a snapshot. Raises `DbsyncError` where a server does not let go of its part."""
    found = _of_name(project, name)
    server_snapshots.drop(project, [one.snapshot for one in found])
    for one in found:
        snapshots.remove(one.snapshot)
    return found


def _of_name(project: Project, name: str) -> list[Saved]:
    found = [one for one in listed(project) if one.snapshot.name == name]
    if not found:
        raise DbsyncError(f"there is no snapshot {name}", "`dbsync snapshot list` shows them", exit_code=EXIT_USAGE)
    return found


def _name(project: Project, ledger: Ledger) -> str:
    return display(ledger.meta("identity"), project.tops)

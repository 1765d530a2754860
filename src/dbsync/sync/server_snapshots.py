"""The part of snapshots that lies on servers: databases beside the live one. And what both parts have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbsync.errors import DbsyncError
from dbsync.store import snapshots
from dbsync.store.databases import owned, stem_of
from dbsync.store.kept_databases import SNAPSHOT, UNDO
from dbsync.store.snapshots import Snapshot, Track
from dbsync.sync.clock import utc_now
from dbsync.sync.on_server import alone, on_server
from dbsync.sync.put_back import Wanted
from dbsync.sync.swap import Swap, copy, prune, swap
from dbsync.sync.swap import drop as drop_kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.config.environment import Environment
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.applied import Applied
    from dbsync.sync.on_server import Acting, Server, Waiting
    from dbsync.sync.outcome import Moved
    from dbsync.sync.project import Project

    Found = dict[tuple[str, str], Any]


class Saving:
    """Saves the databases on servers under a name; `applied` and `heads` are what was found, by key and track."""

    def __init__(self, project: Project, name: str, applied: Found, heads: Found) -> None:
        self._project = project
        self._name = name
        self._applied = applied
        self._heads = heads
        self._saved: list[tuple[str, Snapshot]] = []

    def save(self, waiting: Waiting) -> list[tuple[str, Snapshot]]:
        """Copy each and return how it is named to a person, and its snapshot."""
        for environment in on_servers(self._project):
            on_server(self._project, environment, self._save, waiting)
        return self._saved

    def _save(self, server: Server) -> Acting:
        stem = stem_of(server.ledger)
        if any(one.stem == stem for _, one in self._saved):
            return
        key, tracks = server.facts["identity"]["key"], []
        for track in server.ledger.meta("tracks", []):
            found = known_track(track, self._heads.get((key, track), []), self._applied.get((key, track)))
            tracks.append(found._replace(operation=last_operation(server.ledger)))
        one = yield from copy(server, server.name, SNAPSHOT, self._name)
        place = snapshots.path_of(self._project.layout, stem, self._name)
        saved = Snapshot(self._name, stem, place, one.size, *now(self._project), tracks, one.name)
        snapshots.write(saved)
        self._saved.append((server.shown, saved))


def restore(project: Project, found: list[Snapshot], waiting: Waiting) -> list[Moved]:
    """Put a copy of each kept database in the place of the live one; the kept one stays."""
    moved: list[Moved] = []
    left = {one.stem: one for one in found if one.database}

    def act(server: Server) -> Acting:
        one = left.pop(stem_of(server.ledger), None)
        if one is None:
            return
        yield from alone(server)
        yield from prune(server.ledger, server.facts["size"])
        incoming = yield from copy(server, one.database, UNDO)
        wanted = [wanted_of(server.ledger, server.shown, track) for track in one.tracks]
        moved.extend((yield from swap(project, server, wanted, Swap(incoming.name, "snapshot restore"))))

    for environment in on_servers(project) if left else ():
        on_server(project, environment, act, waiting)
    return moved


def drop(project: Project, found: list[Snapshot]) -> None:
    """Drop the kept databases. Raises `DbsyncError` where one stays."""
    left = {one.stem: one.database for one in found if one.database}

    def act(server: Server) -> Acting:
        name = left.get(stem_of(server.ledger))
        if name and name in (yield from drop_kept(server.ledger, [name])):
            del left[stem_of(server.ledger)]

    for environment in on_servers(project) if left else ():
        on_server(project, environment, act)
    if left:
        names = ", ".join(sorted(left.values()))
        raise DbsyncError(f"{names} could not be dropped", "see who uses it, then the same again", code="DBS330")


def on_servers(project: Project) -> Iterator[Environment]:
    """Yield the environments that have a database on a server of which there can be copies."""
    for environment in project.environments()[0]:
        own = owned(project.layout, project.repository.top, environment.name)
        if "postgresql" in [ledger.meta("identity", {}).get("dialect") for ledger in own]:
            yield environment


def known_track(track: str, heads: list[str], applied: Applied | None) -> Track:
    """Return what is applied in a database. Raises `DbsyncError` where that is not known."""
    if applied is None or applied.missing or not {one.revision.id for one in applied.entries}.issuperset(heads):
        raise DbsyncError(f"it is not known what is applied in {track}", "`dbsync status`, then save")
    return Track(track, heads, applied.entries, 0)


def wanted_of(ledger: Ledger, name: str, track: Track) -> Wanted:
    """Return what is to be again: all operations since are undone."""
    key = ledger.meta("identity")["key"]
    undoes = tuple(f"{key} {number}" for number in range(last_operation(ledger), track.operation, -1))
    return Wanted(track.name, name, track.heads, track.entries, undoes)


def last_operation(ledger: Ledger) -> int:
    """Return the number of the last operation."""
    return max((one.id for one in ledger.operations()), default=0)


def now(project: Project) -> tuple[str, str, str]:
    """Return when and where a snapshot is taken: time, git branch, commit."""
    repository = project.repository
    return utc_now(), repository.branch() or "", repository.head_commit() or ""

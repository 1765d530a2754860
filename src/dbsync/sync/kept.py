"""All that is kept on servers and for git branches: listing it, and letting go of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.errors import DbsyncError
from dbsync.store import copies
from dbsync.store.databases import adopted
from dbsync.store.kept_databases import BRANCH, UNDO, Kept, kept_databases
from dbsync.sync.branches import branches_of, exists
from dbsync.sync.on_server import on_server
from dbsync.sync.outcome import display
from dbsync.sync.server_snapshots import on_servers
from dbsync.sync.swap import drop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.on_server import Acting, Server
    from dbsync.sync.project import Project

    Which = Callable[[Kept], bool]


class Listed(NamedTuple):
    """One database that is kept, and which one it was made from, as it is named to a person."""

    kept: Kept
    database: str

    @property
    def words(self) -> str:
        """What it is kept for."""
        return f"{self.kept.why} {self.kept.of}".rstrip()


class Removed(NamedTuple):
    """What was removed, and what is still there."""

    dropped: tuple[Listed, ...] = ()
    left: tuple[Listed, ...] = ()


def listed(project: Project) -> list[Listed]:
    """Return all that is kept of the databases of any work tree, but for an undo's files."""
    return [
        Listed(one, display(ledger.meta("identity"), project.tops))
        for ledger in adopted(project.layout)
        for one in (*kept_databases(ledger), *_files(project, ledger))
    ]


def _files(project: Project, ledger: Ledger) -> Iterator[Kept]:
    if ledger.meta("identity")["dialect"] == "sqlite":
        for one in branches_of(project, ledger).all():
            yield Kept(one.place, BRANCH, one.branch, one.size, one.at)


def remove_kept(project: Project, which: Which) -> Removed:
    """Let go of some of what is kept; what a server does not answer for, or somebody uses, is left."""
    before = listed(project)
    wanted = {one.kept.name for one in before if which(one.kept)}
    _remove_from_servers(project, wanted)
    for ledger in adopted(project.layout):
        _forget(project, ledger, wanted)
    there = {one.kept.name for one in listed(project)}
    return Removed(
        tuple(one for one in before if one.kept.name not in there),
        tuple(one for one in before if one.kept.name in there),
    )


def _remove_from_servers(project: Project, wanted: set[str]) -> None:
    def act(server: Server) -> Acting:
        yield from drop(server.ledger, [one.name for one in kept_databases(server.ledger) if one.name in wanted])

    for environment in on_servers(project) if wanted else ():
        try:
            on_server(project, environment, act)
        except DbsyncError:
            continue


def _forget(project: Project, ledger: Ledger, wanted: set[str]) -> None:
    """Remove files, and know no more of the rows of git branches that are kept nowhere."""
    branches, there = branches_of(project, ledger), {one.name for one in kept_databases(ledger)}
    for rows in list(branches.all()):
        if rows.place in wanted and rows.place not in there:
            branches.forget(rows.branch)
            if ledger.meta("identity")["dialect"] == "sqlite":
                copies.remove(rows.place)


def for_undo(one: Kept) -> bool:
    """Say whether nobody asked for it by name."""
    return one.why == UNDO


def of_gone_branch(project: Project) -> Which:
    """Return the test of whether something is kept for a git branch that is no more."""
    return lambda one: one.why == BRANCH and not exists(project, one.of)

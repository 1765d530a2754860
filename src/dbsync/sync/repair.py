"""Settling operations that were interrupted where nothing is rolled back: what was kept is put back, or it is done."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.environment.client import WorkerDiedError, converse
from dbsync.errors import EXIT_LOCKED, DbsyncError, Obstacle
from dbsync.store.databases import open_ledger, other_owner, owned
from dbsync.store.dumps import pieces, remove_dump
from dbsync.store.shelf import Shelf
from dbsync.sync.clock import utc_now
from dbsync.sync.failures import died, obstacle_of
from dbsync.sync.half_way import connections_of, has_begun, path_of, unkept
from dbsync.sync.locks import Locks
from dbsync.sync.outcome import Moved, Outcome, display, track_of
from dbsync.sync.request import launch, request_for
from dbsync.sync.target import read_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.config.environment import Environment
    from dbsync.ledger.entry import Operation
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.project import Project
    from dbsync.sync.target import Target

RESTORE, DONE = "restore", "done"


class HalfWay(NamedTuple):
    """An operation that may have left its database half-way: `name` is how that is shown; `kept` is its copy, or ""."""

    name: str
    operation: Operation
    kept: str


def found_half_way(project: Project) -> list[HalfWay]:
    """Return the operations that were interrupted after their first step, where that is not rolled back."""
    return [
        HalfWay(display(ledger.meta("identity"), project.tops), one, _kept(project, ledger, one))
        for ledger in owned(project.layout, project.repository.top)
        for one in ledger.running()
        if has_begun(one)
    ]


def _kept(project: Project, ledger: Ledger, operation: Operation) -> str:
    path = path_of(project, ledger, operation.id)
    return path if os.path.exists(path) else ""


def repair(project: Project, environment: Environment, choice: str) -> Outcome:
    """Settle what was interrupted in the databases of an environment: by `RESTORE` or as `DONE`."""
    target = read_target(project, environment)
    try:
        with Locks(project, environment) as held:
            return settle_half_way(Repairing(project, choice), target, held)
    except DbsyncError as error:
        return Outcome(environment.name, obstacles=(error.obstacle,), locked=error.exit_code == EXIT_LOCKED)


def settle_half_way(
    repairing: Repairing, target: Target, held: tuple[int, ...], deadline: float | None = None
) -> Outcome:
    """Do the same with the locks that are held already."""
    project, environment = repairing.project, target.environment
    try:
        started = launch(project, environment)._replace(deadline=deadline)
        last = converse(started, request_for(project, target, "sync"), repairing.answer, held).last
    except WorkerDiedError as error:
        obstacle = died(error, environment, project.settings.runner_for(environment.name))
        return Outcome(environment.name, obstacles=(obstacle,))
    finally:
        repairing.close()
    obstacles = () if last["event"] == "done" else (repairing.refused or obstacle_of(last, environment),)
    return Outcome(environment.name, tuple(repairing.settled), obstacles, locked=_locked(obstacles))


def _locked(obstacles: tuple[Obstacle, ...]) -> bool:
    return any(one.code == "DBS404" for one in obstacles)


class Repairing:
    """Answers the worker's events. `settled` has a line for every operation that was ended."""

    def __init__(self, project: Project, choice: str) -> None:
        self.project = project
        self._choice = choice
        self._ledger: Ledger | None = None
        self._event: dict[str, Any] = {}
        self._pieces: Iterator[dict[str, Any]] = iter(())
        self.refused: Obstacle | None = None
        self.settled: list[Moved] = []

    def answer(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Reply to one event; None where none is expected."""
        reply: dict[str, Any] | None = getattr(self, f"_on_{event['event']}")(event)
        return reply

    def close(self) -> None:
        """Close what was read."""
        if self._ledger is not None:
            self._ledger.close()

    def _on_database(self, event: dict[str, Any]) -> dict[str, Any]:
        self.close()
        ledger = self._ledger = open_ledger(self.project.layout, event["identity"]["key"])
        if ledger is None:
            name = display(event["identity"], self.project.tops)
            return self._stop(Obstacle("DBS504", f"{name} was never given to dbsync", "`dbsync init` adopts it"))
        owner = other_owner(ledger, self.project.repository.top)
        return self._stop(owner) if owner else {"dead": connections_of(ledger)}

    def _on_current(self, event: dict[str, Any]) -> dict[str, Any]:
        self._event = event
        operation = self._operation()
        return {"outcome_of": operation.facts["evidence"]} if operation is not None else {"settled": True}

    def _on_outcome(self, event: dict[str, Any]) -> dict[str, Any]:
        """Settle it by what the person chose, unless it was not changed, or had come to its end."""
        operation = self._operation()
        if operation is None:
            return {"settled": True}
        if event["status"] != "dirty":
            self._end(operation, done=event["status"] == "committed", certain=True)
            return {"settled": True}
        if self._choice == DONE:
            self._end(operation, done=sorted(operation.facts["after"]) == sorted(self._event["heads"]), certain=False)
            return {"settled": True}
        kept = _kept(self.project, self._open, operation)
        if not kept:
            return self._stop(unkept(self._name).obstacle)
        self._pieces = pieces(kept)
        return {"put_back": True}

    def _on_kept_piece(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"piece": next(self._pieces, None)}

    def _on_put_back(self, _: dict[str, Any]) -> None:
        operation = self._operation()
        if operation is not None:
            self._event["heads"] = operation.facts["before"]
            self._end(operation, done=False, certain=True)

    @property
    def _open(self) -> Ledger:
        if self._ledger is None:
            raise RuntimeError("the worker spoke of a database before it named one")
        return self._ledger

    @property
    def _name(self) -> str:
        return display(self._event["identity"], self.project.tops)

    def _operation(self) -> Operation | None:
        running = self._open.running(track_of(self._event["schema"], self._event["version_table"]))
        return running[-1] if running else None

    def _end(self, operation: Operation, *, done: bool, certain: bool) -> None:
        """End an operation; what it took to the shelf is kept, unless it is `certain` that it is where it was."""
        ledger = self._open
        name = f"{self._event['identity']['key']} {operation.id}"
        Shelf(self.project.layout).settle(name, committed=done, when=utc_now(), certain=certain)
        ledger.finish(operation, "done" if done else "failed", ledger.entries_of(operation) if done else None)
        remove_dump(path_of(self.project, ledger, operation.id))
        before, now = tuple(operation.facts["before"]), tuple(self._event["heads"])
        self.settled.append(Moved(self._name, before, now, None, done=True))

    def _stop(self, obstacle: Obstacle) -> dict[str, Any]:
        self.refused = obstacle
        return {"stop": True, "code": obstacle.code, "message": obstacle.message, "hint": obstacle.hint}

"""Operations on databases that cannot roll back: what is kept before the first step, and how far one has come."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dbsync.errors import DbsyncError, Obstacle
from dbsync.store.copies import MEGABYTE
from dbsync.store.dumps import Dump, dump_path, pieces, remove_dump

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dbsync.ledger.entry import Operation
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.project import Project

EVENTS = ("keep", "piece", "begin", "kept_piece", "put_back")


class WholeCopy:
    """The copy that one operation makes of its database. `begun`: steps may have changed it since.

    `anyway`: the person goes on where it is too large to be kept, and no rows are taken away.
    """

    def __init__(self, project: Project, ledger: Ledger, operation: int, *, anyway: bool) -> None:
        self._ledger = ledger
        self._operation = operation
        self._limit = project.settings.undo_size
        self._anyway = anyway
        self._path = path_of(project, ledger, operation)
        self._dump: Dump | None = None
        self._pieces: Iterator[dict[str, Any]] | None = None
        self._unwritten: OSError | None = None
        self.begun = False

    def answer(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Reply to one event of the worker."""
        reply: dict[str, Any] | None = getattr(self, f"_on_{event['event']}")(event)
        return reply

    def _on_keep(self, event: dict[str, Any]) -> dict[str, Any]:
        """Keep the database where it is not too large; how large a dump of it becomes is not known before."""
        whole = event["size"] <= self._limit * MEGABYTE and self._limit > 0
        if not whole and not self._anyway:
            return {"stop": True, **too_large(event["size"], self._limit).as_json()}
        if whole:
            self._write(self._open)
        else:
            self._dump = None
            self.remove()
        return {"whole": whole, "most": 2 * self._limit * MEGABYTE}

    def _open(self) -> None:
        self._dump = Dump(self._path)

    def _on_piece(self, event: dict[str, Any]) -> None:
        dump = self._dump
        if dump is not None and self._unwritten is None:
            self._write(lambda: dump.write(event["piece"]))

    def _on_begin(self, _: dict[str, Any]) -> dict[str, Any]:
        """Note, once the copy is safe on the disk, that the database is no more what it was."""
        if self._dump is not None:
            self._write(self._dump.close)
        if self._unwritten is not None:
            return {"stop": True, **_no_room(self._unwritten).as_json()}
        evidence = self._ledger.operation(self._operation).facts["evidence"]
        self._ledger.note(self._operation, "", evidence={**evidence, "begun": True})
        self.begun = True
        return {}

    def _write(self, write: Callable[[], None]) -> None:
        """Write, or remember why that cannot be: the worker is told when it has sent all."""
        try:
            write()
        except OSError as error:
            self._unwritten = error

    def _on_kept_piece(self, _: dict[str, Any]) -> dict[str, Any]:
        self._pieces = self._pieces or pieces(self._path)
        return {"piece": next(self._pieces, None)}

    def _on_put_back(self, _: dict[str, Any]) -> None:
        self.begun = False

    def remove(self) -> None:
        """Remove the copy: the operation has ended."""
        remove_dump(self._path)


def path_of(project: Project, ledger: Ledger, operation: int) -> str:
    """Return where the copy lies that an operation made, if it made one."""
    return dump_path(project.layout, os.path.basename(ledger.path).removesuffix(".sqlite"), operation)


def has_begun(operation: Operation) -> bool:
    """Say whether an operation that did not end may have changed a database that does not roll back."""
    return bool(operation.facts.get("evidence", {}).get("begun"))


def connections_of(ledger: Ledger) -> list[dict[str, Any]]:
    """Return the connections of runs that are dead, as far as they are recorded: nobody else holds the lock."""
    found = [one.facts.get("evidence", {}).get("before", {}) for one in ledger.running()]
    return [one for one in found if "connection" in one]


def dirty(name: str, why: str = "") -> Obstacle:
    """Return what is said of a database that is neither what it was nor what it was to be."""
    message = f"{name} was left half-way by a sync that was interrupted" + (f": {why}" if why else "")
    return Obstacle("DBS423", message, "`dbsync repair` says what there is to do; nothing else is run on it until then")


def too_large(size: int, limit: int) -> Obstacle:
    """Return why a database is not moved that cannot be kept."""
    message = (
        f"the database has {size // MEGABYTE} MB, more than the {limit} MB that are kept before a move:"
        " a step that fails could not be taken back"
    )
    hint = f"`git config dbsync.undoSize {size // MEGABYTE + 1}`; `dbsync sync --yes` goes up without, never down"
    return Obstacle("DBS422", message, hint)


def _no_room(error: OSError) -> Obstacle:
    message = f"the database cannot be kept before the move: {error.strerror}"
    return Obstacle("DBS422", message, "make room beside the .git folder")


def unkept(name: str) -> DbsyncError:
    """Return the error that ends `repair` where there is no copy to put back."""
    message = f"nothing was kept of {name}: it was moved with --yes although it was too large"
    return DbsyncError(message, "put it right by hand, then `dbsync repair --done`", code="DBS423")

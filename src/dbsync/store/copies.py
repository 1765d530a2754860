"""Copies of SQLite databases, made before something is done to them, and putting one back into the live file.

Both ways go by SQLite's own backup, which a reader does not disturb and a kill leaves whole (backup.html); a file put
in the place of another is undone by a stale -wal.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from typing import TYPE_CHECKING

from dbsync.errors import EXIT_LOCKED, DbsyncError
from dbsync.store.sqlite_file import uri_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbsync.store.layout import Layout

    Progress = Callable[[int, int, int], None]

FOLDER = "copies"
SNAPSHOTS = "snapshots"
SUFFIX = ".sqlite"
# How many copies that were made before a move are kept, of all databases together, and how much room they may take.
MOST = 10
MOST_BYTES = 500_000_000
# How long another process that holds the live file is waited for.
BUSY_SECONDS = 5.0
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
MEGABYTE = 1_000_000
# How many pages are put back in a step, and how many bytes one may have.
AT_ONCE = 16
LARGEST_PAGE = 65_536


def take(copy: str, database: str, *, locked: bool = False) -> None:
    """Copy a database as it is committed now, whole or not at all.

    `locked`: another process holds its write lock and has written nothing, so that without a -wal the file is what is
    committed. Where this process held the lock, closing the file would let go of it (howtocorrupt.html, section 2.2).
    Raises `DbsyncError` where there is no room or it cannot be read.
    """
    _require_room(os.path.dirname(copy), database)
    temporary = f"{copy}.{os.getpid()}.new"
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    try:
        if locked and not os.path.exists(f"{database}-wal"):
            shutil.copyfile(database, temporary)
        else:
            _backup(database, temporary)
        _sync(temporary)
        os.replace(temporary, copy)
    finally:
        remove(temporary)


def put_back(copy: str, database: str, seen: list[list[int]]) -> None:
    """Make a database what a copy holds, in one transaction of SQLite's.

    Raises `DbsyncError` where it is held, or its `traces` are not those that were `seen` by the time it is locked.
    """
    patience = _patience(database)
    locked = False

    def progress(status: int, remaining: int, total: int) -> None:
        nonlocal locked
        patience(status, remaining, total)
        if status not in BUSY and not locked and traces(database) != seen:
            raise _held(f"another process wrote to {os.path.basename(database)} meanwhile")
        locked = locked or status not in BUSY

    # The first step takes the lock, and is not to be the last one, nor so large that anything is written yet.
    _backup(copy, database, max(1, min(AT_ONCE, os.path.getsize(copy) // LARGEST_PAGE // 2)), progress)


def remove(copy: str) -> None:
    """Remove a copy, where there is one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(copy)


def prune(layout: Layout) -> None:
    """Remove all but the newest copies that were made before a move, and the last one always stays."""
    with os.scandir(layout.folder(FOLDER)) as found:
        listed = [(one.path, one.stat()) for one in found]
    room = MOST_BYTES
    for place, (path, stat) in enumerate(sorted(listed, key=lambda one: one[1].st_mtime, reverse=True)):
        room -= stat.st_size
        if place and (place >= MOST or room < 0):
            remove(path)


def traces(database: str) -> list[list[int]]:
    """Return what changes when somebody writes: time (ns) and size of the file and of its -wal."""
    found = []
    for path in (database, f"{database}-wal"):
        try:
            stat = os.stat(path)
            found.append([stat.st_mtime_ns, stat.st_size])
        except FileNotFoundError:
            found.append([0, 0])
    return found if found[1][1] else [found[0], [0, 0]]


def schema_version(database: str) -> int:
    """Return SQLite's count of changes to the schema (pragma.html#pragma_schema_version)."""
    with contextlib.closing(sqlite3.connect(uri_of(database), uri=True, timeout=3)) as db:
        return int(db.execute("PRAGMA schema_version").fetchone()[0])


def _require_room(folder: str, database: str) -> None:
    size, free = os.path.getsize(database), shutil.disk_usage(folder).free
    if size * 2 > free:
        message = (
            f"no room for a copy of {os.path.basename(database)}: {size // MEGABYTE} MB, {free // MEGABYTE} MB free"
        )
        raise DbsyncError(message, "make room beside the .git folder")


def _backup(source: str, destination: str, pages: int = -1, progress: Progress | None = None) -> None:
    try:
        with (
            contextlib.closing(sqlite3.connect(uri_of(source), uri=True, timeout=BUSY_SECONDS)) as one,
            contextlib.closing(sqlite3.connect(destination, timeout=BUSY_SECONDS)) as other,
        ):
            one.backup(other, pages=pages, progress=progress or _patience(source), sleep=0.05)
    except sqlite3.Error as error:
        message = f"{source} cannot be copied to {destination}: {error}"
        raise DbsyncError(message, "see what else has it open") from error


def _patience(database: str) -> Progress:
    """Return what ends waiting for a lock: `backup` itself would wait for ever."""
    end = time.monotonic() + BUSY_SECONDS

    def progress(status: int, remaining: int, total: int) -> None:  # noqa: ARG001 - sqlite3 gives all three
        if status in BUSY and time.monotonic() > end:
            raise _held(f"another process holds {os.path.basename(database)}: waited {BUSY_SECONDS:.0f} s")

    return progress


def _held(message: str) -> DbsyncError:
    hint = "end that session or its transaction, then the same command"
    return DbsyncError(message, hint, code="DBS404", exit_code=EXIT_LOCKED)


def _sync(path: str) -> None:
    for one in (path, os.path.dirname(path)):
        fd = os.open(one, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)

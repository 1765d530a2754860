"""One SQLite file in the place of another, by names alone: as quick for ten gigabytes as for ten kilobytes.

A renamed file is safe only where no process has it open: what is open goes on with the old one, and a -wal that stays
behind belongs to no file (howtocorrupt.html, sections 1.4 and 2.4). Linux grants a lease for writing just where nobody
else has a file open, and tells of everyone who opens it meanwhile (fcntl(2)).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BESIDE = ("-wal", "-shm", "-journal")


def exchange(live: str, incoming: str, outgoing: str) -> bool:
    """Put `incoming` in the place of `live`, which gets the name `outgoing`; False where that is not safe.

    At every moment there is a whole file under the live name.
    """
    try:
        with _alone(live) as lease:
            if lease is None or any(os.path.exists(live + end) for end in BESIDE):
                return False
            os.chmod(incoming, os.stat(live).st_mode & 0o777)
            os.link(live, outgoing)
            try:
                if not _held(lease):
                    raise BlockingIOError
                os.replace(incoming, live)
            except OSError:
                os.unlink(outgoing)
                raise
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _alone(path: str) -> Iterator[int | None]:
    """Hold a lease on a file whose -wal is written back; None where others have it open, or there are no leases."""
    _write_back(path)
    kind = getattr(fcntl, "F_SETLEASE", None)
    if kind is None:
        yield None
        return
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # sent when somebody opens it meanwhile: it would end us
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.fcntl(fd, kind, fcntl.F_WRLCK)
        except OSError:
            yield None
            return
        yield fd
    finally:
        os.close(fd)
        signal.signal(signal.SIGIO, before)


def _held(lease: int) -> bool:
    return fcntl.fcntl(lease, fcntl.F_GETLEASE) == fcntl.F_WRLCK


def _write_back(path: str) -> None:
    """Let SQLite write the -wal into the file, and remove it as the last who closes it does."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path, timeout=0)) as db:
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

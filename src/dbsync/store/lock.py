"""One mover a database: a lock file that the worker inherits, so that it stays locked until the worker is dead too."""

from __future__ import annotations

import fcntl
import os
import time
from typing import Self

from dbsync.errors import EXIT_LOCKED, DbsyncError

POLL_SECONDS = 0.05


class DatabaseLock:
    """Held while a database is moved. The file is never removed: a removed lock file is two locks (flock(2))."""

    doing, again = "moving this database", "sync"

    def __init__(self, path: str, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self.fd = -1

    def __enter__(self) -> Self:
        self.fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        end = time.monotonic() + self._seconds
        while not self._try():
            if time.monotonic() > end:
                holder = os.pread(self.fd, 100, 0).decode(errors="replace").strip()
                os.close(self.fd)
                message, hint = f"another dbsync is {self.doing} ({holder or 'unknown'})", f"`dbsync {self.again}`"
                raise DbsyncError(message, f"wait for it, then {hint}", code="DBS404", exit_code=EXIT_LOCKED)
            time.sleep(POLL_SECONDS)
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, f"pid {os.getpid()}".encode(), 0)
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self.fd)

    def _try(self) -> bool:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class CheckLock(DatabaseLock):
    """Held while the folders and scratch databases of a work tree are in use."""

    doing, again = "checking this work tree", "check"


def is_held(path: str) -> bool:
    """Say whether somebody is moving the database whose lock file this is."""
    try:
        with DatabaseLock(path, 0):
            return False
    except (DbsyncError, OSError):
        return os.path.exists(path)

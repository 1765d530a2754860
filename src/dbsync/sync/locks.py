"""The locks of the databases of one environment."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from dbsync.store.databases import owned
from dbsync.store.lock import DatabaseLock

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.sync.project import Project

LOCK_SECONDS = {True: 2.0, False: 30.0}


class Locks:
    """The lock of every database adopted for the environment; the worker inherits them."""

    def __init__(self, project: Project, environment: Environment, *, by_hook: bool = False) -> None:
        own = owned(project.layout, project.repository.top, environment.name)
        self._paths = [f"{ledger.path}.lock" for ledger in own]
        self._seconds = LOCK_SECONDS[by_hook]
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> tuple[int, ...]:
        locks = [self._stack.enter_context(DatabaseLock(path, self._seconds)) for path in self._paths]
        return tuple(lock.fd for lock in locks)

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

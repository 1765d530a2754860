"""Connections past SQLAlchemy, by a driver itself: refused while scratch databases stand in for the project's.

Nothing of them could be led elsewhere, so they would read and write the development database.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import TYPE_CHECKING, Any

from .failures import Stop

if TYPE_CHECKING:
    from collections.abc import Iterator

# What connects in each driver; sqlite3 says so itself (sys.addaudithook).
ENTRIES = {
    "MySQLdb": ("connect",),
    "aiomysql": ("connect",),
    "asyncmy": ("connect",),
    "asyncpg": ("connect", "connection.connect"),
    "pg8000": ("connect", "dbapi.connect", "native.Connection.__init__"),
    "psycopg": ("connect", "Connection.connect", "AsyncConnection.connect"),
    "psycopg2": ("connect",),
    "pymysql": ("connect",),
}
OWN = __name__.partition(".")[0]


class RawConnections:
    """Refuses what is not within `allowed`, from `forbid` on."""

    def __init__(self) -> None:
        self._allowed = 0

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """Let a driver connect: SQLAlchemy asks it to, and has been pointed at a scratch database."""
        self._allowed += 1
        try:
            yield
        finally:
            self._allowed -= 1

    def forbid(self) -> None:
        """Watch drivers that are loaded and those that will be."""
        sys.addaudithook(self._heard)
        sys.meta_path.insert(0, self)
        for name in ENTRIES.keys() & sys.modules.keys():
            self._guard(sys.modules[name])

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Find a driver as the others do, and have it guarded as soon as it is loaded."""
        if name not in ENTRIES:
            return None
        others = (one for one in sys.meta_path if one is not self and hasattr(one, "find_spec"))
        spec = next((spec for one in others if (spec := one.find_spec(name, path, target))), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def executed(module: Any) -> None:
                execute(module)
                self._guard(module)

            spec.loader.exec_module = executed  # type: ignore[method-assign]  # of this one loader
        return spec

    def _guard(self, module: Any) -> None:
        for entry in ENTRIES[module.__name__]:
            *owners, name = entry.split(".")
            owner = functools.reduce(lambda found, one: getattr(found, one, None), owners, module)
            function = getattr(owner, name, None)
            if function is not None:
                inner = getattr(function, "__func__", None) if isinstance(owner, type) else None
                guarded = self._guarded(inner or function, f"{module.__name__}.connect")
                setattr(owner, name, classmethod(guarded) if inner else guarded)

    def _guarded(self, function: Any, name: str) -> Any:
        @functools.wraps(function)
        def connect(*args: Any, **kw: Any) -> Any:
            if not self._allowed:
                raise _refusal(name)
            return function(*args, **kw)

        return connect

    def _heard(self, event: str, arguments: Any) -> None:
        if event != "sqlite3.connect" or self._allowed or _is_memory(arguments[0]):
            return
        if sys._getframe(1).f_globals.get("__name__", "").partition(".")[0] != OWN:  # noqa: SLF001 - who connects
            raise _refusal("sqlite3.connect")


def _is_memory(database: Any) -> bool:
    return str(database) in (":memory:", "") or "mode=memory" in str(database)


def _refusal(name: str) -> Stop:
    message = f"{name} is called past SQLAlchemy's engine, so no scratch database can take the place of what it opens"
    return Stop("DBS420", message, "let env.py and what it imports connect by `create_engine` with a URL")

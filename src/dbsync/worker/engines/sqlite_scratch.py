"""SQLite: scratch databases, and what is put into them."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from ..failures import Stop
from .driver import execute


def make_scratch(dialect: Any, cargs: list[Any], cparams: dict[str, Any], shadow: dict[str, Any]) -> Any:
    """Make an empty database, or take the file that `shadow` names; return how to get there, and what removes it.

    Nothing is waited for to be on the disk: a scratch database that is lost is made again.
    """
    import shutil
    import tempfile

    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    from .sqlite import path_of

    if not shadow.get("fresh", True) and not os.path.exists(shadow.get("file", "")):
        raise Stop("DBS420", "the scratch database is gone")
    folder = "" if shadow.get("file") else tempfile.mkdtemp(prefix="dbsync-")
    path = shadow.get("file") or os.path.join(folder, "fresh.db")

    def point(cargs: list[Any], cparams: dict[str, Any]) -> None:
        if cargs:
            cargs[0] = path
        else:
            cparams["database"] = path

    def hasty(dbapi: Any, record: Any) -> None:
        if path_of(dbapi) == path:
            execute(dbapi, "PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", hasty)
    return point, lambda: shutil.rmtree(folder, ignore_errors=True) if folder else None


def remove_scratch(dialect: Any, cargs: list[Any], cparams: dict[str, Any], names: list[str]) -> list[str]:
    """Return nothing: they are files of the state folder."""
    return []


def run_script(dbapi: Any, text: str) -> None:
    """Run SQL as `sqlite3` reads it from a file."""
    import sqlite3

    from .sqlite import path_of

    with contextlib.closing(sqlite3.connect(path_of(dbapi) or ":memory:")) as connection:
        connection.executescript(text)
        connection.commit()


def variables(dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> dict[str, str]:
    """Return the variables that tell a command which database is meant."""
    from .sqlite import target

    return {"DBSYNC_DATABASE_URL": f"sqlite:///{target(cargs, cparams)['path']}"}

"""A copy of the project's database for another work tree, made where env.py is about to connect; it goes on there."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import Any, Callable

from .engines import adapter_for
from .failures import Stop


class Clone:
    """Has the face of `Redirect`. Which copy is made of what, the host says; `check` is the guard's."""

    def __init__(self, channel: Any, check: Callable[[str, dict[str, Any]], None]) -> None:
        self._channel = channel
        self._check = check
        self._made: dict[str, str] = {}

    def point(self, adapter: Any, dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> None:
        """Change the arguments of a connection. Raises `Stop` where no copy can be made."""
        target = adapter.target(cargs, cparams)
        self._check(dialect.name, target)
        if not adapter.CLONES:
            message = f"databases on {dialect.name} are not copied for a work tree yet"
            raise Stop("DBS411", message, "point env.py at a database of this work tree's own, then `dbsync init` here")
        name = repr(target)
        if name not in self._made:
            answer = self._channel.ask("clone", dialect=dialect.name, target=target)
            if answer.get("stop"):
                raise Stop(answer["code"], answer["message"], answer.get("hint", ""))
            self._made[name] = answer["to"]
            try:
                _copy(dialect, cargs, cparams, answer)
            except Exception as error:
                reason = " ".join(str(error).split())
                hint = "end what is connected to it, and take away what has the copy's name"
                raise Stop("DBS509", f"{answer['from']} cannot be copied to {answer['to']}: {reason}", hint) from error
        _lead_to(self._made[name], dialect.name, cargs, cparams)

    def remove(self) -> None:
        """Nothing: the copy is to stay."""


def _copy(dialect: Any, cargs: list[Any], cparams: dict[str, Any], wanted: dict[str, str]) -> None:
    if dialect.name == "sqlite":
        _copy_file(wanted["from"], wanted["to"])
        return
    quote = adapter_for(dialect).quote_one
    dbapi = dialect.connect(*cargs, **cparams)
    dbapi.autocommit = True
    cursor = dbapi.cursor()
    cursor.execute(f"CREATE DATABASE {quote(wanted['to'])} TEMPLATE {quote(wanted['from'])}")
    dbapi.close()


def _copy_file(source: str, copy: str) -> None:
    """Copy by SQLite's own means, which a reader or writer of the database does not disturb (backup.html)."""
    if os.path.exists(copy) and os.path.getsize(copy):
        raise FileExistsError("there is one of that name")
    with contextlib.closing(sqlite3.connect(source)) as one, contextlib.closing(sqlite3.connect(copy)) as other:
        one.backup(other)


def _lead_to(name: str, dialect: str, cargs: list[Any], cparams: dict[str, Any]) -> None:
    if dialect == "sqlite" and cargs:
        cargs[0] = name
    else:
        cparams["dbname" if "dbname" in cparams else "database"] = name

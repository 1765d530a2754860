"""Scratch databases in the place of the project's: every connection of the run is pointed at one."""

from __future__ import annotations

from typing import Any, Callable

from .engines import adapter_for
from .failures import Stop


class Redirect:
    """One scratch database for each that env.py names, made when its first connection is about to be opened.

    `shadow` says where the first one is to be and to stay: "file" on SQLite; on a server "database", made anew where
    "fresh" is true. "url" names another server of the same engine for all of them. `check` is
    the guard's, of what is really connected to. `baseline` makes what a chain starts from in one that is new.
    """

    def __init__(
        self,
        shadow: dict[str, Any],
        check: Callable[[str, dict[str, Any]], None],
        baseline: Callable[[Any, Any, list[Any], dict[str, Any]], None],
    ) -> None:
        self._check = check
        self._shadow = shadow
        self._url: str = shadow.get("url") or ""
        self._baseline = baseline
        self._made: dict[str, tuple[Callable[..., None], Callable[[], None]]] = {}

    def point(self, adapter: Any, dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> None:
        """Change the arguments of a connection. Raises `Stop` where no scratch database can be made."""
        name = repr(adapter.target(cargs, cparams))
        if self._url:
            _lead_to(self._url, dialect, cargs, cparams)
        self._check(dialect.name, adapter.target(cargs, cparams))
        fresh = name not in self._made and self._shadow.get("fresh", True)
        if name not in self._made:
            try:
                self._made[name] = adapter.make_scratch(dialect, cargs, cparams, self._shadow)
                self._shadow = {}
            except Exception as error:
                reason = str(error).strip().split("\n", 1)[0]
                raise Stop("DBS418", f"no scratch database can be made: {reason}", "", dialect.name) from error
        self._made[name][0](cargs, cparams)
        if fresh:
            self._baseline(adapter, dialect, cargs, cparams)

    def keep_in(self, connection: Any, statement: str) -> None:
        """Stop before a statement that would change another database than the scratch one."""
        other = adapter_for(connection.dialect).strays(connection, statement)
        if other:
            message = f"a revision names another database than its own, so a scratch one is not enough: {other}"
            raise Stop("DBS418", message, "leave the name of the database out of revisions and models")

    def remove(self) -> None:
        """Drop the scratch databases."""
        for _, drop in self._made.values():
            drop()


class Removal:
    """In the place of a redirect: drops scratch databases on the server that env.py is about to connect to, and stops.

    `shadow` holds their "names", and "url" as for `Redirect`.
    """

    def __init__(self, shadow: dict[str, Any], check: Callable[[str, dict[str, Any]], None], channel: Any) -> None:
        self._check = check
        self._shadow = shadow
        self._channel = channel

    def point(self, adapter: Any, dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> None:
        """Drop those that are there; the connection is never made."""
        if self._shadow.get("url"):
            _lead_to(self._shadow["url"], dialect, cargs, cparams)
        self._check(dialect.name, adapter.target(cargs, cparams))
        dropped = adapter.remove_scratch(dialect, cargs, cparams, self._shadow["names"])
        self._channel.tell("removed", names=dropped)
        raise Stop("DBS418", "nothing but this was wanted")

    def remove(self) -> None:
        """Nothing: none was made."""


def _lead_to(url: str, dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> None:
    from sqlalchemy.engine import make_url

    given, named = dialect.create_connect_args(make_url(url))
    cargs[:] = given
    cparams.clear()
    cparams.update(named)

"""What the host wants done to whole databases of a server, right before env.py connects to one of them."""

from __future__ import annotations

import time
from typing import Any

from .engines.driver import outside
from .failures import Stop

POLL_SECONDS = 0.1


class Maintenance:
    """Asks the host once for each database what to do, and does it. The run goes on then; nobody is connected yet.

    `seconds` is how long others who are connected are waited for.
    """

    def __init__(self, channel: Any, seconds: float) -> None:
        self._channel = channel
        self._seconds = seconds
        self._asked: set[str] = set()
        self._cloned: list[Any] = []

    def before(self, adapter: Any, dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> None:
        """Ask and act for the database that is about to be connected to. Raises `Stop` for what is in the way."""
        module = getattr(adapter, "databases", None)
        name = str(adapter.target(cargs, cparams).get("database") or "")
        if module is None or not name or name in self._asked:
            return
        self._asked.add(name)
        try:
            server = module.Databases(dialect, cargs, cparams, name)
        except Stop as stop:
            wanted = self._channel.ask("server", trouble=stop.as_facts())
        else:
            wanted = self._serve(server)
        if wanted.get("stop"):
            raise Stop(wanted["code"], wanted["message"], wanted.get("hint", ""))

    def _serve(self, server: Any) -> dict[str, Any]:
        try:
            facts = server.facts()
            wanted: dict[str, Any] = self._channel.ask("server", **facts) if facts else {}
            while wanted.get("do"):
                if wanted["do"] == "copy":
                    self._cloned.append(server)
                wanted = self._channel.ask("did", **self._carry_out(server, wanted))
        finally:
            server.close()
        return wanted

    def _carry_out(self, server: Any, wanted: dict[str, Any]) -> dict[str, Any]:
        try:
            if wanted["do"] == "wait":
                return {"result": self._wait(server)}
            return {"result": getattr(server, wanted["do"])(**wanted["with"])}
        except Stop as stop:
            return {"error": stop.as_facts()}
        except Exception as error:  # noqa: BLE001 - each driver has errors of its own; the host decides
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            hint = "see who is connected and what the role may do, then the same again"
            return {"error": {"code": "DBS330", "message": f"{server.name}: {reason}", "hint": hint}}

    def settle(self, adapter: Any, connection: Any) -> None:
        """Before a move is committed: what it writes is to count at once, so that what others write can be told."""
        if self._cloned:
            adapter.databases.count_at_once(connection)

    def after(self) -> None:
        """Tell, once env.py has ended, by what it can be seen later that somebody wrote to what was moved."""
        for server in self._cloned:
            outside(server.dialect, lambda: self._channel.tell("written", name=server.name, left=server.written()))  # noqa: B023 - called here

    def _wait(self, server: Any) -> list[str]:
        """Return who is still connected when the time is up; what env.py's last run left may be ending just now."""
        end = time.monotonic() + max(self._seconds, 3 * POLL_SECONDS)
        found: list[str] = server.sessions(server.name)
        told = False
        while found and time.monotonic() < end:
            if self._seconds and not told:
                self._channel.tell("waiting", sessions=found)
                told = True
            time.sleep(POLL_SECONDS)
            found = server.sessions(server.name)
        return found

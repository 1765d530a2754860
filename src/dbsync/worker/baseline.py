"""The structure that a chain assumes before its first revision, made in a scratch database that is new.

SQL is run here. A command runs where dbsync does, and is told by variables where the database is:
`DBSYNC_DATABASE_URL`, and what the programs of PostgreSQL look for.
"""

from __future__ import annotations

from typing import Any

from .failures import Stop

HINT = "correct dbsync.baseline"


class Baseline:
    """What makes a baseline: `facts` hold "sql", "command" or what is "missing", or nothing."""

    def __init__(self, channel: Any, facts: dict[str, str]) -> None:
        self._channel = channel
        self._facts = facts

    def make(self, adapter: Any, dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> None:
        """Make it in the database that is about to be connected to. Raises `Stop`."""
        if "missing" in self._facts:
            raise Stop("DBS419", f"the baseline {self._facts['missing']} is not there", HINT)
        if "sql" in self._facts:
            self._run(adapter, dialect, cargs, cparams)
        elif "command" in self._facts:
            self._ask(adapter, dialect, cargs, cparams)

    def _run(self, adapter: Any, dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> None:
        dbapi = dialect.connect(*cargs, **cparams)
        try:
            adapter.run_script(dbapi, self._facts["sql"])
        except Exception as error:
            reason = str(error).strip().split("\n", 1)[0]
            raise Stop("DBS419", f"the baseline cannot be made: {reason}", HINT) from error
        finally:
            dbapi.close()

    def _ask(self, adapter: Any, dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> None:
        answer = self._channel.ask("baseline", variables=adapter.variables(dialect, cargs, cparams))
        if answer.get("failed"):
            raise Stop("DBS419", f"the baseline's command failed: {answer['failed']}", HINT)
        dbapi = dialect.connect(*cargs, **cparams)
        made = adapter.columns(dbapi)
        dbapi.close()
        if not made:
            message = "the baseline's command made nothing in the scratch database"
            raise Stop("DBS419", message, "let it work on $DBSYNC_DATABASE_URL")

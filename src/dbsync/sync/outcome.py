"""What a sync did or why it did not, as values that the command line shows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from dbsync.errors import Obstacle
    from dbsync.plan.planner import Plan


class Counts(NamedTuple):
    """What an operation did with rows: taken to the shelf, put back, and how many stay in which entry."""

    tables: int = 0
    columns: int = 0
    shelved: int = 0
    back: int = 0
    stay: tuple[tuple[int, int], ...] = ()


class Moved(NamedTuple):
    """One database after a run: where it was, where it is, and what was done.

    `seconds` is the time of the steps, `kept` the file that holds what was dropped ("" where nothing was kept),
    `done` whether the plan was carried out, `counts` what went to the shelf and came back.
    """

    database: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    plan: Plan | None
    seconds: float = 0.0
    kept: str = ""
    done: bool = False
    counts: Counts = Counts()


class Outcome(NamedTuple):
    """The end of a sync of one environment. `silent`: there was no database that dbsync was ever given.

    `waits`: nothing is wrong, what has to run is not running yet. `turned` says which database got the rows of which
    git branch.
    """

    environment: str
    moved: tuple[Moved, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    notes: tuple[str, ...] = ()
    locked: bool = False
    silent: bool = False
    waits: bool = False
    turned: tuple[str, ...] = ()


def display(identity: dict[str, Any], tops: list[str]) -> str:
    """Return how a database is named to a person: a path below one of the tops, or whole, or `name on host:port`."""
    if identity["dialect"] == "sqlite":
        path = str(identity["key"])
        inside = [os.path.relpath(path, os.path.realpath(top)) for top in tops]
        return next((name for name in inside if not name.startswith("..")), path)
    port = identity.get("port")
    return f"{identity['name']} on {f'port {port}' if port else 'a local socket'}"


def track_of(schema: str | None, version_table: str) -> str:
    """Return the name under which the ledger keeps one version table of a database."""
    return f"{schema}.{version_table}" if schema else version_table

"""What a database holds, without the worker where that can be known: SQLite at the path env.py named last."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.store.databases import owned, tracks_of
from dbsync.store.lock import is_held
from dbsync.store.records import read_records
from dbsync.store.sqlite_file import instance_of, read_sqlite
from dbsync.sync.watched import unchanged

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.project import Project


class Seen(NamedTuple):
    """One version table as it was found. `trouble` is a state that needs no graph: no_database, interrupted ….

    `heads` are the rows; `recreated` says that the file is another one than the ledger knows; `stamp` is the schema's,
    "" where that is not known.
    """

    key: str
    identity: dict[str, Any]
    facts: dict[str, Any]
    heads: tuple[str, ...]
    track: str
    recreated: bool = False
    trouble: str = ""
    stamp: str = ""


def look(project: Project, environment: Environment) -> list[Seen] | None:
    """Return what the adopted SQLite databases of an environment hold, None where only the worker can say."""
    record = read_records(project.layout).get(environment.name)
    if project.settings.runner_for(environment.name):
        return None  # the file is where the runner is
    if record is None or not unchanged(project.repository.top, environment, record, project.environ):
        return None
    found: list[Seen] = []
    for ledger in owned(project.layout, project.repository.top, environment.name):
        identity = ledger.meta("identity", {})
        tracks = tracks_of(ledger, environment.name)
        if identity.get("dialect") != "sqlite" or not tracks:
            return None
        found += [_look_at(ledger, identity, track) for track in tracks]
    return found or None


def _look_at(ledger: Ledger, identity: dict[str, Any], track: str) -> Seen:
    facts = ledger.meta(f"track:{track}", {})
    seen = Seen(identity["key"], identity, facts, (), track)
    if not os.path.exists(identity["key"]):
        return seen._replace(trouble="no_database")
    if ledger.running(track):
        held = is_held(f"{ledger.path}.lock")
        seen = seen._replace(trouble="in_progress" if held else "interrupted")
    try:
        heads, stamp = read_sqlite(identity["key"], facts["version_table"])
    except sqlite3.DatabaseError:
        return seen._replace(trouble="unreachable")
    recreated = identity["instance"] != instance_of(identity["key"])
    return seen._replace(heads=tuple(heads), stamp=stamp, recreated=recreated)

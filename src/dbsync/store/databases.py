"""Which databases were adopted, and where the ledger of each lies."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dbsync.errors import Obstacle
from dbsync.ledger.ledger import Ledger, file_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.store.layout import Layout


def ledger_path(layout: Layout, key: str) -> str:
    """Return where the ledger of a database lies; `key` is the part of its identity that outlives a rebuild."""
    return layout.path("databases", file_name(key))


def stem_of(ledger: Ledger) -> str:
    """Return what tells a database from others in the names of files."""
    return os.path.basename(ledger.path).removesuffix(".sqlite")


def open_ledger(layout: Layout, key: str) -> Ledger | None:
    """Return the ledger of an adopted database, None where it was never adopted."""
    path = ledger_path(layout, key)
    return Ledger(path) if os.path.exists(path) else None


def adopt(layout: Layout, identity: dict[str, Any], environment: str, top: str) -> Ledger:
    """Accept a database for an environment and the work tree at `top`; returns its ledger, a new one if need be."""
    layout.folder("databases")
    ledger = Ledger(ledger_path(layout, identity["key"]), create=True)
    ledger.set_meta("identity", identity)
    ledger.set_meta("owner", top)
    ledger.set_meta("environments", sorted({*ledger.meta("environments", []), environment}))
    return ledger


def note_track(ledger: Ledger, environment: str, track: str) -> None:
    """Keep that an environment has this version table in a database; another one may have one beside it."""
    for key in ("tracks", f"tracks:{environment}"):
        ledger.set_meta(key, sorted({*ledger.meta(key, []), track}))


def tracks_of(ledger: Ledger, environment: str) -> list[str]:
    """Return the version tables that an environment has in a database."""
    found: list[str] = ledger.meta(f"tracks:{environment}") or ledger.meta("tracks", [])
    return found


def adopted(layout: Layout, environment: str | None = None) -> Iterator[Ledger]:
    """Yield the ledgers of the databases adopted, for one environment or for all; each is closed afterwards."""
    folder = layout.path("databases")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    for name in names:
        if name.endswith(".sqlite"):
            with Ledger(os.path.join(folder, name)) as ledger:
                if environment is None or environment in ledger.meta("environments", []):
                    yield ledger


def owned(layout: Layout, top: str, environment: str | None = None) -> Iterator[Ledger]:
    """Yield the ledgers of the databases that follow the work tree at `top`; each is closed afterwards."""
    for ledger in adopted(layout, environment):
        if other_owner(ledger, top) is None and not _went_with_its_work_tree(ledger, top):
            yield ledger


def _went_with_its_work_tree(ledger: Ledger, top: str) -> bool:
    """Say whether an SQLite file is gone with the linked work tree that it followed."""
    owner, identity = ledger.meta("owner", top), ledger.meta("identity", {})
    gone = identity.get("dialect") == "sqlite" and not os.path.exists(identity["key"])
    return gone and owner != top and not os.path.isdir(owner)


def other_owner(ledger: Ledger, top: str) -> Obstacle | None:
    """Return why a database is not this work tree's to move: one database follows one work tree."""
    owner = ledger.meta("owner", top)
    if owner == top or not os.path.isdir(owner):
        return None
    return Obstacle(
        "DBS508",
        f"this database follows the work tree at {owner}",
        "`dbsync worktree` copies it for this one, `dbsync worktree --take` takes it over",
    )


def replaced_server(layout: Layout, identity: dict[str, Any]) -> bool:
    """Say whether a database of this name and port was adopted on a server with another system identifier."""
    same = ("dialect", "name", "port")
    for ledger in adopted(layout):
        known = ledger.meta("identity", {})
        if known.get("system") and all(known.get(key) == identity.get(key) for key in same):
            return bool(known["system"] != identity.get("system"))
    return False

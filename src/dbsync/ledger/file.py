"""The file of a ledger: its format, and opening it so that what is wrong with it is said in a sentence."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

from dbsync.errors import DbsyncError

FORMAT = 2
# How long another writer of a ledger is waited for.
BUSY_SECONDS = 5.0
# What the upgrades changed in the schema, for as long as they are applied or may be found applied again.
CHANGE = """
CREATE TABLE change (track TEXT NOT NULL, id TEXT NOT NULL, applied_at TEXT NOT NULL, operation INTEGER NOT NULL,
    lines TEXT NOT NULL, PRIMARY KEY (track, id, applied_at));
"""
SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE applied (
    track TEXT NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL, identifiers TEXT NOT NULL, source BLOB NOT NULL,
    observed INTEGER NOT NULL, applied_at TEXT NOT NULL, branch TEXT NOT NULL, "commit" TEXT NOT NULL, seconds REAL,
    PRIMARY KEY (track, id)
);
CREATE TABLE operation (
    id INTEGER PRIMARY KEY, track TEXT NOT NULL, state TEXT NOT NULL, started TEXT NOT NULL, facts TEXT NOT NULL,
    heads TEXT NOT NULL DEFAULT '', stamp TEXT NOT NULL DEFAULT ''
);
CREATE TABLE source (id TEXT NOT NULL, oid TEXT NOT NULL, source BLOB NOT NULL, identifiers TEXT NOT NULL,
    "commit" TEXT NOT NULL, seen_at TEXT NOT NULL, PRIMARY KEY (id, oid));
{CHANGE}"""
# What brings a file of the format before to this one.
MIGRATION = CHANGE


def open_file(path: str, *, create: bool, seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Open a ledger, or make it (owner-only); another writer is waited for so many `seconds`.

    Raises `FileNotFoundError` where there is none, `DbsyncError` for one that cannot be used.
    """
    if not create and not os.path.exists(path):
        raise FileNotFoundError(path)
    db = _connected(path, seconds) if create else _connect(path, seconds)
    _prepare(db, path, create=create)
    return db


def _prepare(db: sqlite3.Connection, path: str, *, create: bool) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and not create:
        # Taken for a new one it would say that no database was ever adopted: green on nothing.
        raise DbsyncError(f"the ledger {path} is empty", "move it away, then `dbsync init`")
    if version < FORMAT:
        _bring_from(db, version)
    elif version > FORMAT:
        message = f"the ledger {path} was written by a newer dbsync (format {version})"
        raise DbsyncError(message, "upgrade dbsync: `pip install --upgrade git-dbsync`")


def _bring_from(db: sqlite3.Connection, version: int) -> None:
    """Make the tables that a file of an earlier format lacks, unless another process just has."""
    db.execute("BEGIN IMMEDIATE")
    if db.execute("PRAGMA user_version").fetchone()[0] == version:
        for statement in (SCHEMA if version == 0 else MIGRATION).split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {FORMAT}")
    db.execute("COMMIT")


def _connected(path: str, seconds: float) -> sqlite3.Connection:
    """Open a file that may be made now, for its owner only."""
    old_mask = os.umask(0o077)
    try:
        return _connect(path, seconds)
    finally:
        os.umask(old_mask)


def _connect(path: str, seconds: float) -> sqlite3.Connection:
    """Open the file so that whatever SQLite says against it is a sentence that names it."""

    def explained(error: sqlite3.Error) -> DbsyncError:
        if "readonly" in str(error) or "unable to open" in str(error):
            return DbsyncError(f"the ledger {path} cannot be written: {error}", "make the .git folder writable for you")
        if "is full" in str(error):
            return DbsyncError(f"the ledger {path} cannot be written: {error}", "make room in the .git folder")
        return DbsyncError(f"the ledger {path} cannot be read: {error}", "move it away, then `dbsync init`")

    class Connection(sqlite3.Connection):
        def execute(self, *args: Any) -> sqlite3.Cursor:
            try:
                return super().execute(*args)
            except sqlite3.DatabaseError as error:
                raise explained(error) from error

    try:
        return sqlite3.connect(path, timeout=seconds, isolation_level=None, factory=Connection)
    except sqlite3.Error as error:
        raise explained(error) from error

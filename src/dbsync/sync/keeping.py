"""Files that hold what a sync dropped with the person's consent: a whole SQLite database, or rows of tables."""

from __future__ import annotations

import base64
import datetime as dt
import os
import re
import sqlite3
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbsync.store.layout import Layout


def kept_path(layout: Layout, database: str) -> str:
    """Return where a file of this run for a database lies."""
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", os.path.basename(database)).strip("-.") or "database"
    return os.path.join(layout.folder("kept"), f"{stamp}-{os.getpid()}-{name}.sqlite")


class KeptRows:
    """One file below `kept/`, an SQLite database either way: a copy of the whole, or one table a table kept.

    Rows of other engines are kept in the engine's own text form, column by column; `dbsync_kept` lists the tables
    with their columns and types.
    """

    def __init__(self, layout: Layout, database: str) -> None:
        self.path = kept_path(layout, database)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._db: sqlite3.Connection | None = None

    def add(self, piece: dict[str, Any]) -> None:
        """Write what the worker sent: a piece of a file, the head of a table, or rows."""
        if "file" in piece:
            os.write(self._fd, base64.b64decode(piece["file"]))
        elif "columns" in piece:
            self._add_table(piece)
        else:
            marks = ", ".join("?" for _ in piece["rows"][0])
            self._tables().executemany(f"INSERT INTO {_quote(piece['table'])} VALUES ({marks})", piece["rows"])  # noqa: S608 - quoted

    def _tables(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = sqlite3.connect(self.path)
            self._db.execute('CREATE TABLE dbsync_kept ("table" TEXT, "column" TEXT, type TEXT)')
        return self._db

    def _add_table(self, piece: dict[str, Any]) -> None:
        db = self._tables()
        db.execute(f"CREATE TABLE {_quote(piece['table'])} ({', '.join(_quote(name) for name in piece['columns'])})")
        rows = [(piece["table"], name, kind) for name, kind in zip(piece["columns"], piece["types"], strict=False)]
        db.executemany("INSERT INTO dbsync_kept VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Make the file safe on disk: what it holds is about to be dropped."""
        if self._db is not None:
            self._db.commit()
            self._db.close()
            self._db = None
        os.fsync(self._fd)
        os.close(self._fd)

    def discard(self) -> None:
        """Remove the file: nothing was dropped after all."""
        if os.path.exists(self.path):
            os.unlink(self.path)


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

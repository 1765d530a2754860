"""What an SQLite file says of itself, without SQLAlchemy: the rows of a version table and a stamp of the schema.

Read by the quickest paths, so this module imports nothing that costs.
"""

from __future__ import annotations

import os
from binascii import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Row = tuple[str, str, str, str | None]


def read_sqlite(path: str, version_table: str) -> tuple[list[str], str]:
    """Return the rows of a version table (none where there is no such table), sorted, and the schema's stamp.

    Read-only and in one transaction. Raises `sqlite3.Error` where that is not possible.
    """
    import sqlite3

    db = sqlite3.connect(uri_of(path), uri=True, timeout=3, isolation_level=None)
    try:
        db.execute("BEGIN")
        schema = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
        name = version_table.replace('"', '""')
        known = any(row[1] == version_table for row in schema)
        rows = db.execute(f'SELECT version_num FROM "{name}"').fetchall() if known else []  # noqa: S608 - quoted
        return sorted(row[0] for row in rows), stamp_of(schema, version_table)
    finally:
        db.close()


def uri_of(path: str, mode: str = "ro") -> str:
    """Return the URI that opens a file for reading only, unless another mode is said (uri.html)."""
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{quoted}?mode={mode}"


def stamp_of(schema: Iterable[Row], version_table: str) -> str:
    """Return a short text that is another one for another schema; the worker computes the same."""
    rows = sorted(map(repr, (row for row in schema if row[2] != version_table and not row[1].startswith("sqlite_"))))
    return f"{crc32(os.fsencode(chr(10).join(rows))):08x}"


def instance_of(path: str) -> str:
    """Return what changes when a file is another one of the same name. Raises `OSError` where there is none."""
    found = os.stat(path)
    return f"{found.st_dev}:{found.st_ino}"

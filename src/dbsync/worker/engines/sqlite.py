"""SQLite: a real transaction around all steps, which neither the driver nor Alembic begins by itself."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ..failures import Stop
from .driver import dbapi_of, execute, rows_of, strays
from .sqlite_schema import CLEARABLE, INTERNAL, clearable, kind_of, quote, schema
from .sqlite_scratch import make_scratch, remove_scratch, run_script, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What of the protocol is in another module.
__all__ = [
    "CLEARABLE",
    "clearable",
    "kind_of",
    "make_scratch",
    "remove_scratch",
    "run_script",
    "schema",
    "strays",
    "variables",
]
CLONES = True
ROLLS_BACK_DDL = True
SCHEMA_IS_DATABASE = False
BUSY_SECONDS = 3
BUSY = (5, 6)  # SQLITE_BUSY, SQLITE_LOCKED


def target(cargs: list[Any], cparams: dict[str, Any]) -> dict[str, Any]:
    """Return the file that is about to be opened, ":memory:" where there is none, and its name as the database's."""
    name = os.fsdecode(cargs[0] if cargs else cparams.get("database") or ":memory:")
    query = ""
    if name.startswith("file:"):  # a URI: uri.html
        name, _, query = name[len("file:") :].partition("#")[0].partition("?")
        name = re.sub("^//[^/]*", "", unquote(name))
    memory = name in (":memory:", "") or name.startswith(":memory:") or "mode=memory" in query.split("&")
    return {"path": ":memory:" if memory else os.path.abspath(name), "database": os.path.basename(name)}


def prepare(dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> None:
    """Bound how long a locked database is waited for (sqlite3.connect's `timeout`, in seconds)."""
    cparams["timeout"] = min(float(cparams.get("timeout", BUSY_SECONDS)), BUSY_SECONDS)


def reached(dbapi: Any) -> dict[str, Any]:
    """Return what `target` would have said of a connection that was made behind SQLAlchemy's back."""
    path = path_of(dbapi) or ":memory:"
    return {"path": path, "database": os.path.basename(path)}


def settle(dbapi: Any) -> None:
    """Nothing: `prepare` has bounded how long a new connection waits."""


def identity(connection: Any) -> dict[str, Any] | None:
    """Return what tells this database from others: its real path, and the inode, which changes when it is recreated."""
    path = path_of(dbapi_of(connection))
    if not path:
        return None
    found = os.stat(path)
    return {"dialect": "sqlite", "key": os.path.realpath(path), "instance": f"{found.st_dev}:{found.st_ino}"}


def describe(connection: Any) -> dict[str, Any]:
    """Return what `init` shows before it adopts a database."""
    return {"host": "", "size": os.path.getsize(path_of(dbapi_of(connection)) or os.devnull), "sessions": []}


def lock(connection: Any, schema: str | None, table: str) -> None:
    """Begin the transaction that holds everything: `BEGIN IMMEDIATE` takes the write lock before heads are read.

    The driver commits what is open when its isolation level is set to None (sqlite3.Connection.isolation_level); DDL
    is rolled back from then on. Foreign keys are off meanwhile, as SQLite asks for rebuilding tables
    (lang_altertable.html, section 7: else DROP TABLE deletes the rows that refer to it); `finish` checks them.
    """
    dbapi, transaction = dbapi_of(connection), connection.get_transaction()
    if transaction is not None and transaction is connection.info.get("dbsync_transaction"):
        return  # env.py runs several version tables in one transaction
    if hasattr(dbapi, "autocommit") and dbapi.autocommit is not True and dbapi.autocommit != -1:
        dbapi.commit()
        dbapi.autocommit = -1  # sqlite3.LEGACY_TRANSACTION_CONTROL, Python 3.12
    dbapi.isolation_level = None
    execute(dbapi, f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    if rows_of(dbapi, "PRAGMA foreign_keys")[0][0]:
        connection.info["dbsync_broken"] = _broken(dbapi)
    execute(dbapi, "PRAGMA foreign_keys = OFF")
    execute(dbapi, "BEGIN IMMEDIATE")
    connection.info["dbsync_transaction"] = connection.get_transaction()


def blocked(connection: Any, error: Exception) -> str | None:
    """Return who is in the way where an error says that a lock was waited for in vain."""
    if "database is locked" not in str(error) and "database table is locked" not in str(error):
        return None
    return f"another process holds {os.path.basename(path_of(dbapi_of(connection)) or '')}: waited {BUSY_SECONDS} s"


def finish(connection: Any) -> None:
    """Before the commit: a row that refers to nothing now is as bad as a failed step. Those that did before stay.

    The schema's version is raised as any DDL does, so that `outcome` can tell a commit that changed rows only.
    """
    dbapi = dbapi_of(connection)
    execute(dbapi, f"PRAGMA schema_version = {evidence(connection)['schema_version'] + 1}")
    before = connection.info.get("dbsync_broken")
    if before is None:
        return
    now = _broken(dbapi)
    more = {table: count - before.get(table, 0) for table, count in now.items() if count > before.get(table, 0)}
    if more:
        message = f"{sum(more.values())} rows would refer to nothing, the first in table {min(more)}"
        raise Stop("DBS407", message, "correct the revision, then `dbsync sync`")


def _broken(dbapi: Any) -> dict[str, int]:
    """Count, for each table, the rows whose foreign key points nowhere."""
    counts: dict[str, int] = {}
    for row in rows_of(dbapi, "PRAGMA foreign_key_check"):
        counts[row[0]] = counts.get(row[0], 0) + 1
    return counts


def evidence(connection: Any) -> dict[str, Any]:
    """Return what tells later whether this transaction was committed."""
    return {"schema_version": rows_of(dbapi_of(connection), "PRAGMA schema_version")[0][0]}


def stamp(connection: Any, version_table: str) -> str:
    """Return a short text that is another one for another schema; `dbsync.store.sqlite_file` computes the same."""
    found = rows_of(dbapi_of(connection), "SELECT type, name, tbl_name, sql FROM sqlite_master")
    rows = sorted(map(repr, (row for row in found if row[2] != version_table and not row[1].startswith("sqlite_"))))
    return f"{binascii.crc32(os.fsencode(chr(10).join(rows))):08x}"


def outcome(connection: Any, recorded: dict[str, Any]) -> str | None:
    """Say "committed" or "aborted" of an earlier transaction by what it recorded; None where that cannot be told."""
    if "after" not in recorded:
        return "aborted"  # it is recorded before every commit
    now = evidence(connection)["schema_version"]
    before, after = recorded.get("before", {}).get("schema_version"), recorded.get("after", {}).get("schema_version")
    if before == after or now not in (before, after):
        return None
    return "committed" if now == after else "aborted"


def versions(dbapi: Any, schema: str | None, table: str) -> list[str]:
    """Return what the version table holds."""
    return sorted(row[0] for row in rows_of(dbapi, f"SELECT version_num FROM {quote(table)}"))


def own_schema(connection: Any) -> str | None:
    """Return None: there are no schemas that a version table could be in."""


def columns(connection: Any) -> dict[str, dict[str, str]]:
    """Return every table with its columns and their declared types."""
    dbapi = dbapi_of(connection)
    names = rows_of(dbapi, f"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN {INTERNAL}")
    return {name: {row[1]: row[2] for row in rows_of(dbapi, f"PRAGMA table_info({quote(name)})")} for (name,) in names}


def contents(connection: Any, table: str, columns: dict[str, str]) -> tuple[int, dict[str, tuple[int, set[str]]]]:
    """Return how many rows a table has, and for each column how many values, and the kind of type they stay in."""
    measures = ["count(*)", *(f"count({quote(name)})" for name in columns)]
    row = rows_of(dbapi_of(connection), f"SELECT {', '.join(measures)} FROM {quote(table)}")[0]
    found = zip(row[1:], columns.items())
    return row[0], {name: (count, {kind_of(declared)}) for count, (name, declared) in found}


def keep(connection: Any, tables: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the whole database in pieces, copied with the backup API: what is in the -wal is included."""
    import sqlite3
    import tempfile
    from urllib.parse import quote as quote_path

    path = path_of(dbapi_of(connection)) or ""
    with tempfile.TemporaryDirectory(prefix="dbsync-") as folder:
        copy = os.path.join(folder, "kept.sqlite")
        with sqlite3.connect(f"file:{quote_path(path)}?mode=ro", uri=True) as source, sqlite3.connect(copy) as aim:
            source.backup(aim)
        source.close()
        aim.close()
        with open(copy, "rb") as file:
            while piece := file.read(1 << 20):
                yield {"file": base64.b64encode(piece).decode("ascii")}


def copied(connection: Any) -> Callable[[], None] | None:
    """Copy the file into memory and return what puts it back: what fails is not rolled back here, but for DML.

    None where a transaction is open, of which the file knows nothing yet: then that can be rolled back to here.
    """
    import sqlite3

    if getattr(connection.connection.driver_connection, "in_transaction", False):
        return None
    path = path_of(dbapi_of(connection)) or ""
    copy = sqlite3.connect(":memory:")
    _back_up(path, copy)

    def restore() -> None:
        dbapi_of(connection).rollback()  # ROLLBACK TO leaves open what SAVEPOINT began
        with contextlib.closing(sqlite3.connect(path)) as live:
            copy.backup(live, pages=-1, progress=_give_up(), sleep=0.05)

    return restore


def _give_up() -> Callable[..., None]:
    """Return what ends a backup that waits for a lock: it would wait for ever."""
    end = time.monotonic() + BUSY_SECONDS

    def check(status: int, remaining: int, total: int) -> None:
        if status in BUSY and time.monotonic() > end:
            raise Stop("DBS404", "the scratch database is locked by env.py itself", "end its transaction in env.py")

    return check


def _back_up(path: str, aim: Any) -> None:
    import sqlite3

    with contextlib.closing(sqlite3.connect(path)) as source:
        source.backup(aim)


def types_in_use(connection: Any) -> dict[str, str]:
    """Return nothing: there are no types that stand by themselves."""
    return {}


def is_needed(error: Exception) -> bool:
    """Say whether something could not be dropped because what stays hangs on it: never here."""
    return False


def path_of(dbapi: Any) -> str | None:
    for row in rows_of(dbapi, "PRAGMA database_list"):
        if row[1] == "main":
            return str(row[2]) or None
    return None


def __getattr__(name: str) -> Any:
    """Return the module `shelf`, which most runs need nothing of: compiling it takes its time."""
    if name != "shelf":
        raise AttributeError(name)
    from . import sqlite_shelf

    return sqlite_shelf

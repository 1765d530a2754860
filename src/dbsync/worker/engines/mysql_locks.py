"""MySQL and MariaDB: locks of the server, who holds what is waited for, and ending connections of dead runs."""

from __future__ import annotations

import contextlib
import time
import zlib
from typing import TYPE_CHECKING, Any

from ..failures import Stop
from .driver import dbapi_of, execute, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK_SECONDS = 3
LOCK_TIMED_OUT = 1205
ENDING_SECONDS = 10
CLOCKS_DIFFER = 2  # seconds
PROCESSES = "FROM information_schema.processlist"
OTHERS = "db = DATABASE() AND id <> CONNECTION_ID() ORDER BY id"
IN_TRANSACTION = "id IN (SELECT trx_mysql_thread_id FROM information_schema.innodb_trx) AND "


def lock(connection: Any, schema: str | None, table: str) -> None:
    """Take a lock of the server, tried and polled, that lasts as long as the connection.

    Rows are changed in a transaction from then on, even where env.py connects in AUTOCOMMIT.
    """
    dbapi = dbapi_of(connection)
    execute(dbapi, "SET SESSION autocommit = 0")
    name = _lock_name(dbapi, schema, table)
    end = time.monotonic() + LOCK_SECONDS
    while rows_of(dbapi, f"SELECT GET_LOCK({name}, 0)")[0][0] != 1:
        if time.monotonic() > end:
            holder = rows_of(dbapi, f"SELECT id, user, time {PROCESSES} WHERE id = IS_USED_LOCK({name})")
            who = f" (connection {holder[0][0]} of {holder[0][1]})" if holder else ""
            raise Stop("DBS404", f"another dbsync is moving this database{who}", "wait for it, then `dbsync sync`")
        time.sleep(0.05)


def _lock_name(dbapi: Any, schema: str | None, table: str) -> str:
    key = zlib.crc32(f"{rows_of(dbapi, 'SELECT DATABASE()')[0][0]} {schema}.{table}".encode())
    return f"'dbsync {key}'"


def blocked(connection: Any, error: Exception) -> str | None:
    """Return who is in the way where an error says that a lock was waited for in vain.

    Who holds it is told where a transaction of InnoDB does, and this user may see that.
    """
    origin = getattr(error, "orig", None) or error
    if LOCK_TIMED_OUT not in getattr(origin, "args", ()):
        return None
    dbapi = dbapi_of(connection)
    dbapi.rollback()
    holders = _told(dbapi, IN_TRANSACTION)
    if holders:
        return f"waited {LOCK_SECONDS} s for a lock; in a transaction are: {holders}"
    return f"waited {LOCK_SECONDS} s for a lock; connected are: {_told(dbapi, '') or 'none any more'}"


def _told(dbapi: Any, condition: str) -> str:
    """Return the other sessions in a sentence, "" where there are none or they may not be seen."""
    statement = f"SELECT id, user, command, time, left(coalesce(info, ''), 60) {PROCESSES} WHERE {condition}{OTHERS}"
    try:
        rows = rows_of(dbapi, statement)
    except Exception:  # noqa: BLE001 - the privilege PROCESS is wanting
        return ""
    return "; ".join(f"{row[0]} {row[1]}, {row[2]} since {row[3]} s: {row[4]}".rstrip(": ") for row in rows)


def end(dbapi: Any, recorded: dict[str, Any]) -> None:
    """End the connection of a run that is dead, and wait for it: its last statement may still be running."""
    own = rows_of(dbapi, "SELECT CONNECTION_ID()")[0][0]
    one = recorded.get("connection")
    if one is None or one == own or abs(started(dbapi) - recorded["started"]) > CLOCKS_DIFFER:
        return
    wanted = f"SELECT 1 {PROCESSES} WHERE id = {int(one)} AND db = DATABASE()"
    last = time.monotonic() + ENDING_SECONDS
    while rows_of(dbapi, wanted):
        if time.monotonic() > last:
            message = f"connection {one} of a run that was killed does not end"
            raise Stop("DBS404", message, "wait for it, then `dbsync sync`")
        kill(lambda statement: rows_of(dbapi, statement), one)
        time.sleep(0.1)


def started(dbapi: Any) -> int:
    """Return when the server was started: numbers of connections begin anew then."""
    uptime = rows_of(dbapi, "SHOW GLOBAL STATUS LIKE 'Uptime'")[0][1]
    return int(rows_of(dbapi, "SELECT UNIX_TIMESTAMP()")[0][0]) - int(uptime)


def kill(run: Callable[[str], Any], connection_id: Any) -> None:
    """End a connection, unless it has ended by itself."""
    with contextlib.suppress(Exception):
        run(f"KILL {int(connection_id)}")

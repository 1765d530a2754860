"""MySQL and MariaDB: every change of a schema is committed at once, so what fails is not rolled back but put back."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from ..failures import Stop
from .driver import dbapi_of, execute, outside, rows_of
from .mysql_copy import SCRATCH, copy_of, pieces, put_back, size
from .mysql_leftovers import CLEARABLE, clearable, is_needed
from .mysql_locks import LOCK_SECONDS, OTHERS, PROCESSES, blocked, end, kill, lock, started
from .mysql_rows import as_texts
from .mysql_schema import literal, quote_one, schema
from .mysql_scratch import columns, remove_scratch, run_script, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What of the protocol is in another module.
__all__ = [
    "CLEARABLE",
    "blocked",
    "clearable",
    "columns",
    "end",
    "is_needed",
    "lock",
    "pieces",
    "put_back",
    "remove_scratch",
    "run_script",
    "schema",
    "size",
    "variables",
]
ROLLS_BACK_DDL = False
CLONES = False
SCHEMA_IS_DATABASE = True
CONNECT_SECONDS = 5
OPTION_FILES = ("read_default_file", "read_default_group", "option_files", "option_groups", "default_file")
SYSTEM = ("information_schema", "performance_schema", "mysql", "sys")
OTHER_DATABASE = re.compile(
    r"\s*(?:USE|(?:CREATE|DROP|ALTER)\s+(?:OR\s+REPLACE\s+)?(?:DATABASE|SCHEMA))\b", re.IGNORECASE
)
STRING = re.compile(r"'(?:[^'\\]|\\.|'')*'", re.DOTALL)


def target(cargs: list[Any], cparams: dict[str, Any]) -> dict[str, Any]:
    """Return the hosts, database and user that are about to be connected to.

    Drivers take the socket where both are given, or the host. Raises `Stop` where the host stands in a file.
    """
    if any(cargs) or any(cparams.get(name) for name in OPTION_FILES):
        raise Stop("DBS501", "a file of options beside the URL hides its host", "name the host in the URL")
    return {
        "hosts": [str(cparams[name]) for name in ("host", "unix_socket") if cparams.get(name)],
        "database": cparams.get("database") or cparams.get("db"),
        "user": cparams.get("user"),
        "port": cparams.get("port"),
    }


def prepare(dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> None:
    """Bound how long a server that does not answer is waited for, in seconds; drivers name it differently."""
    name = "connection_timeout" if dialect.driver == "mysqlconnector" else "connect_timeout"
    cparams.setdefault(name, CONNECT_SECONDS)


def reached(dbapi: Any) -> dict[str, Any]:
    """Return what `target` would have said of a connection that was made behind SQLAlchemy's back.

    Its host is the one that the server sees: this machine's own, where both are the same.
    """
    host, database, user = rows_of(
        dbapi, "SELECT SUBSTRING_INDEX(USER(), '@', -1), DATABASE(), SUBSTRING_INDEX(USER(), '@', 1)"
    )[0]
    dbapi.rollback()
    return {"hosts": [host], "database": database, "user": user}


def settle(dbapi: Any) -> None:
    """Bound how long a new connection waits for locks: of metadata, which is a day else, and of rows."""
    execute(dbapi, f"SET SESSION lock_wait_timeout = {LOCK_SECONDS}, SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}")
    dbapi.rollback()  # what was asked before began a transaction


def identity(connection: Any) -> dict[str, Any] | None:
    """Return what tells this database from others: the server's own id where it has one, and the database's name.

    Nothing tells that a database was made anew.
    """
    dbapi = dbapi_of(connection)
    name, socket, port = rows_of(
        dbapi,
        "SELECT DATABASE(), (SELECT host NOT LIKE '%:%' FROM information_schema.processlist"
        " WHERE id = CONNECTION_ID()), @@port",
    )[0]
    if name is None:
        raise Stop("DBS403", "the URL names no database", "name one in the URL, then `dbsync init`")
    system = _system(dbapi)
    return {
        "dialect": "mysql",
        "key": f"{system}/{name}",
        "instance": "",
        "system": system,
        "name": name,
        "port": "" if socket else str(port),
    }


def _system(dbapi: Any) -> str:
    """Return a digest of `server_uuid` (MySQL), `server_uid` (newer MariaDB), else of where the server has its data."""
    wanted = ("server_uuid", "server_uid", "hostname", "port", "datadir")
    names = ", ".join(map(literal, wanted))
    found = {row[0].lower(): row[1] for row in rows_of(dbapi, f"SHOW VARIABLES WHERE Variable_name IN ({names})")}
    place = " ".join(str(found.get(name)) for name in wanted[2:])
    own = found.get("server_uuid") or found.get("server_uid") or place
    return hashlib.sha256(str(own).encode()).hexdigest()[:32]


def describe(connection: Any) -> dict[str, Any]:
    """Return what `init` shows before it adopts a database: its size and who is connected; its name has the port."""
    dbapi = dbapi_of(connection)
    size = rows_of(
        dbapi,
        "SELECT coalesce(sum(data_length + index_length), 0) FROM information_schema.tables"
        " WHERE table_schema = DATABASE()",
    )[0][0]
    return {
        "host": "",
        "size": int(size),
        "sessions": [f"{row[0]} {row[1]}" for row in rows_of(dbapi, f"SELECT id, user {PROCESSES} WHERE {OTHERS}")],
    }


def finish(connection: Any) -> None:
    """Nothing: no constraint waits for the end of a transaction."""


def evidence(connection: Any) -> dict[str, Any]:
    """Return which connection is at work, so that it can be ended when its run is dead."""
    dbapi = dbapi_of(connection)
    return {"connection": rows_of(dbapi, "SELECT CONNECTION_ID()")[0][0], "started": started(dbapi)}


def digest(connection: Any) -> str:
    """Return what tells later that the schema is as it was."""
    return hashlib.sha256("\n".join(schema(connection, "")).encode()).hexdigest()[:32]


def outcome(connection: Any, recorded: dict[str, Any]) -> str | None:
    """Say "committed", "aborted" or "dirty" of an earlier run: it is recorded when the first step may have begun."""
    after = recorded.get("after")
    if after is not None:
        same = after["heads"] == recorded["heads"] and after["schema"] == digest(connection)
        return "committed" if same else "dirty"
    return "dirty" if recorded.get("begun") else "aborted"


def stamp(connection: Any, version_table: str) -> str:
    """Return nothing: the schema is read only where it is asked for."""
    return ""


def versions(dbapi: Any, schema: str | None, table: str) -> list[str]:
    """Return what the version table holds; a session that keeps it locked is not waited for long."""
    name = ".".join(quote_one(part) for part in (schema, table) if part)
    execute(dbapi, "SET @dbsync_waits = @@SESSION.lock_wait_timeout, SESSION lock_wait_timeout = 1")
    try:
        return sorted(row[0] for row in rows_of(dbapi, f"SELECT version_num FROM {name}"))
    finally:
        execute(dbapi, "SET SESSION lock_wait_timeout = @dbsync_waits")


def own_schema(connection: Any) -> str | None:
    """Return None: a database is a schema."""


def contents(connection: Any, table: str, columns: dict[str, str]) -> tuple[int, dict[str, tuple[int, set[str]]]]:
    """Return how many rows a table has, and for each column how many values, and the kind of type they stay in."""
    measures = ", ".join(["count(*)", *(f"count({quote_one(name)})" for name in columns)])
    row = rows_of(dbapi_of(connection), f"SELECT {measures} FROM {quote_one(table)}")[0]
    found = zip(row[1:], columns.items())
    return row[0], {name: (count, {kind_of(declared)}) for count, (name, declared) in found}


def kind_of(declared: str) -> str:
    """Return a type itself: a shorter one keeps less."""
    return declared


def keep(connection: Any, tables: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of tables, every value in the server's own text form; bytes as hexadecimal digits."""
    known, dbapi = columns(connection), dbapi_of(connection)
    for table in tables:
        names = known.get(table, {})
        if names:
            yield {"table": table, "columns": list(names), "types": list(names.values())}
            for rows in as_texts(dbapi, table, names):
                yield {"table": table, "rows": rows}


def types_in_use(connection: Any) -> dict[str, str]:
    """Return nothing: there are no types that stand by themselves."""
    return {}


def copied(connection: Any) -> Callable[[], None]:
    """Copy the database into memory and return what puts it back."""
    return copy_of(dbapi_of(connection))


def strays(connection: Any, statement: str) -> str:
    """Return another database that a statement would change, "" where it keeps to the one that is connected to.

    A scratch database lies on the server that has the real ones.
    """
    own = str(rows_of(dbapi_of(connection), "SELECT DATABASE()")[0][0])
    if not own.startswith(SCRATCH) and not OTHER_DATABASE.match(statement):
        return own  # a listener of the project's went there
    return elsewhere(connection, statement)


def elsewhere(connection: Any, statement: str) -> str:
    """Return another database than its own that a statement would change, "" where there is none."""
    if OTHER_DATABASE.match(statement):
        return " ".join(statement.split())[:60]
    dbapi, info = dbapi_of(connection), connection.info
    own = str(rows_of(dbapi, "SELECT DATABASE()")[0][0])
    if "dbsync_databases" not in info:
        info["dbsync_databases"] = [row[0] for row in rows_of(dbapi, "SHOW DATABASES") if row[0] not in SYSTEM]
    text = STRING.sub("''", statement)
    return next((name for name in info["dbsync_databases"] if name != own and _names(name, text)), "")


def _names(database: str, statement: str) -> bool:
    name = re.escape(database)
    return bool(re.search(rf"(?<![\w$.`'\"])(?:`{name}`|\"{name}\"|{name})\s*\.", statement))


def make_scratch(dialect: Any, cargs: list[Any], cparams: dict[str, Any], shadow: dict[str, Any]) -> Any:
    """Make an empty database on the same server; return how a connection is pointed at it, and what drops it.

    It has the character set and collation of the one in whose place it stands. The one that `shadow` names stays, and
    is taken as it is unless it is to be fresh. Raises the driver's error where the user may not create databases.
    """
    import secrets

    name = shadow.get("database") or f"{SCRATCH}{secrets.token_hex(6)}"
    key = "db" if "db" in cparams else "database"
    real, given = cparams.get(key), {one: value for one, value in cparams.items() if one != key}

    def run(*statements: str) -> list[Any]:
        dbapi = dialect.connect(*cargs, **given)
        settle(dbapi)
        found = [rows_of(dbapi, statement) for statement in statements][-1]
        dbapi.close()
        return found

    def point(cargs: list[Any], cparams: dict[str, Any]) -> None:
        cparams[key] = name

    def drop() -> None:
        for (one,) in run(f"SELECT id FROM information_schema.processlist WHERE db = {literal(name)}"):
            kill(run, one)  # env.py's own connections, that may still lie in a pool: nobody else knows its name
        run(f"DROP DATABASE IF EXISTS {quote_one(name)}")

    if shadow.get("fresh"):
        drop()
    there = run(f"SELECT 1 FROM information_schema.schemata WHERE schema_name = {literal(name)}")
    if not there and not shadow.get("fresh", True):
        raise Stop("DBS420", "the scratch database is gone")
    if not there:
        run(f"CREATE DATABASE {quote_one(name)}{_manners(run, real)}")
    return point, lambda: None if shadow.get("database") else outside(dialect, drop)


def _manners(run: Callable[..., Any], database: str | None) -> str:
    """Return the options of CREATE DATABASE that make another one like it."""
    found = run(
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata"
        f" WHERE schema_name = {literal(database or '')}"
    )
    return f" CHARACTER SET {found[0][0]} COLLATE {found[0][1]}" if found else ""


def __getattr__(name: str) -> Any:
    """Return the module `shelf`, which most runs need nothing of: compiling it takes its time."""
    if name != "shelf":
        raise AttributeError(name)
    from . import mysql_shelf

    return mysql_shelf

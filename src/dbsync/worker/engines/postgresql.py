"""PostgreSQL: one transaction, the version table locked first, and timeouts so that nothing is waited for long."""

from __future__ import annotations

import os
import time
import zlib
from typing import TYPE_CHECKING, Any

from ..failures import Stop
from .driver import dbapi_of, execute, rows_of, strays
from .postgresql_schema import (
    CLEARABLE,
    USER_SCHEMAS,
    clearable,
    is_needed,
    literal,
    quote,
    quote_one,
    schema,
    types_in_use,
)
from .postgresql_scratch import make_scratch, remove_scratch, run_script, variables

if TYPE_CHECKING:
    from collections.abc import Iterator

# What of the protocol is in another module.
__all__ = [
    "CLEARABLE",
    "clearable",
    "is_needed",
    "make_scratch",
    "quote",
    "quote_one",
    "remove_scratch",
    "run_script",
    "schema",
    "strays",
    "types_in_use",
    "variables",
]
CLONES = True
ROLLS_BACK_DDL = True
SCHEMA_IS_DATABASE = False
LOCK_SECONDS = 3
CONNECT_SECONDS = 5


def target(cargs: list[Any], cparams: dict[str, Any]) -> dict[str, Any]:
    """Return the hosts, database and user that are about to be connected to, libpq's variables included.

    Every one of host, hostaddr and their variables counts: libpq connects to the address where both are given
    (libpq-connect.html). Raises `Stop` where the host stands in something else than a parameter.
    """
    if any(cargs) or cparams.get("dsn") or cparams.get("conninfo"):
        raise Stop("DBS501", "a connection string beside the URL hides its host", "name the host in the URL")
    service = cparams.get("service") or os.environ.get("PGSERVICE")
    if service:
        raise Stop("DBS501", f"the connection service {service!r} hides its host", "name the host in the URL")
    named = [cparams.get("host"), cparams.get("hostaddr"), os.environ.get("PGHOSTADDR")]
    hosts = [host for given in named if given for host in _listed(given)]
    return {
        "hosts": hosts or _listed(os.environ.get("PGHOST", "")),
        "database": cparams.get("dbname") or cparams.get("database") or os.environ.get("PGDATABASE"),
        "user": cparams.get("user") or os.environ.get("PGUSER"),
        "port": cparams.get("port"),
    }


def _listed(hosts: Any) -> list[str]:
    return [str(host) for host in hosts] if isinstance(hosts, (list, tuple)) else str(hosts).split(",")


def prepare(dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> None:
    """Bound how long a server that does not answer is waited for, in seconds; drivers name it differently."""
    name = "connect_timeout" if dialect.driver.startswith("psycopg") else "timeout"
    cparams.setdefault(name, CONNECT_SECONDS)


def reached(dbapi: Any) -> dict[str, Any]:
    """Return what `target` would have said of a connection that was made behind SQLAlchemy's back."""
    statement = "SELECT coalesce(host(inet_server_addr()), ''), current_database(), current_user, inet_server_port()"
    host, database, user, port = rows_of(dbapi, statement)[0]
    dbapi.rollback()
    return {"hosts": [host], "database": database, "user": user, "port": port}


def settle(dbapi: Any) -> None:
    """Bound how long a new connection waits for locks, whatever env.py does with it before the version table.

    And let the server notice in the middle of a statement that its client is dead (PostgreSQL 14).
    """
    execute(dbapi, f"SET lock_timeout = '{LOCK_SECONDS}s'")
    name = "client_connection_check_interval"
    rows_of(dbapi, f"SELECT set_config(name, '500', false) FROM pg_settings WHERE name = '{name}'")
    dbapi.commit()


def identity(connection: Any) -> dict[str, Any] | None:
    """Return what tells this database from others: the server's system identifier and the database's name.

    `pg_control_system()` can be read without being superuser. The oid changes when the database is recreated. Reads
    only: it may be asked in the middle of the transaction that holds the version table.
    """
    statement = (
        "SELECT (SELECT system_identifier::text FROM pg_control_system()), d.oid::text, d.datname,"
        " coalesce(inet_server_port()::text, '') FROM pg_database d WHERE d.datname = current_database()"
    )
    system, oid, name, port = rows_of(dbapi_of(connection), statement)[0]
    return {
        "dialect": "postgresql",
        "key": f"{system}/{name}",
        "instance": oid,
        "system": system,
        "name": name,
        "port": port,
    }


def describe(connection: Any) -> dict[str, Any]:
    """Return what `init` shows before it adopts a database: its size, its port, and who else is connected."""
    dbapi = dbapi_of(connection)
    size, host, port = rows_of(
        dbapi, "SELECT pg_database_size(current_database()), host(inet_server_addr()), inet_server_port()"
    )[0]
    others = rows_of(
        dbapi,
        "SELECT pid::text || ' ' || coalesce(nullif(application_name, ''), usename) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
    )
    return {
        "host": f"{host}:{port}" if host else "a local socket",
        "size": size,
        "sessions": [row[0] for row in others],
    }


def lock(connection: Any, schema: str | None, table: str) -> None:
    """Take the version table for ourselves before heads are read; readers are not disturbed.

    An advisory lock first, tried and polled, since another dbsync may be creating the version table; then the table
    itself in SHARE ROW EXCLUSIVE, which any writer of it, plain Alembic included, has to wait for. In AUTOCOMMIT every
    statement is a transaction of its own: then nothing can be held.
    """
    dbapi = dbapi_of(connection)
    if evidence(connection) != evidence(connection):
        message = "env.py connects in AUTOCOMMIT, so a failing step could not be rolled back"
        raise Stop("DBS408", message, "let env.py connect without isolation_level=AUTOCOMMIT")
    execute(dbapi, f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    key = zlib.crc32(f"dbsync {schema}.{table}".encode())
    _poll(dbapi, f"SELECT pg_try_advisory_xact_lock({key})")
    quoted = ".".join(quote_one(part) for part in (schema, table) if part)
    if rows_of(dbapi, f"SELECT to_regclass({literal(quoted)}) IS NOT NULL")[0][0]:
        execute(dbapi, f"LOCK TABLE {quoted} IN SHARE ROW EXCLUSIVE MODE")


def _poll(dbapi: Any, statement: str) -> None:
    end = time.monotonic() + LOCK_SECONDS
    while not rows_of(dbapi, statement)[0][0]:
        if time.monotonic() > end:
            raise Stop("DBS404", "another dbsync is moving this database", "wait for it, then `dbsync sync`")
        time.sleep(0.05)


def blocked(connection: Any, error: Exception) -> str | None:
    """Return who is in the way where an error says that a lock was waited for in vain (55P03).

    That is pid, application,
    state, since when, and the query.
    """
    origin = getattr(error, "orig", None) or error
    if "55P03" not in (str(getattr(origin, "pgcode", "")), str(getattr(origin, "sqlstate", ""))):
        return None
    dbapi = dbapi_of(connection)
    dbapi.rollback()
    holders = "; ".join(str(row[0]) for row in rows_of(dbapi, _HOLDERS)) or "a session that has ended since"
    return f"waited {LOCK_SECONDS} s for a lock held by {holders}"


_HOLDERS = (
    "SELECT DISTINCT a.pid::text || ' ' || coalesce(nullif(a.application_name, ''), a.usename) || ', '"
    " || a.state || ' since ' || to_char(a.state_change, 'HH24:MI:SS') || ': ' || left(a.query, 60)"
    " FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = l.relation"
    " JOIN pg_namespace n ON n.oid = c.relnamespace"
    f" WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND {USER_SCHEMAS}"
)


def finish(connection: Any) -> None:
    """Before the commit: constraints that wait for it are checked now, while the step can still be named."""
    execute(dbapi_of(connection), "SET CONSTRAINTS ALL IMMEDIATE")


def evidence(connection: Any) -> dict[str, Any]:
    """Return what tells later whether this transaction was committed (pg_xact_status)."""
    return {"xid": str(rows_of(dbapi_of(connection), "SELECT pg_current_xact_id()::text")[0][0])}


_OID = "SELECT oid::text FROM pg_database WHERE datname = current_database()"


def stamp(connection: Any, version_table: str) -> str:
    """Return nothing: the catalogue is read often enough without."""
    return ""


def outcome(connection: Any, recorded: dict[str, Any]) -> str | None:
    """Say "committed", "aborted" or "in progress" of an earlier transaction; None where that cannot be told."""
    if "after" not in recorded:
        return "aborted"  # it is recorded before every commit
    if "oid" in recorded["after"]:  # one database was put in the place of another
        return "committed" if rows_of(dbapi_of(connection), _OID)[0][0] == recorded["after"]["oid"] else "aborted"
    xid = recorded["after"].get("xid")
    if not str(xid).isdigit():
        return None
    status = rows_of(dbapi_of(connection), f"SELECT pg_xact_status('{xid}'::xid8)")[0][0]
    return str(status) if status else None


def versions(dbapi: Any, schema: str | None, table: str) -> list[str]:
    """Return what the version table holds; a session that keeps it locked is not waited for long."""
    rows_of(dbapi, "SELECT set_config('lock_timeout', '1s', true)")
    name = f"{quote_one(schema or 'public')}.{quote_one(table)}"
    return sorted(row[0] for row in rows_of(dbapi, f"SELECT version_num FROM {name}"))


def own_schema(connection: Any) -> str | None:
    """Return the schema that unqualified names are in, None for the usual one: tenants may each have their own."""
    schema = rows_of(dbapi_of(connection), "SELECT current_schema()")[0][0]
    return None if schema in (None, "public") else str(schema)


def columns(connection: Any) -> dict[str, dict[str, str]]:
    """Return every table of every schema with its columns and their types; `schema.table`, "public." left out."""
    statement = (
        "SELECT CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname, a.attname,"
        " format_type(a.atttypid, a.atttypmod) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        f" WHERE c.relkind IN ('r', 'p') AND {USER_SCHEMAS}"
    )
    tables: dict[str, dict[str, str]] = {}
    for table, column, declared in rows_of(dbapi_of(connection), statement):
        tables.setdefault(table, {}).update({column: declared} if column else {})
    return tables


def contents(connection: Any, table: str, columns: dict[str, str]) -> tuple[int, dict[str, tuple[int, set[str]]]]:
    """Return how many rows a table has, and for each column how many values, and the kind of type they stay in.

    Where row-level security hides rows from this user, it has one at least.
    """
    hidden = f"row_security_active({literal(quote(table))})::integer"
    measures = ", ".join([f"greatest(count(*), {hidden})", *(f"count({quote_one(name)})" for name in columns)])
    row = rows_of(dbapi_of(connection), f"SELECT {measures} FROM {quote(table)}")[0]
    found = zip(row[1:], columns.items())
    return row[0], {name: (count, {kind_of(declared)}) for count, (name, declared) in found}


def kind_of(declared: str) -> str:
    """Return a type without its length: between lengths of one type PostgreSQL refuses what it cannot keep."""
    base = declared.split("(", 1)[0].strip()
    return "text" if base in ("character varying", "text", "character") else base


def keep(connection: Any, tables: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of tables over the worker's own connection, every value in PostgreSQL's own text form."""
    known = columns(connection)
    dbapi = dbapi_of(connection)
    execute(dbapi, "SET LOCAL row_security = off")  # an error instead of rows that are passed over
    for table in tables:
        names = list(known.get(table, {}))
        if not names:
            continue
        yield {"table": table, "columns": names, "types": [known[table][name] for name in names]}
        cursor = dbapi.cursor()
        cursor.execute(f"SELECT {', '.join(quote_one(name) + '::text' for name in names)} FROM {quote(table)}")
        while rows := cursor.fetchmany(1000):
            yield {"table": table, "rows": [list(row) for row in rows]}
        cursor.close()


def copied(connection: Any) -> None:
    """Return nothing: what fails is rolled back."""


def __getattr__(name: str) -> Any:
    """Return the modules `shelf` and `databases`, which most runs need nothing of: compiling takes its time."""
    if name == "databases":
        from . import postgresql_databases

        return postgresql_databases
    if name != "shelf":
        raise AttributeError(name)
    from . import postgresql_shelf

    return postgresql_shelf

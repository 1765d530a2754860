"""PostgreSQL: whole databases beside each other on the server: copied, put in each other's place, dropped.

All of it goes by a connection to another database, since none of these can be done to the one that is connected to.
Nothing here ends a session: who is connected is told instead.
"""

from __future__ import annotations

import os
import shutil
from typing import Any

from ..failures import Stop
from .driver import dbapi_of, execute, rows_of
from .postgresql import versions
from .postgresql_schema import literal, quote_one
from .postgresql_settings import carried_over

# What is there on every server; a database cannot be renamed or copied by who is connected to it.
ELSEWHERE = ("postgres", "template1")
OURS = "dbsync_kept_"
COPIES_FILES_FROM = 100_000_000
STRATEGIES_SINCE = 150000


def count_at_once(connection: Any) -> None:
    """Let the server count what this transaction writes as soon as it is committed, as it can since PostgreSQL 15."""
    dbapi = dbapi_of(connection)
    if _version(dbapi) >= STRATEGIES_SINCE:
        rows_of(dbapi, "SELECT pg_stat_force_next_flush()")


class Databases:
    """The server of one database, by a connection to another one of it; `name` is the database's."""

    def __init__(self, dialect: Any, cargs: list[Any], cparams: dict[str, Any], name: str) -> None:
        self.dialect = dialect
        self._cargs = cargs
        self._cparams = cparams
        self.name = name
        self._dbapi = self._elsewhere()

    def _elsewhere(self) -> Any:
        trouble: Exception | None = None
        for name in ELSEWHERE:
            if name == self.name:
                continue
            try:
                return self._connect(name)
            except Exception as error:  # noqa: BLE001 - each driver has errors of its own
                trouble = trouble or error
        reason = " ".join(str(trouble).split())
        message = f"{self.name} can only be copied from another database of its server: {reason}"
        raise Stop("DBS331", message, f"let the role connect to the database {ELSEWHERE[0]}")

    def _connect(self, name: str) -> Any:
        key = "dbname" if "dbname" in self._cparams else "database"
        return self.dialect.connect(*self._cargs, **{**self._cparams, key: name})

    def close(self) -> None:
        """Let go of the server."""
        self._dbapi.close()

    def _rows(self, statement: str) -> list[Any]:
        rows = rows_of(self._dbapi, statement)
        self._dbapi.commit()
        return rows

    def facts(self) -> dict[str, Any]:
        """Return what the host decides by; nothing where there is no such database."""
        rows = self._rows(
            "SELECT (SELECT system_identifier::text FROM pg_control_system()), d.oid::text, pg_database_size(d.oid),"
            " coalesce(inet_server_port()::text, ''), r.rolcreatedb OR r.rolsuper,"
            " pg_has_role(current_user, d.datdba, 'USAGE'), current_user"
            f" FROM pg_database d, pg_roles r WHERE d.datname = {literal(self.name)} AND r.rolname = current_user"
        )
        if not rows:
            return {}
        system, oid, size, port, creates, owns, user = rows[0]
        named = {"dialect": "postgresql", "key": f"{system}/{self.name}", "instance": oid, "system": system}
        allowed = "" if creates and owns else _forbidden(user, self.name, creates=creates)
        return {
            "identity": {**named, "name": self.name, "port": port},
            "size": size,
            "sessions": self.sessions(self.name),
            "forbidden": allowed,
        }

    def sessions(self, name: str) -> list[str]:
        """Return who is connected to a database: pid and application. What vacuums gives way by itself."""
        statement = (
            "SELECT a.pid::text || ' ' || coalesce(nullif(a.application_name, ''), a.usename, a.backend_type)"
            f" FROM pg_stat_activity a WHERE a.datname = {literal(name)} AND a.backend_type <> 'autovacuum worker'"
            " UNION ALL SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts"
            f" WHERE database = {literal(name)}"
        )
        return sorted(str(row[0]) for row in self._rows(statement))

    def find(self, names: list[str]) -> dict[str, Any]:
        """Return oid and size of those databases that are there."""
        listed = ", ".join(map(literal, names)) or "NULL"
        statement = f"SELECT datname, oid::text, pg_database_size(oid) FROM pg_database WHERE datname IN ({listed})"
        return {str(name): {"oid": oid, "size": size} for name, oid, size in self._rows(statement)}

    def copy(self, source: str, to: str) -> dict[str, Any]:
        """Copy a database, by the quicker way for its size; nobody can connect to the copy."""
        size = self.find([source])[source]["size"]
        self._require_room(source, size)
        strategy = "file_copy" if size >= COPIES_FILES_FROM else "wal_log"
        how = f" STRATEGY {strategy}" if _version(self._dbapi) >= STRATEGIES_SINCE else ""
        statement = f"CREATE DATABASE {quote_one(to)} TEMPLATE {quote_one(source)}{how} ALLOW_CONNECTIONS false"
        self._alone(statement)
        return {"size": size, **self.find([to])[to]}

    def swap(self, incoming: str, outgoing: str) -> dict[str, Any]:
        """Put a copy in the place of the database, which gets the name `outgoing`, in one transaction.

        Owner, privileges, settings and what else belongs to a database and is not in it go over to the copy.
        """
        self._rows("SET lock_timeout = '3s'")
        try:
            self._exchange(incoming, outgoing)
        except Exception:
            self._dbapi.rollback()
            raise
        found: dict[str, Any] = self.find([self.name])[self.name]
        return found

    def _exchange(self, incoming: str, outgoing: str) -> None:
        for statement in list(carried_over(self._dbapi, self.name, incoming)):
            execute(self._dbapi, statement)
        live, copy, old = quote_one(self.name), quote_one(incoming), quote_one(outgoing)
        for statement in (
            f"ALTER DATABASE {live} RENAME TO {old}",
            f"ALTER DATABASE {copy} RENAME TO {live}",
            f"ALTER DATABASE {old} ALLOW_CONNECTIONS false",
            f"ALTER DATABASE {live} ALLOW_CONNECTIONS true",
        ):
            execute(self._dbapi, statement)
        self._dbapi.commit()

    def drop(self, names: list[str]) -> list[str]:
        """Drop copies, and return those that are gone; one that somebody uses stays."""
        gone = []
        for name in names:
            if not name.startswith(OURS):
                raise ValueError(f"{name} is not a copy")
            try:
                self._alone(f"DROP DATABASE IF EXISTS {quote_one(name)}")
            except Exception:  # noqa: BLE001, S112 - in use, or not ours to drop: whoever asked is told by its absence
                continue
            gone.append(name)
        return gone

    def written(self) -> int | None:
        """Return a number that is another one once somebody has written to the database; None where that is not sure.

        The counters of rows of all tables (monitoring-stats.html). A session's own are in it when it has ended.
        """
        dbapi = self._connect(self.name)
        try:
            if rows_of(dbapi, "SHOW track_counts")[0][0] != "on" or _version(dbapi) < STRATEGIES_SINCE:
                return None
            (row,) = rows_of(dbapi, _WRITTEN)
            return None if row[0] is None else int(row[0])
        finally:
            dbapi.close()

    def versions(self, schema: str | None, table: str) -> list[str]:
        """Return what a version table of the database holds, nothing where there is none."""
        dbapi = self._connect(self.name)
        try:
            name = literal(f"{quote_one(schema or 'public')}.{quote_one(table)}")
            there = rows_of(dbapi, f"SELECT to_regclass({name}) IS NOT NULL")[0][0]
            return versions(dbapi, schema, table) if there else []
        finally:
            dbapi.close()

    def _alone(self, statement: str) -> None:
        """Run what cannot be in a transaction."""
        self._dbapi.commit()
        self._dbapi.autocommit = True
        try:
            execute(self._dbapi, statement)
        finally:
            self._dbapi.autocommit = False

    def _require_room(self, source: str, size: int) -> None:
        """Refuse where the disk is this machine's, and full; a server says nothing of its own."""
        statement = "SELECT setting FROM pg_settings WHERE name = 'data_directory'"
        for (folder,) in self._rows(statement):
            if folder and os.path.isdir(folder) and shutil.disk_usage(folder).free < size * 1.1:
                free = shutil.disk_usage(folder).free // 1_000_000
                message = f"no room for a copy of {source}: {size // 1_000_000} MB, {free} MB free in {folder}"
                raise Stop("DBS332", message, "make room, or drop a snapshot: `dbsync snapshot list`")


def _version(dbapi: Any) -> int:
    return int(rows_of(dbapi, "SHOW server_version_num")[0][0])


# Analysing writes some of these by itself, whenever it likes; what all databases share is none of this one's.
_WRITTEN = (
    "SELECT sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::bigint FROM pg_stat_all_tables s"
    " JOIN pg_class t ON t.oid = s.relid WHERE NOT t.relisshared"
    " AND t.oid NOT IN (SELECT unnest(ARRAY[c.oid, c.reltoastrelid]) FROM pg_class c"
    " WHERE c.oid IN ('pg_statistic'::regclass, 'pg_statistic_ext_data'::regclass))"
)


def _forbidden(user: str, name: str, *, creates: bool) -> str:
    if creates:
        return f"the role {user} does not own {name}, so it may not copy it"
    return f"the role {user} may not create databases, so {name} cannot be copied"

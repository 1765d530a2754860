"""PostgreSQL: scratch databases, and what is put into them."""

from __future__ import annotations

from typing import Any

from ..failures import Stop
from .driver import execute, outside
from .postgresql_schema import literal


def make_scratch(dialect: Any, cargs: list[Any], cparams: dict[str, Any], shadow: dict[str, Any]) -> Any:
    """Make an empty database on the same server; return how a connection is pointed at it, and what drops it.

    The one that `shadow` names stays, and is taken as it is unless it is to be fresh. Raises the driver's error where
    the role may not create databases.
    """
    import secrets

    name = shadow.get("database") or f"dbsync_shadow_{secrets.token_hex(6)}"
    given = dict(cparams)

    def run(statement: str) -> list[Any]:
        return _run(dialect, cargs, given, statement)

    def point(cargs: list[Any], cparams: dict[str, Any]) -> None:
        cparams["dbname" if "dbname" in cparams else "database"] = name

    # FORCE: env.py's own connections to it may still lie in a pool. Nobody else knows its name.
    drop = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
    if shadow.get("fresh"):
        run(drop)
    there = run(f"SELECT 1 FROM pg_database WHERE datname = {literal(name)}")
    if not there and not shadow.get("fresh", True):
        raise Stop("DBS420", "the scratch database is gone")
    if not there:
        run(f'CREATE DATABASE "{name}"')
    return point, lambda: None if shadow.get("database") else outside(dialect, lambda: run(drop))


def remove_scratch(dialect: Any, cargs: list[Any], cparams: dict[str, Any], names: list[str]) -> list[str]:
    """Drop those of some scratch databases that are on the server, and return their names."""
    listed = ", ".join(map(literal, names))
    found = _run(dialect, cargs, cparams, f"SELECT datname FROM pg_database WHERE datname IN ({listed})")
    for (name,) in found:
        _run(dialect, cargs, cparams, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    return [str(name) for (name,) in found]


def _run(dialect: Any, cargs: list[Any], cparams: dict[str, Any], statement: str) -> list[Any]:
    dbapi = dialect.connect(*cargs, **cparams)
    dbapi.autocommit = True
    cursor = dbapi.cursor()
    cursor.execute(statement)
    found = list(cursor.fetchall()) if cursor.description else []
    dbapi.close()
    return found


def run_script(dbapi: Any, text: str) -> None:
    """Run SQL as pg_dump writes it, less what only psql understands."""
    script = "\n".join(line for line in text.splitlines() if not line.startswith("\\"))
    if hasattr(dbapi, "driver_connection"):  # asyncpg prepares what goes through a cursor: one statement each
        from sqlalchemy.util import await_only

        await_only(dbapi.driver_connection.execute(script))
    else:
        execute(dbapi, script)
    dbapi.commit()


def variables(dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> dict[str, str]:
    """Return the variables that tell a command which database is meant, those of libpq too."""
    from sqlalchemy import URL

    from .postgresql import target

    found, password = target(cargs, cparams), cparams.get("password")
    host, port = ",".join(found["hosts"]), found["port"]
    url = URL.create(
        f"postgresql+{dialect.driver}",
        found["user"],
        password,
        database=found["database"],
        query={name: str(value) for name, value in (("host", host), ("port", port)) if value},
    )
    own = {"HOST": host, "PORT": port, "USER": found["user"], "PASSWORD": password, "DATABASE": found["database"]}
    named = {f"PG{name}": str(value) for name, value in own.items() if value}
    return {"DBSYNC_DATABASE_URL": url.render_as_string(hide_password=False), **named}

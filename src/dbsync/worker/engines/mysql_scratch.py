"""MySQL and MariaDB: what is put into scratch databases, and what drops those that were left."""

from __future__ import annotations

import re
from typing import Any

from .driver import dbapi_of, execute, rows_of
from .mysql_schema import literal, quote_one

# mysqldump ends each statement with a semicolon at the end of a line.
END = re.compile(r";[ \t]*$", re.MULTILINE)
COMMENT = re.compile(r"^--.*$", re.MULTILINE)


def remove_scratch(dialect: Any, cargs: list[Any], cparams: dict[str, Any], names: list[str]) -> list[str]:
    """Drop those of some scratch databases that are on the server, and return their names."""
    dbapi = dialect.connect(*cargs, **cparams)
    listed = ", ".join(map(literal, names))
    found = rows_of(dbapi, f"SELECT schema_name FROM information_schema.schemata WHERE schema_name IN ({listed})")
    for (name,) in found:
        execute(dbapi, f"DROP DATABASE IF EXISTS {quote_one(name)}")
    dbapi.close()
    return [str(name) for (name,) in found]


def run_script(dbapi: Any, text: str) -> None:
    """Run SQL as mysqldump writes it: a semicolon at the end of a line ends a statement."""
    for statement in END.split(COMMENT.sub("", text)):
        if statement.strip():
            execute(dbapi, statement)
    dbapi.commit()


def columns(connection: Any) -> dict[str, dict[str, str]]:
    """Return every table with its columns and their types."""
    found: dict[str, dict[str, str]] = {}
    statement = (
        "SELECT table_name, column_name, column_type FROM information_schema.columns JOIN information_schema.tables"
        " USING (table_schema, table_name) WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
    )
    for table, column, declared in rows_of(dbapi_of(connection), statement):
        found.setdefault(table, {})[column] = declared
    return found


def variables(dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> dict[str, str]:
    """Return the variables that tell a command which database is meant, those of the client programs too."""
    from sqlalchemy import URL

    from .mysql import target

    found, password = target(cargs, cparams), cparams.get("password") or cparams.get("passwd")
    host, socket, port = cparams.get("host"), cparams.get("unix_socket"), found["port"]
    url = URL.create(
        f"{dialect.name}+{dialect.driver}",
        found["user"],
        password,
        host,
        port,
        found["database"],
        {"unix_socket": socket} if socket else {},
    )
    own = {"HOST": host, "UNIX_PORT": socket, "TCP_PORT": port, "PWD": password}
    named = {f"MYSQL_{name}": str(value) for name, value in own.items() if value}
    return {"DBSYNC_DATABASE_URL": url.render_as_string(hide_password=False), **named}

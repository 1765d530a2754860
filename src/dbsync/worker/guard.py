"""Which databases may be opened, and when they may be written to (facts: security, C4).

Enforced where every connection of SQLAlchemy passes, so that one that env.py builds by itself is covered too, sync or
async: at `do_connect`, and once more where the driver is called, since listeners of the project may change what is
connected to. What a `creator` of the project connected to is looked at afterwards, before any statement.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Any

from .engines import adapter_for
from .failures import Stop
from .raw import RawConnections

SUPPORTED = ("sqlite", "postgresql", "mysql", "mariadb")
LOCAL_HOSTS = ("", "localhost", "host.docker.internal")
MARKER = re.compile(r"(?:^|[^a-z])(prod|production|live|staging|stage|preprod)(?:$|[^a-z])")
MARKED_VARIABLES = ("ENV", "APP_ENV", "ENVIRONMENT", "FLASK_ENV", "DJANGO_ENV", "PYTHON_ENV", "RAILS_ENV")
BEFORE = r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*"
READING = re.compile(
    BEFORE + r"(SELECT|WITH(?!.*\b(?:INSERT|UPDATE|DELETE|MERGE)\b)|PRAGMA|SHOW|SET|BEGIN|COMMIT|ROLLBACK|SAVEPOINT"
    r"|RELEASE|EXPLAIN|DESCRIBE|VALUES|$)",
    re.IGNORECASE | re.DOTALL,
)
# What env.py may do for a schema to be there; where that is a database of its own, it may not.
MAKING_SCHEMA = re.compile(BEFORE + r"CREATE\s+(?:SCHEMA|EXTENSION)\s+IF\s+NOT\s+EXISTS", re.IGNORECASE | re.DOTALL)


class Guard:
    """The rules for one run. `policy` holds `allow_hosts`, `roots` (folders an SQLite file may lie in) and `create`."""

    def __init__(self, channel: Any, policy: dict[str, Any]) -> None:
        self._channel = channel
        self._policy = policy
        self._admitted: set[str] = set()
        self._checked = False
        self._raw = RawConnections()
        self.writable: Any | None = None
        self.redirect: Any | None = None
        self.maintenance: Any | None = None

    def install(self) -> None:
        """Listen on the Engine class: every engine of this process, whoever creates it."""
        from sqlalchemy import event
        from sqlalchemy.engine import Engine
        from sqlalchemy.engine.default import DefaultDialect

        connect = DefaultDialect.connect

        def checked(dialect: Any, *cargs: Any, **cparams: Any) -> Any:
            self.check(dialect.name, adapter_for(dialect).target(list(cargs), cparams))
            with self._raw.allowed():
                return connect(dialect, *cargs, **cparams)

        DefaultDialect.connect = checked  # type: ignore[method-assign, assignment]  # the last place before the driver
        event.listen(Engine, "do_connect", self._before_connecting)
        event.listen(Engine, "connect", self._connected)
        event.listen(Engine, "before_cursor_execute", self._before_statement)
        if self.redirect is not None:
            self._raw.forbid()

    def _before_connecting(self, dialect: Any, record: Any, cargs: list[Any], cparams: dict[str, Any]) -> None:
        if dialect.name not in SUPPORTED:
            hint = "`dbsync heads` and `dbsync explain` work without it"
            raise Stop("DBS411", f"{dialect.name} is not supported yet: the database was not touched", hint)
        adapter = adapter_for(dialect)
        self._checked = True
        if self.redirect is not None:
            self.redirect.point(adapter, dialect, cargs, cparams)
            return
        target = adapter.target(cargs, cparams)
        self.check(dialect.name, target)
        if dialect.name == "sqlite":
            self._check_existence(target["path"])
        adapter.prepare(dialect, cargs, cparams)
        if self.maintenance is not None:
            self.maintenance.before(adapter, dialect, cargs, cparams)

    def check(self, dialect: str, target: dict[str, Any]) -> None:
        """Stop before a connection is made that is not to be: by its class, or by how it is named."""
        self._check_class(dialect, target)
        self._check_markers(target)

    def _check_class(self, dialect: str, target: dict[str, Any]) -> None:
        if dialect == "sqlite":
            self._check_file(target["path"])
            return
        for host in target["hosts"]:
            if not self._is_local(host):
                hint = f"if this is a development database: `git config --add dbsync.allowHost {host}`"
                raise Stop("DBS501", f"{host} is not on this machine: dbsync did not connect to it", hint)

    def _is_local(self, host: str) -> bool:
        name = host.lower()
        if name in LOCAL_HOSTS or name.startswith(("/", "@")) or name.endswith(".localhost"):
            return True
        return _is_loopback(name) or name in self._policy["allow_hosts"]

    def _check_file(self, path: str) -> None:
        if path == ":memory:":
            return
        roots = [os.path.realpath(root) for root in self._policy["roots"]]
        if not any(os.path.realpath(path).startswith(root.rstrip(os.sep) + os.sep) for root in roots):
            message = f"{path} lies outside the repository, the home folder and the temporary folder"
            raise Stop("DBS502", message, "move the development database into the repository")

    def _check_existence(self, path: str) -> None:
        """Refuse to make a file, as opening one does: that has to be allowed, and the database to be known."""
        if path == ":memory:" or os.path.exists(path):
            return
        if not self._policy["create"]:
            raise Stop("DBS403", f"there is no database at {path}", "`dbsync sync` builds it")
        self._admit({"dialect": "sqlite", "key": os.path.realpath(path), "instance": ""})

    def _check_markers(self, target: dict[str, Any]) -> None:
        names = {name: str(target.get(name) or "") for name in ("database", "user")}
        names.update({f"host {host}": host for host in target.get("hosts", ())})
        names.update({f"${name}": os.environ.get(name, "") for name in MARKED_VARIABLES})
        for name, value in names.items():
            if MARKER.search(value.lower()) and value.lower() not in self._policy["allow_hosts"]:
                message = f"{name} is named {value!r}, which looks like production: dbsync did not connect"
                hint = f"if this is a development database: `git config --add dbsync.allowHost {value}`"
                raise Stop("DBS503", message, hint)

    def _connected(self, dbapi_connection: Any, record: Any) -> None:
        name = _dialect_of(dbapi_connection)
        adapter = adapter_for(name)
        checked, self._checked = self._checked, False
        if self.redirect is not None:
            if not checked:
                message = "env.py makes its connections by `creator`, so they lead to one database only"
                raise Stop("DBS420", message, "let it connect by `create_engine` with a URL")
            adapter.settle(dbapi_connection)
            return
        if not checked:
            self.check(name, adapter.reached(dbapi_connection))
        answer = self._admit(adapter.identity(dbapi_connection))
        adapter.settle(dbapi_connection)
        for one in answer.get("dead", ()):
            adapter.end(dbapi_connection, one)

    def _admit(self, identity: dict[str, Any] | None) -> dict[str, Any]:
        """Return what dbsync answers; nothing the second time."""
        if identity is None or identity["key"] in self._admitted:
            return {}
        answer: dict[str, Any] = self._channel.ask("database", identity=identity)
        if answer.get("stop"):
            raise Stop(answer["code"], answer["message"], answer.get("hint", ""))
        self._admitted.add(identity["key"])
        return answer

    def _before_statement(self, conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if READING.match(statement):
            return
        adapter = adapter_for(conn.dialect)
        if self.writable is not None and conn is self.writable:
            other = adapter.elsewhere(conn, statement) if not adapter.ROLLS_BACK_DDL else ""
            if other:
                message = f"a revision names another database than its own, which could not be put back: {other}"
                raise Stop("DBS406", message, "run it by hand with `alembic upgrade`")
            return
        if adapter.ROLLS_BACK_DDL and MAKING_SCHEMA.match(statement):
            return
        if self.redirect is not None:
            self.redirect.keep_in(conn, statement)
            return
        words = " ".join(statement.split())[:60]
        if self.writable is not None:
            message = f"a revision writes through a second connection, which cannot be rolled back: {words}"
            raise Stop("DBS406", message, "run it by hand with `alembic upgrade`")
        message = f"the application changes the database while env.py loads it: {words}"
        raise Stop("DBS405", message, "take create_all out of what env.py imports, then `dbsync sync`")


def _is_loopback(name: str) -> bool:
    """Say whether a name is a loopback address: 127.example.com is not, and no name is ever resolved."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _dialect_of(dbapi_connection: Any) -> str:
    module = type(dbapi_connection).__module__.lower()
    if any(name in module for name in ("mysql", "mariadb", "asyncmy")):
        return "mysql"
    return "sqlite" if "sqlite" in module else "postgresql"

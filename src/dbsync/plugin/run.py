"""What one run of Alembic did to one version table, as it was heard."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.ledger.ledger import file_name
from dbsync.worker.engines import adapter_for

if TYPE_CHECKING:
    from dbsync.plugin.repository import Repository


class Step(NamedTuple):
    """One step that was done: `script` is Alembic's, `source` its file then; neither for a stamp and on the way down.

    `heads` are the version table's rows after it, `change` what SQLite counts its schema's changes by.
    """

    id: str
    heads: list[str]
    script: Any = None
    source: bytes = b""
    seconds: float = 0.0
    change: Any = None


class Run:
    """The steps of one version table on one connection; those that are rolled back are forgotten."""

    def __init__(self, context: Any, heads: Any, repository: Repository) -> None:
        self.adapter = adapter_for(context.dialect)
        self.repository = repository
        self.schema = context.version_table_schema or self.adapter.own_schema(context.connection)
        self.version_table = context.version_table
        self.track = f"{self.schema}.{self.version_table}" if self.schema else self.version_table
        self.before = sorted(heads)
        self.stamp = self.adapter.stamp(context.connection, self.version_table)
        self.steps: list[Step] = []
        self._committed = 0
        self.go_on(context)

    def go_on(self, context: Any) -> None:
        """Hear what another run on the same connection does, which starts where this one ended."""
        self.context = context
        self._since = time.monotonic()

    @property
    def heads(self) -> list[str]:
        """The rows that the version table should hold now."""
        return self.steps[-1].heads if self.steps else self.before

    def add(self, info: Any, heads: Any) -> None:
        """Take down what Alembic says of a step."""
        now = time.monotonic()
        change = self.adapter.evidence(self.context.connection) if self.stamp else None
        step = Step(info.up_revision_id, sorted(heads), seconds=round(now - self._since, 4), change=change)
        if info.is_upgrade and not info.is_stamp:
            script = info.revision_map.get_revision(info.up_revision_id)
            step = step._replace(script=script, source=source_of(script))
        self.steps.append(step)
        self._since = now

    def committing(self) -> None:
        """Hear that everything done so far is about to be committed."""
        self._committed = len(self.steps)

    def rolled_back(self) -> None:
        """Hear that what was not committed is gone."""
        del self.steps[self._committed :]

    def stamp_now(self, dbapi: Any) -> str:
        """Return the schema's stamp, "" where something changed the schema after the last step, or half of one did."""
        if not self.stamp or self.adapter.evidence(dbapi) != self.steps[-1].change:
            return ""
        return str(self.adapter.stamp(dbapi, self.version_table))

    def rows(self, dbapi: Any) -> list[str]:
        """Return what the version table holds; another session that keeps it locked is not waited for."""
        found: list[str] = self.adapter.versions(dbapi, self.schema, self.version_table)
        return found


def is_followed(connection: Any, repository: Repository) -> bool:
    """Whether a database may be one that was given to dbsync; a server is not asked in the middle of a transaction."""
    name = connection.dialect.name
    return name in ("postgresql", "mysql", "mariadb") or (
        name == "sqlite" and ledger_path(adapter_for(name).identity(connection), repository) is not None
    )


def ledger_path(identity: dict[str, Any] | None, repository: Repository) -> str | None:
    """Return where the ledger of a database lies, None where it was not given to dbsync."""
    path = repository.database(file_name(identity["key"])) if identity else ""
    return path if os.path.exists(path) else None


def source_of(script: Any) -> bytes:
    """Return what is in the file of one of Alembic's scripts."""
    with open(script.path, "rb") as file:
        return file.read()

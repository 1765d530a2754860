"""Where Alembic and SQLAlchemy are listened to, all of it by what they document.

Alembic asks a function for the steps (EnvironmentContext's `fn`) and calls back after each (`on_version_apply`).
SQLAlchemy says when a connection commits or rolls back, and when it goes back to its pool: only then it is known what
became of the steps, and nothing is written into a transaction of the project's. What costs is imported when there is
something to record.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from dbsync.plugin.repository import Repository
    from dbsync.plugin.run import Run

# Where the runs lie in the `info` of a connection.
KEY = "dbsync_runs"


def with_listener(environment: Any, repository: Repository, kw: dict[str, Any]) -> dict[str, Any]:
    """Return the options of `configure()` with our callback; the function of steps is replaced once."""
    options = environment.context_opts
    function = options.get("fn")
    if function is None:
        return kw
    if not isinstance(function, Steps):
        options["fn"] = Steps(function, repository)
    given = kw.get("on_version_apply")
    others = () if given is None else tuple(given) if isinstance(given, (list, tuple, set)) else (given,)
    return {**kw, "on_version_apply": (*others, _applied)}


class Steps:
    """Alembic's function of steps. What it returns is passed on as it is."""

    def __init__(self, function: Any, repository: Repository) -> None:
        self._function = function
        self._repository = repository

    def __call__(self, heads: Any, context: Any) -> Any:
        """Return the steps; where there are any, what they start from is noted."""
        steps = self._function(heads, context)
        if not isinstance(steps, (list, tuple)) or steps:  # a command that only looks has none
            _begin(context, heads, self._repository)
        return steps


def harmless(function: Callable[..., None]) -> Callable[..., None]:
    """Let nothing that goes wrong in here be noticed by Alembic or SQLAlchemy: then nothing is recorded."""

    def call(*args: Any, **kw: Any) -> None:
        try:
            function(*args, **kw)
        except Exception:  # noqa: BLE001 - whatever it is, the project's run must be what it is without us
            return

    return call


@harmless
def _begin(context: Any, heads: Any, repository: Repository) -> None:
    from dbsync.plugin.run import Run, is_followed

    connection = context.connection
    if context.as_sql or not is_followed(connection, repository):
        return
    runs = connection.info.setdefault(KEY, {})
    run = Run(context, heads, repository)
    known = runs.setdefault(run.track, run)
    if known.heads == run.before:
        known.go_on(context)
    else:
        runs[run.track] = run
    _hear(connection)


def _hear(connection: Any) -> None:
    from sqlalchemy import event

    for name in ("commit", "commit_twophase"):
        event.listen(connection, name, _committing)
    for name in ("rollback", "rollback_twophase"):
        event.listen(connection, name, _rolling_back)
    event.listen(connection.engine, "checkin", _returned)


@harmless
def _applied(ctx: Any, step: Any, heads: Any, **rest: Any) -> None:
    """Hear from Alembic that a step was done; `heads` are the version table's rows after it."""
    runs = ctx.connection.info.pop(KEY, {})  # gone if this fails: half of a run would be wrong
    for run in runs.values():
        if run.context is ctx:
            run.add(step, heads)
    ctx.connection.info[KEY] = runs


@harmless
def _committing(connection: Any, *rest: Any) -> None:
    for run in connection.info.get(KEY, {}).values():
        run.committing()


@harmless
def _rolling_back(connection: Any, *rest: Any) -> None:
    for run in connection.info.get(KEY, {}).values():
        run.rolled_back()


@harmless
def _returned(dbapi: Any, entry: Any) -> None:
    """Record what is in the database now, while the connection goes back to its pool."""
    runs = entry.info.pop(KEY, None)
    for run in runs.values() if runs and dbapi is not None else ():
        run.rolled_back()  # what was not committed is gone
        _record(run, dbapi)


@harmless
def _record(run: Run, dbapi: Any) -> None:
    try:
        from dbsync.plugin.record import record

        record(run, dbapi)
    finally:
        dbapi.rollback()

"""Turning the worker's last word into one obstacle: one sentence, the place, the next command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbsync.errors import Obstacle
from dbsync.plan.ordinary import HOOK_BUDGET_SECONDS

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.environment.client import WorkerDiedError

# What drivers say: SQLAlchemy wraps them all in OperationalError, asyncpg's have types of their own.
UNREACHABLE = (
    "connection refused",
    "can't connect to",
    "could not connect",
    "connect call failed",
    "could not translate",
    "failed to resolve",
    "name or service not known",
    "starting up",
    "shutting down",
    "timed out",
    "timeout expired",
)
NO_SOCKET = "no such file or directory"  # at the end: what env.py opens is named after it
LOGIN = ("access denied for user", "authentication failed", "no password supplied", "no pg_hba.conf entry", 'role "')
NETWORK = frozenset({"ConnectionRefusedError", "DBAPIError", "OSError", "OperationalError", "TimeoutError", "gaierror"})
NETWORK |= {"CannotConnectNowError", "ConnectionDoesNotExistError", "ConnectionResetError", "FileNotFoundError"}
REFUSED = frozenset(
    {"DBAPIError", "InvalidAuthorizationSpecificationError", "InvalidPasswordError", "OperationalError"}
)


def obstacle_of(last: dict[str, Any], environment: Environment) -> Obstacle:
    """Return why a run failed."""
    found = _obstacle_of(last, environment)
    return found._replace(hint=environment.as_typed(found.hint))


def _obstacle_of(last: dict[str, Any], environment: Environment) -> Obstacle:
    stop, step = last.get("stop"), last.get("step")
    if stop:
        where = f"revision {step['revision']}: " if step and stop["code"] in ("DBS404", "DBS406") else ""
        return Obstacle(stop["code"], where + stop["message"], stop["hint"])
    error = last["error"]
    if step:
        return _step_failed(step, error, _left(last))
    return _database_failed(error) or _env_failed(error, environment)


def died(error: WorkerDiedError, environment: Environment, runner: str | None) -> Obstacle:
    """Return why the worker said nothing at all."""
    lines = [line for line in error.output.strip().splitlines() if line.strip()]
    reason = lines[-1] if lines else f"exit status {error.returncode}"
    if error.late:
        message = f"it was not done after the {HOOK_BUDGET_SECONDS:.0f} s that a hook has: {reason}"
        return Obstacle("DBS304", message, "`dbsync sync` takes the time that it needs")
    if runner and not error.began:
        return Obstacle("DBS417", f"the runner `{runner}` did not start: {reason}", "start it, then `dbsync sync`")
    message = f"the project's Python ended {'in the middle' if error.began else 'without an answer'}: {reason}"
    return Obstacle("DBS415", message, "`dbsync status` names the interpreter", environment.config_path or None)


def _left(last: dict[str, Any]) -> str:
    """Return what became of the database when a step had failed."""
    if last.get("kept"):
        why = last["not_put_back"]
        return f"and could not be taken back ({why})" if why else "and what was there before was put back"
    stays = last.get("partly_committed") or last.get("kept") is False
    return "after a part that was committed and stays" if stays else "and was rolled back"


def _step_failed(step: dict[str, Any], error: dict[str, Any], left: str) -> Obstacle:
    way = "downgrade" if step["direction"] == "down" else "upgrade"
    if step.get("loading"):
        message = f"revision {step['revision']} cannot be loaded: {_said(error)}"
    else:
        message = f"the {way} of {step['revision']} failed {left}: {_said(error)}"
    hint = "correct the revision, then `dbsync sync`"
    if error["type"] == "NotImplementedError":
        hint = "the revision has no way back: `alembic stamp` or a new database are what is left"
    if way == "upgrade" and "already exists" in error["message"]:
        hint = "where the database is ahead of its version table `alembic stamp` says so; else correct the revision"
    return Obstacle("DBS413", message, hint, error.get("path"), error.get("line"))


def _database_failed(error: dict[str, Any]) -> Obstacle | None:
    said = error["message"].lower()
    if "file is not a database" in said or "file is encrypted" in said:
        return Obstacle("DBS402", "the database file is not an SQLite database", "move it away, then `dbsync sync`")
    reason = error["message"].rpartition("FATAL:")[2].strip()
    if error["type"] in REFUSED and any(words in said for words in LOGIN):
        return Obstacle("DBS416", f"the server refused the login: {reason}", "correct the project's settings")
    if error["type"] in REFUSED | {"InvalidCatalogNameError"} and ('database "' in said or "unknown database" in said):
        return Obstacle("DBS403", f"the server has no such database: {reason}", "create it, then `dbsync sync`")
    if error["type"] in NETWORK and (said.endswith(NO_SOCKET) or any(words in said for words in UNREACHABLE)):
        return Obstacle("DBS401", f"the database does not answer: {reason}", "start the server, then `dbsync sync`")
    if "database is locked" in said:
        return Obstacle("DBS404", "the database is locked by another process", "end it, then `dbsync sync`")
    return None


def _env_failed(error: dict[str, Any], environment: Environment) -> Obstacle:
    message = f"env.py cannot be loaded: {_said(error)}"
    hint = "set what it needs, then try again"
    if error["type"] in ("ModuleNotFoundError", "ImportError"):
        hint = "install it for the project's Python; `dbsync doctor` names that"
    path = error.get("path") or f"{environment.script_location}/env.py"
    return Obstacle("DBS414", message, hint, path, error.get("line"))


def _said(error: dict[str, Any]) -> str:
    return f"{error['type']}: {error['message']}" if error["message"] else str(error["type"])

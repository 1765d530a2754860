"""Joining the revision heads of an environment: Alembic writes the merge revision, in the project's own Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.environment.client import WorkerDiedError, converse
from dbsync.errors import DbsyncError
from dbsync.sync.failures import died
from dbsync.sync.request import launch, request_for
from dbsync.sync.sound import refusal
from dbsync.sync.target import read_target

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.sync.project import Project


class Joined(NamedTuple):
    """The heads that an environment had; where there were several, the merge revision and its file."""

    environment: Environment
    heads: tuple[str, ...]
    revision: str = ""
    path: str = ""


def join_heads(project: Project, environment: Environment, message: str | None) -> Joined:
    """Write the revision that joins all heads, by the project's template. Connects to no database."""
    target = read_target(project, environment)
    heads = target.map.declared_heads
    if len(heads) < 2:  # noqa: PLR2004 - one has nothing to be joined with
        return Joined(environment, heads)
    options = {
        "heads": list(heads),
        "message": message or f"merge {' and '.join(heads)}",
        "version_location": _version_location(environment, target.map.revisions[heads[0]].path),
    }
    last = _ask(project, environment, request_for(project, target, "merge", **options))
    if last["event"] != "done":
        raise _failure(last, environment)
    return Joined(environment, heads, last["revision"], last["path"])


def _version_location(environment: Environment, path: str) -> str | None:
    """Return the version location that a file lies in, where Alembic has a choice of several."""
    if len(environment.version_locations) < 2:  # noqa: PLR2004 - no choice
        return None
    around = [one for one in environment.version_locations if path.startswith(f"{one}/")]
    return max(around, key=len, default=None)


def _ask(project: Project, environment: Environment, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return converse(launch(project, environment), request, lambda _: None).last
    except WorkerDiedError as error:
        raise refusal(died(error, environment, project.settings.runner_for(environment.name))) from error


def _failure(last: dict[str, Any], environment: Environment) -> DbsyncError:
    if "stop" in last:
        stop = last["stop"]
        return DbsyncError(stop["message"], stop["hint"], code=stop["code"])
    error = last["error"]
    where = f" ({error['path']}:{error['line']})" if error["path"] else ""
    message = (
        f"{environment.name}: Alembic did not write the merge revision: {error['type']}: {error['message']}{where}"
    )
    return DbsyncError(message, "correct that, then `dbsync merge`")

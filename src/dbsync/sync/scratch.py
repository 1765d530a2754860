"""Scratch databases that judging left on servers: dropped where the server answers, named where it does not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.environment.client import WorkerDiedError, converse
from dbsync.errors import DbsyncError
from dbsync.sync.request import launch, request_for
from dbsync.sync.target import read_target

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.sync.project import Project


class Removed(NamedTuple):
    """The databases that were dropped, and those that may be on a server that did not answer."""

    dropped: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def remove_scratch(project: Project) -> Removed:
    """Drop what may be on servers. Files of the state folder are left to who asks."""
    from dbsync.environment.server import remove_server

    remove_server(project.repository.state_dir)
    names = _names(project)
    if not names:
        return Removed()
    dropped: list[str] = []
    answered = True
    for environment in project.environments()[0]:
        found = _remove(project, environment, names)
        answered = answered and found is not None
        dropped += found or []
    return Removed(tuple(dropped), () if answered else tuple(name for name in names if name not in dropped))


def _names(project: Project) -> list[str]:
    """Return the names of those that are not files here: each has a record of what it holds."""
    folder = project.layout.path("shadows")
    listed = os.listdir(folder) if os.path.isdir(folder) else []
    stems = {name[: -len(".json")] for name in listed if name.endswith(".json")}
    return sorted(f"dbsync_shadow_{one}" for one in stems if f"{one}.sqlite" not in listed)


def _remove(project: Project, environment: Environment, names: list[str]) -> list[str] | None:
    """Ask one environment's server; None where it does not answer."""
    found: list[list[str]] = []

    def answer(event: dict[str, Any]) -> None:
        if event["event"] == "removed":
            found.append(event["names"])

    shadow = {"names": names, "url": project.scratch_url}
    target = read_target(project, environment)
    try:
        request = request_for(project, target, "remove", create=True, shadow=shadow)
        converse(launch(project, environment), request, answer)
    except (DbsyncError, WorkerDiedError):
        return None
    return found[0] if found else None

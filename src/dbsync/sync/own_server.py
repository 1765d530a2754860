"""When scratch databases go to a PostgreSQL of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbsync.errors import Obstacle
from dbsync.store.layout import write_private

if TYPE_CHECKING:
    from dbsync.sync.project import Project

WITHOUT = "DBS418"
NO_SERVER = (
    "start it; or `pip install 'git-dbsync[postgres]'` beside dbsync, which brings a PostgreSQL for this; or"
    " `git config dbsync.shadowUrl` with the URL of a server for scratch databases"
)


def is_without_server(last: dict[str, Any]) -> bool:
    """Say whether a run ended since no scratch database could be made where one of our own would do."""
    stop = last.get("stop") or {}
    return stop.get("code") == WITHOUT and stop.get("dialect") == "postgresql"


def has_own_server(project: Project) -> bool:
    """Start it where it is installed, nothing else is configured, and it was not tried before."""
    from dbsync.environment.server import ServerError, is_installed, start_server

    if project.scratch_url or not is_installed():
        return False
    try:
        project.own_server = start_server(project.repository.state_dir)
    except ServerError:
        return False
    return True


def own_server_note(project: Project) -> list[Obstacle]:
    """Say once in a clone that it was not the project's server that judged."""
    if project.own_server is None:
        return []
    version = project.own_server.version
    if not first_time(project, f"server {version}"):
        return []
    message = f"judged on a PostgreSQL {version} of dbsync's own, since the project's server made no scratch database"
    hint = "if that has another version: `git config dbsync.shadowUrl` with the URL of one that is the same"
    return [Obstacle("DBS223", message, hint)]


def first_time(project: Project, what: str) -> bool:
    """Say whether something was not said before in this clone, and remember that it was."""
    path = project.layout.path("shadows", "said")
    try:
        with open(path, encoding="utf-8") as file:
            said = file.read().splitlines()
    except OSError:
        said = []
    if what in said:
        return False
    project.layout.folder("shadows")
    write_private(path, "\n".join([*said, what]))
    return True

"""`dbsync status`: database, files and Git in one view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.commands.context import Report
from dbsync.errors import EXIT_FINDING, EXIT_OK, EXIT_USAGE, Obstacle
from dbsync.git.operation import operation
from dbsync.store.pending import read_pending
from dbsync.sync.remember import remember
from dbsync.sync.status import EnvironmentStatus, as_json, environment_status

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context


class Status(NamedTuple):
    """All that `status` shows; `interpreters` names the project's Python of every environment."""

    environments: list[EnvironmentStatus]
    obstacles: list[Obstacle]
    head: str | None
    branch: str | None
    operation: str | None
    pending: str

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form (version 1)."""
        moving = [one for env in self.environments for one in env.databases if one.state == "in_progress"]
        return {
            "version": 1,
            "environments": [as_json(one) for one in self.environments],
            "obstacles": [one.as_json() for one in self.obstacles],
            "git": {"head": self.head, "branch": self.branch, "operation": self.operation},
            "in_progress": moving[0].database if moving else None,
            "pending": self.pending or None,
        }


def run(context: Context, options: Namespace) -> Report:
    """Look at everything and change nothing; with `exit_code`, 1 where something is not in sync."""
    project = context.project()
    environments, obstacles = project.environments()
    statuses = [environment_status(project, one) for one in environments]
    remember(project, [] if obstacles else statuses)
    repository = project.repository
    status = Status(
        statuses,
        obstacles,
        repository.head_commit(),
        repository.branch(),
        operation(repository),
        read_pending(repository.git_dir),
    )
    if not environments and obstacles:
        return Report(EXIT_USAGE, status)
    differs = obstacles or any(one.obstacles or any(db.state != "in_sync" for db in one.databases) for one in statuses)
    return Report(EXIT_FINDING if options.exit_code and differs else EXIT_OK, status)

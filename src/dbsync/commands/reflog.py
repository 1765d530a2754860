"""`dbsync reflog`: what was done to the databases, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.commands.context import Report
from dbsync.commands.sync import require_initialised
from dbsync.errors import EXIT_OK
from dbsync.sync.operations import operations

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context
    from dbsync.sync.operations import Done


class Reflog(NamedTuple):
    """The operations that are still known."""

    done: list[Done]

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form (version 1)."""
        return {"version": 1, "operations": [_as_json(one) for one in self.done]}


def _as_json(one: Done) -> dict[str, Any]:
    facts = one.operation.facts
    return {
        "database": one.name,
        "version_table": one.operation.track,
        "started": one.operation.started,
        "state": one.operation.state,
        "by": facts.get("by", ""),
        "branch": facts.get("branch", ""),
        "commit": facts.get("commit", ""),
        "before": facts["before"],
        "after": facts["after"],
        "down": facts.get("down", []),
        "up": facts.get("up", []),
        "copy": one.copy_size or None,
    }


def run(context: Context, options: Namespace) -> Report:  # noqa: ARG001 - every verb has the same form
    """List the operations."""
    project = context.project()
    require_initialised(project)
    return Report(EXIT_OK, Reflog(operations(project)))

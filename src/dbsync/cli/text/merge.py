"""`merge`: one line an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console
from dbsync.cli.text import edited

if TYPE_CHECKING:
    from dbsync.commands.merge import Merged
    from dbsync.sync.join import Joined


def show(value: Merged) -> None:
    """Show the merge revisions that were written."""
    for one in value.environments:
        name = one.environment.name if len(value.environments) > 1 else "dbsync"
        console.say(console.clean(f"{name}: {_line(one)}"))
    if value.followed is not None:
        edited.show(value.followed)
    for obstacle in value.obstacles:
        console.obstacle(obstacle)


def _line(one: Joined) -> str:
    heads = ", ".join(one.heads)
    return f"{one.revision} joins {heads}  {one.path}" if one.path else f"nothing to join: revision head {heads}"

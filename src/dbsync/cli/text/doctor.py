"""What the doctor found, a line a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console

if TYPE_CHECKING:
    from dbsync.commands.doctor import Diagnosis


def show(value: Diagnosis) -> None:
    """Show what was mended, then every part: ok, or what is wrong and the command that mends it."""
    for done in value.fixed:
        console.say(console.clean(f"fixed: {done}"))
    for part in value.parts:
        console.data(console.clean(f"{'ok ' if part.obstacle is None else 'BAD'}  {part.what}: {part.how}"))
        if part.obstacle:
            console.data(console.clean(f"     {part.obstacle.message}"))
            console.data(console.clean(f"     {part.obstacle.hint}"))

"""`reflog` in lines: one an operation, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console
from dbsync.cli.text.shelf import age, size
from dbsync.cli.text.sync import heads_of

if TYPE_CHECKING:
    from dbsync.commands.reflog import Reflog
    from dbsync.sync.operations import Done


def show(value: Reflog) -> None:
    """Show every operation, or that there is none."""
    for number, one in enumerate(value.done):
        console.data(console.clean(_line(number, one)))
    if not value.done:
        console.say("dbsync: nothing was done yet")


def _line(number: int, one: Done) -> str:
    operation = one.operation
    facts = operation.facts
    steps = f"-{len(facts['down'])} +{len(facts['up'])}" if "up" in facts else ""
    parts = [
        f"{one.name}@{{{number}}}",
        f"{age(operation.started)} ago",
        facts.get("by") or "sync",
        steps,
        f"{heads_of(tuple(facts['before']))} -> {heads_of(tuple(facts['after']))}",
        facts.get("branch") or facts.get("commit", "")[:12],
        operation.state if operation.state != "done" else "",
        f"copy kept, {size(one.copy_size)}" if one.copy_size else "",
    ]
    return "  ".join(part for part in parts if part)

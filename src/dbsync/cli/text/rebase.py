"""`rebase`: one line a revision that was moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console
from dbsync.cli.text import edited

if TYPE_CHECKING:
    from dbsync.commands.rebase import Rebased
    from dbsync.sync.reparent import Edit, Reparenting


def show(value: Rebased) -> None:
    """Show what was moved, or would be: a dry run's answer is data."""
    for one in value.environments:
        name = f"{one.environment.name}: " if len(value.environments) > 1 else ""
        for edit in one.edits:
            _write(value, name + _line(edit))
        for note in _notes(one):
            console.say(console.clean(f"{name or 'dbsync: '}{note}"))
    if value.followed is not None:
        edited.show(value.followed)
    for obstacle in value.obstacles:
        console.obstacle(obstacle)


def _write(value: Rebased, line: str) -> None:
    if value.followed is None:
        console.data(console.clean(line))
    else:
        console.say(console.clean(f"dbsync: {line}"))


def _line(edit: Edit) -> str:
    revision = edit.revision
    return f"{revision.id} on top of {_ids(edit.parents)}, was on {_ids(revision.down_revision)}  {revision.path}"


def _notes(one: Reparenting) -> list[str]:
    heads, notes = _ids(one.heads), []
    if not one.edits:
        plural = "s" if len(one.heads) > 1 else ""
        notes.append(f"nothing to put on top of {one.onto}: revision head{plural} {heads}")
    elif len(one.heads) > 1:
        notes.append(f"{len(one.heads)} revision heads are left: {heads}; `dbsync merge` joins them")
    if one.ahead:
        notes.append(f"{one.onto} has {_ids(one.ahead)} too, which is not in the work tree yet")
    return notes


def _ids(ids: tuple[str, ...]) -> str:
    return ", ".join(ids)

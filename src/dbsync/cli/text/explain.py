"""`explain` in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console

if TYPE_CHECKING:
    from dbsync.commands.explain import Explained


def show(value: list[Explained]) -> None:
    """Show where each is and what a sync would do with it."""
    for one in value:
        _show(one)


def _show(one: Explained) -> None:
    if not (one.found or one.applied):
        console.say(f"error: {console.clean(one.revision)} is in no file, no ledger and no commit of this repository")
        console.say("hint: `git fetch --all`, then ask again")
        return
    doc = one.found.revision.doc if one.found else ""
    console.data(console.clean(f"{one.revision}{f'  {doc}' if doc else ''}  ({one.environment})"))
    for database, entry in one.applied:
        when = f" since {entry.applied_at}" if entry.applied_at else ""
        how = " (observed later)" if entry.observed else ""
        on = f", from git branch {entry.branch}" if entry.branch else ""
        console.data(console.clean(f"  applied to {database}{when}{on}{how}"))
    if one.found:
        _show_source(one)
    console.data(f"  a sync would {_would(one)}")


def _show_source(one: Explained) -> None:
    found = one.found
    if found is None:
        return
    where = f"commit {found.commit[:12]}" if found.commit else "a file that is not committed, or the ledger"
    on = f" (on {one.branches})" if one.branches else ""
    console.data(console.clean(f"  its source: {found.revision.path} in {where}{on}"))


def _would(one: Explained) -> str:
    if one.in_work_tree:
        return "leave it" if one.applied else "apply it"
    return "take it down" if one.applied else "do nothing: it is neither applied nor in the work tree"

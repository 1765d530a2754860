"""`status` for people: one paragraph an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console
from dbsync.cli.text.in_sync import in_sync_lines
from dbsync.sync.held import words
from dbsync.sync.status import as_json

if TYPE_CHECKING:
    from dbsync.commands.status import Status
    from dbsync.sync.status import DatabaseStatus, EnvironmentStatus

WORDS = {
    "in_sync": "in sync",
    "behind": "behind: revisions are pending",
    "ahead": "ahead: revisions are applied that are not in the work tree",
    "diverged": "diverged from the work tree",
    "forked": "at the fork of several revision heads",
    "pending_sync": "a sync is pending",
    "no_database": "there is no database",
    "in_progress": "a sync is in progress",
    "interrupted": "a sync was interrupted; the next `dbsync sync` finishes or rolls back",
    "dirty": "dirty: a sync was interrupted half-way; `dbsync repair` says what there is to do",
    "blocked": "cannot be moved",
    "refused": "refused",
    "unreachable": "cannot be reached; this is what was last known",
}


def show(value: Status) -> None:
    """Show where Git is, then every environment."""
    at = value.branch or (value.head or "")[:12] or "no commit"
    during = f", in the middle of a {value.operation}" if value.operation else ""
    console.data(f"git: {console.clean(at)}{during}")
    for one in value.environments:
        _show_environment(one)
    for obstacle in value.obstacles:
        console.obstacle(obstacle)


def _show_environment(status: EnvironmentStatus) -> None:
    facts = as_json(status)
    first, *_ = in_sync_lines(facts)
    console.data(first + (f", held {words(status.held)}" if status.held else ""))
    for one in status.databases:
        _show_database(one)
    for stray in status.target.strays:
        console.data(console.clean(f"  stray      {stray.id} ({stray.path}): untracked, its parent is not here"))
    for obstacle in status.obstacles:
        console.obstacle(obstacle)


def _show_database(one: DatabaseStatus) -> None:
    current = console.clean(", ".join(one.seen.heads) or "base")
    again = ", recreated since" if one.seen.recreated else ""
    console.data(f"  {console.clean(one.database)} at {current}{again}: {WORDS.get(one.state, one.state)}")
    for name, ids in (*one.difference._asdict().items(), ("missing", one.applied.missing)):
        if ids:
            console.data(f"  {name.replace('_', '-'):10} {console.clean(', '.join(ids))}")
    observed = sum(entry.observed for entry in one.applied.entries)
    if observed:
        console.data(
            f"  {observed} of {len(one.applied.entries)} applied revisions were observed later, not seen when applied;"
            " `dbsync doctor` compares"
        )

"""What `init` found and did."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from dbsync.cli import console
from dbsync.cli.text import sync
from dbsync.commands.sync import Synced
from dbsync.git.hooks import HOOKS

if TYPE_CHECKING:
    from dbsync.commands.init import Initialised, Prepared
    from dbsync.sync.adoption import Adopted

MOST_DIFFERENCES = 10


def show(value: Initialised) -> None:
    """Show every environment and its databases, then the hooks, then what needs a person."""
    for one in value.prepared:
        _show_prepared(one)
    for obstacle in value.obstacles:
        console.obstacle(obstacle)
    _show_hooks(value)
    for place in value.creators:
        console.say(console.clean(f"note: {place} builds the schema by itself: that works against migrations"))
    for key, proposal in value.proposals.items():
        for wanted in proposal if isinstance(proposal, list) else [proposal]:
            command = f"git config --add dbsync.{key} {shlex.quote(str(wanted))}"
            console.say(console.clean(f"note: pyproject.toml proposes {key}: `{command}` accepts it"))
    if value.synced:
        sync.show(Synced(value.synced, []), by_hook=True)
    _show_differing(value)


def _show_prepared(one: Prepared) -> None:
    for adopted in one.adopted:
        _show_adopted(one.environment.name, adopted)
    for obstacle in one.obstacles:
        console.say(console.clean(f"dbsync: {one.environment.name}:"))
        console.obstacle(obstacle)


def _show_adopted(environment: str, adopted: Adopted) -> None:
    candidate = adopted.candidate
    where = f" at {candidate.host}" if candidate.host else ""
    size = f"{candidate.size / 1e6:.1f} MB"
    at = ", ".join(candidate.seen.heads) or "base"
    facts = f"{candidate.seen.facts['dialect']}, {size}, at {at}"
    console.say(console.clean(f"dbsync: {environment}: {candidate.name}{where} ({facts}) follows Git now"))
    for session in candidate.sessions:
        console.say(console.clean(f"  also connected: {session}"))
    for obstacle in adopted.applied.obstacles:
        console.obstacle(obstacle)
    _show_comparison(adopted)


def _show_comparison(adopted: Adopted) -> None:
    found = adopted.comparison
    if found.why_not:
        console.say(console.clean(f"note: its schema was not compared with a fresh build: {found.why_not}"))
    differences = [f"  - {line}" for line in found.missing] + [f"  + {line}" for line in found.extra]
    if differences:
        console.say("note: its schema is not what its revisions make (-: only in a fresh build, +: only here):")
    for line in differences[:MOST_DIFFERENCES]:
        console.say(console.clean(line))
    if len(differences) > MOST_DIFFERENCES:
        console.say(f"  and {len(differences) - MOST_DIFFERENCES} more")


def _show_hooks(value: Initialised) -> None:
    if value.hooks is None:
        return
    left = len(value.hooks.not_written)
    if left:
        console.say(
            f"warning: {left} of {len(HOOKS)} hooks are not installed: the database does not follow by them yet"
        )
    elif value.hooks.changed:
        console.say("dbsync: hooks installed; `dbsync uninstall` takes them out")
    for path, line in value.hooks.not_written:
        console.say(console.clean(f"note: {path} is shared, so dbsync does not write it; add this line: {line}"))


def _show_differing(value: Initialised) -> None:
    differing = any(one.state != "in_sync" for status in value.statuses for one in status.databases)
    if differing and not value.synced:
        console.say("hint: `dbsync sync --dry-run` shows what a sync would do, `dbsync sync` does it")

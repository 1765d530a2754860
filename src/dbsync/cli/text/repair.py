"""What was left half-way, and what came of putting it right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console
from dbsync.cli.text import sync
from dbsync.cli.text.sync import heads_of
from dbsync.commands.sync import Synced

if TYPE_CHECKING:
    from dbsync.commands.repair import Repaired
    from dbsync.sync.repair import HalfWay

KEPT = (
    "  `dbsync repair --restore` puts back what it was before: schema, rows and version table",
    "  `dbsync repair --again` does so, then runs the sync again",
)
UNKEPT = ("  it was too large to be kept, so there is nothing to put back",)
BY_HAND = "  `dbsync repair --done` takes it as it is now, once you have put it right by hand"


def show(value: Repaired) -> None:
    """Show the choices, or what was done."""
    if not value.found:
        console.say("dbsync: there is nothing to repair")
    elif not value.outcomes:
        for one in value.found:
            _show_choices(one)
    for outcome in value.outcomes:
        for moved in outcome.moved:
            console.say(console.clean(f"dbsync: {moved.database} is at {heads_of(moved.after)} again"))
        for obstacle in outcome.obstacles:
            console.obstacle(obstacle)
    if value.again is not None:
        sync.show(Synced(value.again, []))


def _show_choices(one: HalfWay) -> None:
    facts = one.operation.facts
    heads = f"{heads_of(facts['before'])} -> {heads_of(facts['after'])}"
    began = f"{one.operation.started}, {facts.get('by', 'sync')}, {heads}"
    console.say(console.clean(f"dbsync: {one.name} was left half-way ({began})"))
    for line in (*(KEPT if one.kept else UNKEPT), BY_HAND):
        console.say(line)

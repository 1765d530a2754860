"""`dbsync repair`: databases that a sync left half-way, where nothing is rolled back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.commands.context import Report, exit_code_of
from dbsync.commands.sync import require_initialised
from dbsync.errors import EXIT_FINDING, EXIT_LOCKED, EXIT_OK
from dbsync.sync.catch_up import Result, catch_up
from dbsync.sync.repair import DONE, RESTORE, HalfWay, found_half_way, repair
from dbsync.sync.rules import Rules

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context
    from dbsync.sync.outcome import Outcome


class Repaired(NamedTuple):
    """What was `found` half-way, the `outcomes` of settling it, and what came of running it `again`, if it was."""

    found: list[HalfWay]
    outcomes: list[Outcome]
    again: Result | None = None


def run(context: Context, options: Namespace) -> Report:
    """Say what there is to do, or do it: `options` holds `restore`, `again` and `done`, of which one may be set."""
    project = context.project()
    require_initialised(project)
    found = found_half_way(project)
    choice = DONE if options.done else RESTORE if options.restore or options.again else ""
    if not found or not choice:
        return Report(EXIT_FINDING if found else EXIT_OK, Repaired(found, []))
    outcomes = [repair(project, one, choice) for one in project.environments()[0]]
    stopped = [one for one in outcomes if one.obstacles]
    if stopped or not options.again:
        code = EXIT_LOCKED if any(one.locked for one in stopped) else EXIT_FINDING
        return Report(code if stopped else EXIT_OK, Repaired(found, outcomes))
    again = catch_up(project, Rules(by="repair"))
    return Report(exit_code_of(again), Repaired(found, outcomes, again))

"""How far a run may go, and why a plan is not carried out."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from dbsync.errors import Obstacle
from dbsync.plan.ordinary import why_not_ordinary
from dbsync.plan.way_back import why_no_way_back
from dbsync.sync.target import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dbsync.ledger.entry import Entry
    from dbsync.sync.applied import Applied
    from dbsync.sync.current_database import CurrentDatabase
    from dbsync.sync.project import Project
    from dbsync.sync.target import Target


class Rules(NamedTuple):
    """How far a run may go.

    `by_hook` keeps to ordinary plans; `accept_loss` was said with --yes; `previous` is the commit the work tree was at
    before; `by` names what moves, for the reflog; `keep` names the tables to copy first, `old_trees` holds the files
    that some revisions import from; `trusted` judges the commit of a source that was found in Git, which counts where
    the run is `unasked`: a hook's, or an application's start; `believe` says whether the "files" or the "ledger" tell
    how revisions were applied, where the database was changed by somebody else; `in_place` lets re-parented revisions
    stay where they are; `deadline` is when it has to end, by time.monotonic(); `restore` is the number of an entry of
    the shelf to put back by hand, with `force` onto rows that differ too; `turns` lets the databases get the rows of
    the git branch that is checked out, where each has its own.
    """

    unasked: bool = False
    by_hook: bool = False
    accept_loss: bool = False
    previous: str = ""
    by: str = "sync"
    keep: tuple[str, ...] | None = None
    old_trees: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    believe: str = ""
    in_place: bool = True
    deadline: float | None = None
    trusted: Callable[[str], bool] = bool
    restore: int = 0
    force: bool = False
    turns: bool = False


def why_no_plan(target: Target, applied: Applied) -> Obstacle | None:
    """Return why nothing can be planned from what is applied to a target."""
    found = [
        *applied.obstacles,
        *applied.map.obstacles,
        *blocks(target.obstacles, anything_applied=bool(applied.entries)),
    ]
    nothing = target.recorded is None and not target.map.revisions
    if not found and applied.entries and nothing:
        where = target.environment.version_locations[:1] or ("the work tree",)
        return Obstacle("DBS301", f"revisions are applied and there are none in {where[0]}", "`git switch` back")
    return found[0] if found else None


def why_not(project: Project, target: Target, rules: Rules, current: CurrentDatabase) -> Obstacle | None:
    """Return why the plan for a database is not carried out, None where it is."""
    plan, entries = current.planned, {entry.revision.id: entry for entry in current.known.entries}
    down = [entries[one] for one in plan.down]
    refused = _distrusted(rules, down) or _one_way(rules, down)
    if refused or not rules.by_hook or not plan.steps:
        return refused
    sources = {**target.sources(project, plan.up), **{one: entries[one].source for one in plan.down}}
    expected = sum(entry.seconds or 0.0 for entry in down)
    was_late = current.ledger.meta(current.late_key) == [plan.down, plan.up]
    return why_not_ordinary(plan.down, sources, expected, was_late=was_late)


def _distrusted(rules: Rules, down: list[Entry]) -> Obstacle | None:
    for one in down if rules.unasked else ():
        if one.observed and one.commit and not rules.trusted(one.commit):
            name = one.revision.id
            message = f"the source of {name} was found in {one.commit[:12]}, which is not trusted: not run"
            return Obstacle("DBS506", message, f"`dbsync explain {name}`, look at it, then `dbsync sync`")
    return None


def _one_way(rules: Rules, down: list[Entry]) -> Obstacle | None:
    for entry in down if not rules.accept_loss else ():
        why = why_no_way_back(entry.source)
        if why:
            hint = "write its downgrade, or `dbsync sync --yes` takes it down all the same"
            return Obstacle("DBS309", f"revision {entry.revision.id} {why}", hint)
    return None

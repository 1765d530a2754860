"""What a sync did, one line a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbsync.commands.sync import Synced
    from dbsync.plan.planner import Plan
    from dbsync.sync.outcome import Counts, Moved, Outcome
    from dbsync.sync.rebuild import Rebuilt
    from dbsync.sync.status import EnvironmentStatus


def show(value: Synced, *, by_hook: bool = False) -> None:
    """Show a sync, or the plans of a dry run."""
    for status in value.planned:
        _show_planned(status)
    for rebuilt in value.rebuilt:
        _show_rebuilt(rebuilt)
    if value.result is None:
        return
    said = [_show_outcome(one, by_hook=by_hook) for one in value.result.outcomes]
    for one in value.result.obstacles:
        console.obstacle(one)
    if not by_hook and not any(said) and not value.rebuilt and not value.result.obstacles:
        console.say("dbsync: in sync")


def _show_rebuilt(one: Rebuilt) -> None:
    heads = f"{heads_of(one.moved.before)} -> {heads_of(one.moved.after)}"
    console.say(console.clean(f"dbsync: {one.moved.database}  built anew without {_some(one.down)}  {heads}"))
    if one.left:
        console.say(f"note: {_some(one.left)} had no place there; `dbsync undo` brings back how it was")
        console.say(f"dbsync: how it was is kept in {one.kept}")


def _show_outcome(outcome: Outcome, *, by_hook: bool) -> bool:
    for line in outcome.turned:
        console.say(f"dbsync: {console.clean(line)}")
    moved = [one for one in outcome.moved if one.done and one.plan and one.plan.changes]
    for one in moved:
        console.say(f"dbsync: {console.clean(_line(one))}")
        if one.kept:
            console.say(f"dbsync: what was dropped is kept in {one.kept}")
        for number, rows in one.counts.stay:
            console.say(f"dbsync: {count(rows, 'row')} {stay(rows)} on the shelf: `dbsync shelf show {number}`")
    obstacles = [] if outcome.silent and by_hook else list(outcome.obstacles)
    for obstacle in obstacles:
        if outcome.waits and by_hook:
            console.say(console.clean(f"dbsync: put off: {obstacle.message}; {obstacle.hint}"))
            continue
        _show_stopped(outcome.moved)
        console.obstacle(obstacle)
    for note in outcome.notes if moved or not by_hook else ():
        console.say(f"note: {console.clean(note)}")
    return bool(moved or obstacles or outcome.notes or outcome.turned)


def _line(moved: Moved) -> str:
    plan = moved.plan
    counts = "" if plan is None else f"  -{len(plan.down)} +{len(plan.up)}"
    heads = f"{heads_of(moved.before)} -> {heads_of(moved.after)}"
    return "  ".join([f"{moved.database}{counts}", heads, *_rows(moved.counts), f"{moved.seconds:.1f} s"])


def _rows(counts: Counts) -> list[str]:
    """Say what went to the shelf, and what came back."""
    named = [(counts.tables, "table"), (counts.columns, "column"), (counts.shelved, "row")]
    taken = ", ".join(count(number, word) for number, word in named if number)
    back = f"{count(counts.back, 'row')} back"
    return [*([f"{taken} shelved"] if counts.shelved else []), *([back] if counts.back else [])]


def stay(rows: int) -> str:
    """Return the verb for so many rows."""
    return "stays" if rows == 1 else "stay"


def count(number: int, word: str) -> str:
    """Return a number with its word."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def _show_stopped(moved: tuple[Moved, ...]) -> None:
    for one in moved:
        if one.plan and one.plan.steps and not one.done:
            console.say(f"dbsync: {console.clean(one.database)} stays at {heads_of(one.before)}; {_plan(one.plan)}")


def _plan(plan: Plan) -> str:
    parts = [f"{word} {_some(ids)}" for word, ids in (("down", plan.down), ("up", plan.up)) if ids]
    return f"the plan: {', then '.join(parts)}" if parts else "nothing to do"


def _show_planned(status: EnvironmentStatus) -> None:
    for one in status.databases:
        found = one.difference
        lines = [(name, getattr(found, name)) for name in ("phantom", "rewritten", "re_parented", "pending")]
        changes = [f"{name.replace('_', '-')} {_some(ids)}" for name, ids in lines if ids]
        console.data(f"{console.clean(one.database)}: {'; '.join(changes) or 'in sync'}")
    for obstacle in status.obstacles:
        console.obstacle(obstacle)


def _some(ids: Iterable[str]) -> str:
    listed = list(ids)
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""  # noqa: PLR2004 - as many as fit a line
    return console.clean(", ".join(listed[:5]) + more)


def heads_of(heads: tuple[str, ...]) -> str:
    """Return the rows of a version table as they are shown."""
    return ", ".join(heads) or "base"

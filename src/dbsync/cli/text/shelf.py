"""`shelf` in lines: one an entry, or one entry with the rows that could not return."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from dbsync.cli import console
from dbsync.cli.text.sync import count, stay

if TYPE_CHECKING:
    from dbsync.commands.shelf import OnShelf, Shelved

MOST = 50
LONGEST = 60
WORDS = {"taking": "being taken", "undone": "its move was undone"}


def show(value: Shelved) -> None:
    """Show what was asked for."""
    for one in value.entries:
        console.data(console.clean(_line(one)))
        if value.single:
            _show_rows(one)
    if value.dropped:
        console.say(f"dbsync: entry {value.dropped[0]} is dropped")
    elif value.restored is not None:
        rows = sum(rows for _, rows in value.restored.stay)
        console.say(f"dbsync: {count(value.restored.back, 'row')} back, {count(rows, 'row')} {stay(rows)} on the shelf")
        if rows and not value.forced:
            console.say("hint: `--yes` puts them onto rows that differ, too")
    elif not value.entries and not value.obstacles:
        console.say("dbsync: the shelf is empty")
    for obstacle in value.obstacles:
        console.obstacle(obstacle)


def _line(one: OnShelf) -> str:
    facts = one.facts
    rows = "all rows back" if not one.left else f"{one.left} of {count(one.rows, 'row')}"
    parts = [facts["name"], facts["revision"], facts["branch"] or facts["commit"][:12], ", ".join(one.tables), rows]
    state = [WORDS[facts["state"]]] if facts["state"] in WORDS else []
    return "  ".join([f"{one.number}", *parts, size(one.size), f"{age(facts['taken_at'])} ago", *state])


def _show_rows(one: OnShelf) -> None:
    for table, reason, row in one.stays[:MOST]:
        console.data(console.clean(f"  {table}  {_row(row)}  {reason}"))
    if len(one.stays) > MOST:
        console.data(f"  and {len(one.stays) - MOST} more: `dbsync shelf show {one.number} --json`")
    waiting = one.left - len(one.stays)
    if waiting > 0:
        verb = "waits" if waiting == 1 else "wait"
        console.data(f"  {count(waiting, 'row')} {verb} for revision {console.clean(one.facts['revision'])}")


def _row(row: dict[str, Any]) -> str:
    text = ", ".join(
        f"{name}={value!r}" if isinstance(value, str) else f"{name}={value}" for name, value in row.items()
    )
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def size(count: int) -> str:
    """Return so many bytes in words."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 / 2 else f"{max(1, round(count / 1e3))} kB"


def age(taken_at: str) -> str:
    """Return how long ago something was, given in UTC and ISO form."""
    seconds = (dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(taken_at)).total_seconds()
    for name, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {name}"
    return f"{max(0, int(seconds))} seconds"

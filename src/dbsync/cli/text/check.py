"""What a check found: a sentence, the lines that show it, the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console

if TYPE_CHECKING:
    from dbsync.checks.finding import Finding
    from dbsync.commands.check import Checked

MOST_LINES = 20


def show(value: Checked) -> None:
    """Show the findings; one line where there are none."""
    for one in value.findings:
        show_finding(one)
    if not value.findings:
        console.say(f"dbsync: nothing is wrong with {console.clean(value.subject)}")


def show_finding(one: Finding) -> None:
    """Show one finding: an error stops, a warning does not."""
    found = one.obstacle
    where = f" ({found.path}{f':{found.line}' if found.line else ''})" if found.path else ""
    word = "error" if one.stops else "warning"
    console.say(f"{word}: {console.clean(found.message)}{console.clean(where)} [{found.code}]")
    for line in one.lines[:MOST_LINES]:
        console.say(f"  {console.clean(line)}")
    if len(one.lines) > MOST_LINES:
        console.say(f"  and {len(one.lines) - MOST_LINES} more")
    if found.hint:
        console.say(f"hint: {console.clean(found.hint)}")

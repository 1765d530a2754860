"""What came of the revisions that were verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console
from dbsync.cli.text.check import show_finding

if TYPE_CHECKING:
    from dbsync.commands.verify import Verification


def show(value: Verification) -> None:
    """Show the findings; one line where there are none."""
    for one in value.findings:
        show_finding(one)
    if value.findings:
        return
    subject, count = console.clean(value.subject), len(value.revisions)
    if not count:
        console.say(f"dbsync: no new revision in {subject}")
        return
    known = f" ({len(value.known)} known from before)" if value.known else ""
    said = "1 revision goes" if count == 1 else f"{count} revisions go"
    console.say(f"dbsync: {said} up, down and up again{known}")

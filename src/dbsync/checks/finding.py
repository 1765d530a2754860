"""What a check found: an obstacle with a weight, and lines that show it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbsync.errors import Obstacle

WAIVED = re.compile(rb"#\s*dbsync:\s*ignore\s+([A-Za-z0-9, ]+)")


class Finding(NamedTuple):
    """Something that was found: `stops` a commit or only warns; `lines` show what differs, one each."""

    obstacle: Obstacle
    stops: bool = True
    lines: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the object that `check --json` shows."""
        level = "error" if self.stops else "warning"
        return {**self.obstacle.as_json(), "level": level, "lines": list(self.lines)}


def without_waived(findings: Iterable[Finding], ignored: Iterable[str]) -> list[Finding]:
    """Leave out what the project ignores: codes such as DBS212, an x stands for any digit."""
    patterns = [re.compile(code.upper().replace("X", r"\d")) for code in ignored]
    return [one for one in findings if not any(each.fullmatch(one.obstacle.code) for each in patterns)]


def waives(source: bytes, code: str) -> bool:
    """Say whether a file holds the comment `# dbsync: ignore CODE`."""
    return any(code in found.group(1).decode().replace(",", " ").split() for found in WAIVED.finditer(source))

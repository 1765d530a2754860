"""Answers that are known: `status` and `ensure` while the last verdict stands, `heads` at a tree read before.

Nothing here imports what costs; what cannot be answered at once is left to the verb itself.
"""

from __future__ import annotations

import os
import time

from dbsync.git.plain import MARKERS, head_of, plain_git_dir
from dbsync.store.answers import known_heads
from dbsync.store.verdict import standing_verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def quick_heads(arguments: list[str], cwd: str, environ: Mapping[str, str]) -> str | None:
    """Return what `heads --ref REF [--json]` prints, None where that has to be worked out."""
    if len(arguments) not in (2, 3) or arguments[0] != "--ref" or arguments[2:] not in ([], ["--json"]):
        return None
    return known_heads(cwd, environ, arguments[1], "json" if arguments[2:] else "text")


def quick_status(cwd: str, environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what `status --json` shows where everything is known to be in sync, else None."""
    git_dir = plain_git_dir(cwd, environ)
    if git_dir is None or any(os.path.exists(os.path.join(git_dir, marker)) for marker in MARKERS):
        return None
    said = standing_verdict(git_dir, environ)
    head = head_of(git_dir) if said else None
    if not said or head is None:
        return None
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    for environment in said:
        for database in environment["databases"]:
            database["as_of"] = now
    commit, branch = head
    git = {"head": commit, "branch": branch, "operation": None}
    return {"version": 1, "environments": said, "obstacles": [], "git": git, "in_progress": None, "pending": None}

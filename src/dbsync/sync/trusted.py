"""Whether the code in the work tree may be run without a person having asked for it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from dbsync.errors import Obstacle
from dbsync.store.trust import Trust

if TYPE_CHECKING:
    from dbsync.git.repository import Repository
    from dbsync.sync.project import Project

# Where git names the commits whose files it has put into the work tree while HEAD is still without them; in
# SQUASH_MSG the ids stand on lines of their own, and what authors wrote is indented.
ARRIVING = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "SQUASH_MSG")
NAMED = re.compile(r"^(?:commit )?([0-9a-f]{40,64})$", re.MULTILINE)


def trust_of(project: Project) -> Trust:
    """Return what is trusted in the project's repository, by the person's setting."""
    return Trust(project.repository, project.layout, project.settings.trust)


def why_untrusted(project: Project) -> Obstacle | None:
    """Return the commit in the work tree that was neither written here nor pushed to the tracked remote, if any."""
    trust, head = trust_of(project), project.repository.head_commit()
    for commit in [*([head] if head else []), *_arriving(project.repository)]:
        verdict = trust.judge(commit)
        if not verdict.trusted:
            said = project.repository.line("rev-list", "--max-count=1", "--format=%an <%ae>", verdict.stranger)
            author = said.rpartition("\n")[2]
            message = f"commit {verdict.stranger[:12]} by {author} was not written here: its code is not run"
            hint = f"look at it, then `dbsync trust{'' if commit == head else ' ' + commit[:12]}` and `dbsync sync`"
            return Obstacle("DBS506", message, hint)
    return None


def _arriving(repository: Repository) -> list[str]:
    found: list[str] = []
    for name in ARRIVING:
        try:
            with open(os.path.join(repository.git_dir, name), encoding="utf-8", errors="replace") as file:
                found += NAMED.findall(file.read())
        except OSError:
            continue
    return found

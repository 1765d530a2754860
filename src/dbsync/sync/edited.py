"""After dbsync itself wrote revision files: the databases follow them, as with `dbsync sync`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from dbsync.git.operation import operation
from dbsync.store.databases import owned
from dbsync.sync.catch_up import Result, catch_up
from dbsync.sync.held import held
from dbsync.sync.rules import Rules

if TYPE_CHECKING:
    from dbsync.sync.project import Project

CONTINUE = {"rebase": "git rebase --continue", "am": "git am --continue"}


class Followed(NamedTuple):
    """What became of the databases; `result` is None where none follows, `held` where they are held.

    `paths` are the files as they are named where the caller stands, `then` is git's command to go on with.
    """

    result: Result | None
    held: str
    paths: list[str]
    then: str


def follow_edit(project: Project, paths: list[str], cwd: str) -> Followed:
    """Bring every database that follows to the files as they are now."""
    project.forget()
    then = CONTINUE.get(operation(project.repository) or "", "git commit")
    shown = [os.path.relpath(os.path.join(project.repository.top, path), os.path.realpath(cwd)) for path in paths]
    following = project.settings.enabled and any(True for _ in owned(project.layout, project.repository.top))
    at = held(project) if following else ""
    return Followed(catch_up(project, Rules()) if following and not at else None, at, shown, then)

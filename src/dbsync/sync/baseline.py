"""The baseline: the structure that a chain assumes before its first revision, made in every fresh scratch database."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from dbsync.config.settings import is_script

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.git.objects import Tree
    from dbsync.sync.project import Project

HINT = (
    "if the chain does not start from nothing: `git config dbsync.baseline FILE.sql` names what it starts from,"
    " or a command that makes it at $DBSYNC_DATABASE_URL"
)


MISSING = ("no such table", "does not exist", "doesn't exist")


def may_lack_baseline(project: Project, environment: Environment, message: str) -> bool:
    """Say whether a revision may have failed since its chain does not start from nothing, and nobody said from what."""
    asked = project.settings.baseline_for(environment.name)
    return not asked and any(words in message for words in MISSING)


def baseline_facts(project: Project, environment: Environment, tree: Tree) -> dict[str, Any]:
    """Return what the worker is told: the SQL, or that there is a command, or what is missing; nothing without one."""
    value = project.settings.baseline_for(environment.name)
    if not value:
        return {}
    if not is_script(value):
        return {"command": value}
    content = _content(project, value, tree)
    return {"sql": content.decode("utf-8", "replace")} if content is not None else {"missing": value}


def baseline_identity(project: Project, environment: Environment, tree: Tree) -> str:
    """Return what tells one baseline from another, "" for none."""
    facts = baseline_facts(project, environment, tree)
    return hashlib.sha256(repr(sorted(facts.items())).encode("utf-8", "surrogateescape")).hexdigest() if facts else ""


def _content(project: Project, path: str, tree: Tree) -> bytes | None:
    """Read a file of the tree; one that Git does not have is of this machine."""
    relative = os.path.relpath(os.path.join(project.repository.top, os.path.expanduser(path)), project.repository.top)
    found = tree.read(relative) if not relative.startswith("..") else None
    return found if found is not None else _on_disk(os.path.join(project.repository.top, relative))


def _on_disk(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None

"""Whether the code in the work tree may be run without a person having asked for it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from dbsync.environment.script_directory import blob_id
from dbsync.errors import Obstacle
from dbsync.store.trust import Trust

if TYPE_CHECKING:
    from dbsync.git.repository import Repository
    from dbsync.sync.project import Project

# Where git names the commits whose files it has put into the work tree while HEAD is still without them; in
# SQUASH_MSG the ids stand on lines of their own, and what authors wrote is indented.
ARRIVING = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "SQUASH_MSG")
NAMED = re.compile(r"^(?:commit )?([0-9a-f]{40,64})$", re.MULTILINE)
LARGEST_CODE = 1 << 20


def trust_of(project: Project) -> Trust:
    """Return what is trusted in the project's repository, by the person's setting."""
    return Trust(project.repository, project.layout, project.settings.trust)


def why_untrusted(project: Project) -> Obstacle | None:
    """Return the commit in the work tree that was neither written here nor pushed to the tracked remote, if any."""
    trust, head = trust_of(project), project.repository.head_commit()
    for commit in [*([head] if head else []), *_arriving(project.repository)]:
        stranger = trust.judge(commit).stranger
        if stranger:
            return _untrusted(project, stranger, "" if commit == head else f" {commit[:12]}")
    stranger = trust.bringer(_uncommitted(project)) if head else ""
    return _untrusted(project, stranger, f" {stranger[:12]}") if stranger else None


def why_commit_untrusted(project: Project, commit: str) -> Obstacle | None:
    """Return the stranger's commit that a commit is or is built on, if any."""
    stranger = trust_of(project).judge(commit).stranger
    return _untrusted(project, stranger, f" {commit[:12]}") if stranger else None


def _untrusted(project: Project, stranger: str, named: str) -> Obstacle:
    said = project.repository.line("rev-list", "--max-count=1", "--format=%an <%ae>", stranger)
    author = said.rpartition("\n")[2]
    message = f"commit {stranger[:12]} by {author} was not written here: its code is not run"
    return Obstacle("DBS506", message, f"look at it, then `dbsync trust{named}` and `dbsync sync`")


def _uncommitted(project: Project) -> set[str]:
    """Return the ids of contents that HEAD does not have: what is staged, and new files.

    `git checkout COMMIT -- path` and `git merge --squash` bring files without a commit that could be judged.
    """
    repository = project.repository
    staged = repository.ask("diff-index", "--cached", "--no-renames", "-z", "HEAD").stdout.split(b"\0")[::2]
    found = {record.split(b" ")[3].decode() for record in staged if record}
    for name in repository.ask("ls-files", "-z", "--others", "--exclude-standard").stdout.split(b"\0")[:-1]:
        found.update(_id_of(os.path.join(os.fsencode(repository.top), name), repository.object_format))
    return found


def _id_of(path: bytes, object_format: str) -> list[str]:
    """Return the id that git gives a file's content; nothing where it is too large for code."""
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_CODE + 1)
    except OSError:
        return []
    return [] if len(content) > LARGEST_CODE else [blob_id(content, object_format)]


def _arriving(repository: Repository) -> list[str]:
    found: list[str] = []
    for name in ARRIVING:
        try:
            with open(os.path.join(repository.git_dir, name), encoding="utf-8", errors="replace") as file:
                found += NAMED.findall(file.read())
        except OSError:
            continue
    return found

"""The branch that everybody's work goes to: the default branch of the tracked remote, else the local one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbsync.git.repository import Repository

USUAL = ("main", "master", "trunk", "develop")


def upstream_ref(repository: Repository, remote: str) -> str:
    """Return the name of the default branch of `remote`, "" where there is none; with remote "" the local one's.

    A local one is none while it is checked out: then nothing is published.
    """
    if remote:
        head = repository.line("symbolic-ref", "--quiet", "--short", f"refs/remotes/{remote}/HEAD")
        names = [head, *(f"{remote}/{name}" for name in _usual(repository))]
        return next((name for name in names if name and repository.commit_of(f"refs/remotes/{name}")), "")
    here = repository.branch()
    names = _usual(repository)
    found = next((name for name in names if repository.commit_of(f"refs/heads/{name}")), "")
    return "" if found == here else found


def merge_base(repository: Repository, one: str, other: str) -> str:
    """Return the best common ancestor of two commits, "" where there is none."""
    return repository.line("merge-base", one, other)


def _usual(repository: Repository) -> list[str]:
    configured = repository.config("init.defaultBranch")
    return [*dict.fromkeys([*([configured] if configured else []), *USUAL])]

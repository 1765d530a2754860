"""What a git branch is built on: the default branch of the remote or of this clone, and the other side of a merge."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.git.repository import Repository

HEADS, REMOTES = "refs/heads/", "refs/remotes/"
USUAL = ("main", "master")
FULL_ID = 40  # characters of a sha1; sha256 has more


class Upstream(NamedTuple):
    """The commits that hold what others have, and the name that is said for them."""

    name: str
    commits: tuple[str, ...]


def upstreams(repository: Repository, remote: str) -> list[Upstream]:
    """Return what may be the upstream of what is checked out, the likeliest first; `remote` is the tracked one.

    Each later one has what the first has, and more: local commits of the default branch that were not fetched back, or
    the other side of a merge or rebase.
    """
    base = _tracked(repository, remote)
    shared = [base] if base else []
    found: list[Upstream] = []
    for more in [[], *([one] for one in _others(repository, base))]:
        names = [*shared, *(one for one in more if one)]
        commits = [repository.commit_of(one) for one in names]
        known = tuple(dict.fromkeys(one for one in commits if one))
        if known and all(one.commits != known for one in found):
            here = names[-1] in ("HEAD", "HEAD^1")
            found.append(Upstream((repository.branch() if here else "") or _short(names[-1]), known))
    return found


def published(repository: Repository, remote: str) -> Upstream | None:
    """Return the tracked remote's default branch as it was fetched last."""
    ref = _default_of(repository, remote)
    commit = repository.commit_of(ref) if ref else None
    return Upstream(_short(ref), (commit,)) if commit else None


def merge_base(repository: Repository, one: str, other: str) -> str:
    """Return the best common ancestor of two commits, "" where there is none."""
    return repository.line("merge-base", one, other)


def _tracked(repository: Repository, remote: str) -> str:
    """Return the branch that the current one is to go into: its upstream, unless that is its own copy."""
    current = repository.branch()
    upstream = _upstream_of(repository, current)
    return upstream if upstream and not _is_copy(upstream, current) else _default_of(repository, remote)


def _others(repository: Repository, base: str) -> Iterator[str]:
    current, local = repository.branch(), _local_default(repository, base)
    mine, other = _sides(repository)
    if current is not None and current == local:
        yield mine
        return
    yield local
    yield _upstream_of(repository, current)
    yield other


def _sides(repository: Repository) -> tuple[str, str]:
    """Return this side and the other one of the merge or rebase that HEAD is, or is in the middle of."""
    if repository.commit_of("MERGE_HEAD"):
        return "HEAD", "MERGE_HEAD"
    for folder in ("rebase-merge", "rebase-apply"):
        onto = _content(os.path.join(repository.git_dir, folder, "onto"))
        if onto:
            return "HEAD", onto
    return ("HEAD^1", "HEAD^2") if repository.commit_of("HEAD^2") else ("HEAD", "")


def _content(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _upstream_of(repository: Repository, branch: str | None) -> str:
    return repository.line("for-each-ref", "--format=%(upstream)", HEADS + branch) if branch else ""


def _is_copy(upstream: str, branch: str | None) -> bool:
    return upstream.startswith(REMOTES) and upstream.removeprefix(REMOTES).partition("/")[2] == branch


def _default_of(repository: Repository, remote: str) -> str:
    """Return the remote-tracking ref of a remote's default branch, "" where there is none."""
    if not remote:
        return ""
    folder = f"{REMOTES}{remote}/"
    said = repository.line("for-each-ref", "--format=%(symref)", f"{folder}HEAD")
    return said or next((folder + name for name in _usual(repository) if repository.commit_of(folder + name)), "")


def _local_default(repository: Repository, base: str) -> str:
    names = [base.removeprefix(REMOTES).partition("/")[2]] if base.startswith(REMOTES) else []
    return next((name for name in [*names, *_usual(repository)] if repository.commit_of(HEADS + name)), "")


def _usual(repository: Repository) -> list[str]:
    configured = repository.config("init.defaultBranch")
    return [*dict.fromkeys([*([configured] if configured else []), *USUAL])]


def _short(name: str) -> str:
    return name[:12] if len(name) >= FULL_ID else name.removeprefix(REMOTES).removeprefix(HEADS)

"""What this clone did to its branches, in git's own record of it: the reflogs of HEAD and of branches."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.git.repository import Repository


class Update(NamedTuple):
    """One line of a reflog: a ref went from `old` to `new`, and `message` says why.

    `branch` tells a git branch from HEAD. The message begins with what git did ("commit (amend): "); what follows is
    the commit's subject, which anyone may have written.
    """

    old: str
    new: str
    message: str
    branch: bool


def read_reflogs(repository: Repository) -> list[Update]:
    """Return all that is recorded of HEAD in every work tree and of every branch, each reflog oldest first."""
    common = repository.common_dir
    heads = [common, *_folders(os.path.join(common, "worktrees"))]
    found = [update for folder in heads for update in _read(os.path.join(folder, "logs", "HEAD"), branch=False)]
    for folder, _, names in os.walk(os.path.join(common, "logs", "refs", "heads")):
        found += [update for name in names for update in _read(os.path.join(folder, name), branch=True)]
    return found


def _folders(path: str) -> list[str]:
    return [os.path.join(path, name) for name in os.listdir(path)] if os.path.isdir(path) else []


def _read(path: str, *, branch: bool) -> Iterator[Update]:
    """Read `old new identity TAB message` lines (gitformat: files-backend of reflogs)."""
    try:
        with open(path, encoding="utf-8", errors="replace", newline="\n") as file:
            for line in file:
                head, _, message = line.rstrip("\n").partition("\t")
                old, _, rest = head.partition(" ")
                yield Update(old, rest.partition(" ")[0], message, branch)
    except OSError:
        return

"""What git is in the middle of, and whether a hook should wait for its end (facts: git hooks, A1 and A2)."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dbsync.git.repository import Repository

# In the order git's own prompt asks (contrib/completion/git-prompt.sh).
MARKERS = (
    ("rebase-merge", "rebase"),
    ("rebase-apply/applying", "am"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("sequencer", "cherry-pick"),
    ("BISECT_LOG", "bisect"),
)
AUTOSTASH = ("MERGE_AUTOSTASH", "rebase-merge/autostash", "rebase-apply/autostash")
MERGED = "GITHEAD_"  # before the id of what is merged, in the environment
# `rebase --apply` checks out its base before it makes any state folder: only the reflog tells it from a switch.
STARTING = re.compile(r"^(rebase|pull).*\(start\): checkout")


def operation(repository: Repository) -> str | None:
    """Return what git is in the middle of in this work tree, None where it is at rest."""
    return next((name for marker, name in MARKERS if _has(repository, marker)), None)


def why_wait(repository: Repository, hook: str, arguments: list[str]) -> str:
    """Return the operation whose end a hook should wait for, "" where what it sees is final.

    `arguments` are git's: for post-checkout the old and new commit and a flag, for post-rewrite what rewrote.
    """
    if any(_has(repository, marker) for marker in AUTOSTASH):
        return "autostash"
    if _has(repository, "rebase-apply/applying"):
        return "am" if _content(repository, "rebase-apply/next") != _content(repository, "rebase-apply/last") else ""
    if _is_rebasing(repository, hook, arguments):
        return "" if hook == "post-rewrite" and arguments[:1] == ["rebase"] else "rebase"
    # The pick that is being committed stands in the list until the next one begins.
    if hook in ("post-commit", "post-applypatch") and len(_content(repository, "sequencer/todo").splitlines()) > 1:
        return "cherry-pick"
    return "bisect" if _has(repository, "BISECT_LOG") and repository.branch() is None else ""


def _is_rebasing(repository: Repository, hook: str, arguments: list[str]) -> bool:
    if _has(repository, "rebase-merge") or _has(repository, "rebase-apply"):
        return True
    starts = hook == "post-checkout" and arguments[2:3] == ["1"]
    return starts and STARTING.match(_last_action(repository)) is not None


def _has(repository: Repository, marker: str) -> bool:
    return os.path.exists(os.path.join(repository.git_dir, marker))


def _content(repository: Repository, name: str) -> str:
    try:
        with open(os.path.join(repository.git_dir, name), encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _last_action(repository: Repository) -> str:
    """Read the end of HEAD's reflog: `old new identity TAB message`."""
    try:
        with open(os.path.join(repository.git_dir, "logs", "HEAD"), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
            last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
    except OSError:
        return ""
    return last.partition(b"\t")[2].decode(errors="replace")


def brings_heads(repository: Repository, environ: Mapping[str, str]) -> bool:
    """Say whether the commit that is about to be made joins two lines of work: a merge, or a squashed one."""
    return bool(merging(repository, environ)) or _has(repository, "SQUASH_MSG")


def merging(repository: Repository, environ: Mapping[str, str]) -> str:
    """Return the commit that is being merged into HEAD, "" where none is.

    `git merge` writes MERGE_HEAD only after pre-merge-commit; till then it names it in the environment (GITHEAD_<id>).
    """
    named = next((name.removeprefix(MERGED) for name in environ if name.startswith(MERGED)), "MERGE_HEAD")
    return repository.commit_of(named) or ""


def is_in_git_merge(environ: Mapping[str, str]) -> bool:
    """Say whether `git merge` itself is about to commit, not a `git commit` that concludes one."""
    return any(name.startswith(MERGED) for name in environ)

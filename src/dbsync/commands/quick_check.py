"""The checks before a commit where they are known to find nothing: what they hang on is unchanged, or as good as.

Nothing here imports what costs; what cannot be answered at once is left to the verb itself.
"""

from __future__ import annotations

import os

from dbsync.checks.changes import DIFFERING, Depended
from dbsync.git.blobs import parse_blobs
from dbsync.git.plain import MARKERS, head_of, plain_git_dir
from dbsync.process import capture, git_environment
from dbsync.store.clear_tree import clear_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SQUASHED = "SQUASH_MSG"
# What the upstream decides too, and what is said each time that it is asked for, is not answered here by hand.
BY_HAND = {"danger", "drift", "heads"}


def kinds_asked(arguments: list[str]) -> list[str] | None:
    """Return the kinds of checks that a command line asks for, None where it is none that can be answered here."""
    if arguments == ["hook", "pre-commit"]:
        return ["heads", "history", "danger", "drift"]
    words, kinds = arguments[2::2], arguments[3::2]
    asks = arguments[:2] == ["check", "--staged"] and words and set(words) == {"--only"} and set(kinds) <= BY_HAND
    return kinds if asks and len(words) == len(kinds) else None


def finds_nothing(kinds: list[str], cwd: str, environ: Mapping[str, str]) -> bool:
    """Say whether the last tree that was found in order, what is staged, and HEAD are the same in all that matters."""
    git_dir = plain_git_dir(cwd, environ)
    if git_dir is None or any(os.path.exists(os.path.join(git_dir, marker)) for marker in (*MARKERS, SQUASHED)):
        return False
    found, head = clear_tree(git_dir, kinds, environ), head_of(git_dir)
    if found is None or head is None:
        return False
    git = _Git(os.path.dirname(git_dir), environ)
    same_head = head[0] == found["head"] or _nothing_matters(found, ("diff-tree", found["tree"], head[0]), git)
    return same_head and _nothing_matters(found, ("diff-index", "--cached", found["tree"]), git)


def _nothing_matters(found: dict[str, Any], asked: tuple[str, ...], git: _Git) -> bool:
    command, *words = asked
    raw = git.ask(command, *DIFFERING, *words, "--")
    if raw is None:
        return False
    for one in found["environments"]:
        depended = Depended(one["names"], one["idle"], one["python"], documented=one["documented"])
        if depended.idle_after(depended.of(raw), git.blobs) is None:
            return False
    return True


class _Git:
    """Git, asked with the index of the git that called."""

    def __init__(self, top: str, environ: Mapping[str, str]) -> None:
        self._top = top
        self._environ = git_environment(environ)
        if "GIT_INDEX_FILE" in environ:
            self._environ["GIT_INDEX_FILE"] = os.path.join(top, environ["GIT_INDEX_FILE"])

    def ask(self, *words: str, given: bytes = b"") -> bytes | None:
        """Return what git says, None where it fails."""
        done = capture(["git", "-C", self._top, *words], env=self._environ, input=given)
        return None if done.returncode else done.stdout

    def blobs(self, oids: list[str]) -> list[bytes | None]:
        """Return the contents of some ids."""
        output = self.ask("cat-file", "--batch", given="\n".join([*oids, ""]).encode())
        return [None] * len(oids) if output is None else parse_blobs(output, len(oids))

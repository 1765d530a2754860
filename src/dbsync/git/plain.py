"""The git folder and HEAD of an ordinary work tree, without asking git. Hot: imports nothing that costs."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MARKERS = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "sequencer", "BISECT_LOG")


def plain_git_dir(cwd: str, environ: Mapping[str, str]) -> str | None:
    """Find `.git` as git would in the ordinary case; a linked work tree or GIT_DIR is not the ordinary case."""
    if "GIT_DIR" in environ:
        return None
    folder = os.path.realpath(cwd)
    while not os.path.lexists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    found = os.path.join(folder, ".git")
    return found if os.path.isdir(found) else None


def head_of(git_dir: str) -> tuple[str, str | None] | None:
    """Read HEAD's commit and branch from loose and packed refs; None where they are kept in another way."""
    text = _text(git_dir, "HEAD")
    if not text.startswith("ref: "):
        return (text, None) if len(text) in (40, 64) else None
    ref = text[len("ref: ") :]
    commit = _text(git_dir, ref) or _packed(git_dir, ref)
    if not commit or not ref.startswith("refs/heads/"):
        return None
    return commit, ref[len("refs/heads/") :]


def _text(git_dir: str, name: str) -> str:
    try:
        with open(os.path.join(git_dir, name), "rb") as file:
            return os.fsdecode(file.read()).rstrip("\n")
    except OSError:
        return ""


def _packed(git_dir: str, ref: str) -> str:
    lines = _text(git_dir, "packed-refs").split("\n")
    return next((line.split(" ")[0] for line in lines if line.endswith(f" {ref}")), "")

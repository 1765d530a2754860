"""The file that lets a hook answer without starting Python; `hooks/gate` reads it and says what it holds.

A gate may stand only while everything applied comes from HEAD's committed trees, nothing is pending and the database
was found in sync. Whoever writes it knows that and holds the lock; whoever moves the database removes it first.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from dbsync.errors import DbsyncError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME = "dbsync-gate"
FORMAT = "dbsync-gate 1"
# Where it hangs on the git branch as well, which earlier hooks do not know: they start Python.
BRANCH_FORMAT = "dbsync-gate 2"
MISSING = "missing"


def write_gate(git_dir: str, entries: Mapping[str, str | None], *, on_branch: bool = False) -> bool:
    """Let the hooks of one work tree pass while HEAD's `entries` stay what they are.

    `on_branch`: and while the git branch does.

    `entries` maps paths relative to the repository (a file or a folder, no trailing slash) to HEAD's object id for
    them, None where HEAD has no such path. `git_dir` is the work tree's own (`Repository.git_dir`). Commits seen under
    an earlier gate are forgotten.

    Returns whether a gate stands now. None does for no entries, or where a path cannot be a line of text: then every
    hook starts Python. Raises `DbsyncError` where the file cannot be written.
    """
    remove_gate(git_dir)
    head = _head(git_dir) if on_branch else ""
    if not entries or any(_unreadable(path) for path in entries) or head is None:
        return False
    token = os.urandom(4).hex()
    path = os.path.join(git_dir, NAME)
    try:
        with suppress(FileExistsError):
            os.mkdir(_seen(git_dir), 0o700)
        _replace(path, f"{path}.{token}", _content(token, entries, head))
    except OSError as error:
        raise _failure(path, error) from error
    return True


def remove_gate(git_dir: str) -> None:
    """Make every hook of one work tree start Python. Raises `DbsyncError` where the gate cannot be removed."""
    path = os.path.join(git_dir, NAME)
    try:
        _unlink(path)
        _forget_seen(_seen(git_dir))
    except OSError as error:
        raise _failure(path, error) from error


def remove_all_gates(common_dir: str) -> None:
    """Remove the gate of the main work tree and of every linked one. Raises as `remove_gate`."""
    for git_dir in git_dirs(common_dir):
        remove_gate(git_dir)


def _head(git_dir: str) -> str | None:
    """Return what the file HEAD holds, None where that says nothing (git's reftable keeps it elsewhere)."""
    with open(os.path.join(git_dir, "HEAD"), encoding="utf-8", errors="surrogateescape") as file:
        line = file.readline().rstrip("\n")
    return None if line == "ref: refs/heads/.invalid" else line


def _content(token: str, entries: Mapping[str, str | None], head: str) -> bytes:
    lines = [f"{BRANCH_FORMAT} {token}", f"head {head}"] if head else [f"{FORMAT} {token}"]
    lines += [f"id {oid or MISSING} {path}" for path, oid in sorted(entries.items())]
    return os.fsencode("\n".join(lines) + "\n")


def _unreadable(path: str) -> bool:
    # git cat-file reads names by line and drops a carriage return at the end of one.
    return any(character in path for character in "\n\r\0")


def _replace(path: str, temporary: str, content: bytes) -> None:
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(fd)  # a gate cut short by a crash would ask for too little
        os.replace(temporary, path)
    except BaseException:
        _unlink(temporary)
        raise


def _seen(git_dir: str) -> str:
    return os.path.join(git_dir, f"{NAME}.seen")


def _forget_seen(folder: str) -> None:
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        _unlink(os.path.join(folder, name))
    with suppress(OSError):  # a hook may have put another there meanwhile; its token opens nothing any more
        os.rmdir(folder)


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def git_dirs(common_dir: str) -> Iterator[str]:
    """Yield the git folder of the main work tree and of every linked one."""
    yield common_dir
    folder = os.path.join(common_dir, "worktrees")
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        yield os.path.join(folder, name)


def _failure(path: str, error: OSError) -> DbsyncError:
    return DbsyncError(f"{path}: {error.strerror}", "make the repository's .git folder writable for you")

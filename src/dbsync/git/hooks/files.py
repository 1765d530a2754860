"""Hook files: which folder Git runs them from, whether it is ours to write, and the block in each.

core.hooksPath and `git rev-parse --git-path hooks`: git-config(1), githooks(5).
"""

from __future__ import annotations

import os
import stat
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from dbsync.git.hooks import block
from dbsync.git.hooks.writing import read_file, replace_file

if TYPE_CHECKING:
    from dbsync.git.repository import Repository

EXECUTABLE = 0o111


class Outcome(Enum):
    """What became of one hook file."""

    CHANGED = "changed"
    ALREADY = "already"
    NOT_WRITTEN = "not written"


class HookFolder(NamedTuple):
    """Where Git looks for hook files.

    `writable` is False for a folder that others share or that lies in the work tree, where a package manager made it or
    Git tracks it. `edited` is where a person edits its hooks: husky's own are generated and run the files beside them.
    `hooks` is the gate's folder as a word of shell.
    """

    path: str
    edited: str
    writable: bool
    hooks: str

    def file(self, name: str) -> str:
        """Return the file that a person edits for the hook `name`."""
        return os.path.join(self.edited, name)


def folder_of(repository: Repository) -> HookFolder:
    """Return the folder that Git runs the hooks of this work tree from."""
    named = os.path.join(repository.top, repository.line("rev-parse", "--git-path", "hooks"))
    path = os.path.realpath(named)
    hooks = block.quote(os.path.join(repository.state_dir, "hooks"))
    if path == os.path.join(repository.common_dir, "hooks"):
        hooks = '"${0%/*}/../dbsync/hooks"'  # so that the repository can be moved
    writable = path.startswith(os.path.join(repository.common_dir, ""))
    generated = os.path.basename(path) == "_" and os.path.basename(os.path.dirname(path)) == ".husky"
    return HookFolder(path, os.path.dirname(path) if generated else path, writable, hooks)


def calls(folder: HookFolder, name: str) -> bool:
    """Return whether Git, running the hook `name`, comes to dbsync."""
    path = folder.file(name)
    content = read_file(path) or b""
    if block.find(content) is None:
        return block.CALL.search(content) is not None
    return block.names(content, folder.hooks) and _mode(path) & EXECUTABLE != 0


def put(folder: HookFolder, name: str) -> Outcome:
    """Make the hook file `name` call dbsync."""
    if not folder.writable:
        return Outcome.ALREADY if calls(folder, name) else Outcome.NOT_WRITTEN
    path = folder.file(name)
    mode = _mode(path)
    if not mode:
        return _create(folder, name)
    content = read_file(path) if stat.S_ISREG(mode) else None
    if content is not None and block.find(content):
        return _renew(folder, name, content)
    if content is not None and block.can_hold(content) and mode & EXECUTABLE:
        return _write(path, block.insert(content, name, folder.hooks), mode)
    return _move_aside(folder, name)


def take(folder: HookFolder, name: str) -> bool:
    """Make the hook file `name` what it was without dbsync; return whether that took anything."""
    if not folder.writable:
        return False
    path = folder.file(name)
    mode = _mode(path)
    aside = os.path.lexists(path + block.SUFFIX)
    if aside and not mode:
        os.rename(path + block.SUFFIX, path)
        return True
    content = (read_file(path) or b"") if stat.S_ISREG(mode) else b""
    if not block.find(content):
        return False
    rest = block.take_out(content)
    if aside and block.is_calling(rest, name):
        os.replace(path + block.SUFFIX, path)
    elif block.is_created(rest) or block.is_calling(rest, name):
        os.unlink(path)
    else:
        replace_file(path, rest, stat.S_IMODE(mode))
    return True


def _create(folder: HookFolder, name: str) -> Outcome:
    # A hook that was moved aside and whose caller somebody deleted is called again.
    moved = os.path.lexists(folder.file(name) + block.SUFFIX)
    content = (block.calling if moved else block.created)(name, folder.hooks)
    os.makedirs(folder.path, exist_ok=True)
    return _write(folder.file(name), content, 0o755)


def _renew(folder: HookFolder, name: str, content: bytes) -> Outcome:
    path = folder.file(name)
    mode = _mode(path)
    if not mode & EXECUTABLE:
        return Outcome.NOT_WRITTEN  # somebody switched this hook off, with dbsync's block in it
    rest = block.take_out(content)
    if block.is_created(rest):
        wanted = block.created(name, folder.hooks)
    elif block.is_calling(rest, name):
        wanted = block.calling(name, folder.hooks)
    else:
        wanted = block.insert(content, name, folder.hooks)
    return Outcome.ALREADY if wanted == content else _write(path, wanted, mode)


def _move_aside(folder: HookFolder, name: str) -> Outcome:
    path = folder.file(name)
    aside = path + block.SUFFIX
    if os.path.lexists(aside) or os.path.isdir(path):
        return Outcome.NOT_WRITTEN
    os.rename(path, aside)
    try:
        return _write(path, block.calling(name, folder.hooks), 0o755)
    except OSError:
        os.rename(aside, path)
        raise


def _write(path: str, content: bytes, mode: int) -> Outcome:
    replace_file(path, content, stat.S_IMODE(mode))
    return Outcome.CHANGED


def _mode(path: str) -> int:
    """Return the file's own mode, symbolic links not followed; 0 where there is none."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0

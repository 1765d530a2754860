"""Trees as git would commit or merge them, made without touching index, work tree or refs; and laid out in a folder."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import shutil
import tarfile
import tempfile
from typing import TYPE_CHECKING

from dbsync.errors import DbsyncError
from dbsync.process import capture

if TYPE_CHECKING:
    from dbsync.git.repository import Repository
    from dbsync.process import Completed

# Our own checkout runs no hook, and lays out what sparse checkouts leave out.
PLAIN = ("-c", "core.hooksPath=/dev/null", "-c", "core.sparseCheckout=false", "-c", "core.fsmonitor=false")
NO_FETCHING = {"GIT_LFS_SKIP_SMUDGE": "1"}
UNWANTED = ("__pycache__", ".pyc", ".git")
CONFLICT = 1


def staged_tree(repository: Repository) -> str:
    """Return the id of the tree that the next commit would have, by the index that the calling git uses.

    Written from a copy of the index: `git write-tree` would change it. Raises `DbsyncError` where files conflict.
    """
    calling = repository.with_callers_index()
    index = calling.environ.get("GIT_INDEX_FILE") or os.path.join(repository.git_dir, "index")
    with tempfile.TemporaryDirectory(prefix="dbsync-") as folder:
        copy = os.path.join(folder, "index")
        if os.path.exists(index):
            shutil.copyfile(index, copy)
        done = _git(repository, {"GIT_INDEX_FILE": copy}, "write-tree")
    if done.returncode:
        raise DbsyncError("files are in conflict, so nothing can be committed", "resolve them, then `git add` them")
    return os.fsdecode(done.stdout).strip()


def work_tree_tree(repository: Repository) -> str:
    """Return the id of the tree that a commit of all there is would have: untracked files too, ignored ones not."""
    index = os.path.join(repository.git_dir, "index")
    with tempfile.TemporaryDirectory(prefix="dbsync-") as folder:
        copy = os.path.join(folder, "index")
        if os.path.exists(index):
            shutil.copyfile(index, copy)
        added = _git(repository, {"GIT_INDEX_FILE": copy}, "add", "--all", "--ignore-errors", ".")
        done = _git(repository, {"GIT_INDEX_FILE": copy}, "write-tree")
    if done.returncode:
        reason = os.fsdecode(added.stderr or done.stderr).strip().split("\n", 1)[0]
        raise DbsyncError(f"the work tree cannot be read as git would commit it: {reason}", "`git status`")
    return os.fsdecode(done.stdout).strip()


def merged_tree(repository: Repository, ours: str, theirs: str) -> str:
    """Return the id of the tree that merging two commits makes, conflicts with their markers in the files (git 2.38).

    Raises `DbsyncError` where git cannot merge them.
    """
    done = _git(repository, {}, "merge-tree", "--write-tree", "--no-messages", ours, theirs)
    if done.returncode not in (0, CONFLICT):
        reason = os.fsdecode(done.stderr).strip().removeprefix("fatal: ").split("\n", 1)[0]
        hint = "`git merge-tree --write-tree` needs git 2.38 or newer"
        raise DbsyncError(f"{theirs[:12]} cannot be merged: {reason}", hint)
    return os.fsdecode(done.stdout).split("\n", 1)[0]


def lay_out(repository: Repository, tree: str, name: str) -> str:
    """Make a folder under the state folder hold a tree's files, as a checkout would, and return it.

    It is kept: the next tree changes only what differs. What git ignores here (settings of this machine, `.env`, an
    instance folder) is linked into it, for the project may need it; what is merely untracked is not there.
    """
    own_name = name if repository.git_dir == repository.common_dir else f"{name}.{os.path.basename(repository.git_dir)}"
    folder = os.path.join(repository.state_dir, "trees", own_name)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    _unlink_all(folder)
    own = {"GIT_INDEX_FILE": f"{folder}.index", "GIT_WORK_TREE": folder, "GIT_DIR": repository.git_dir, **NO_FETCHING}
    done = _git(repository, own, *PLAIN, "read-tree", "--reset", "-u", tree)
    if done.returncode:  # the lock of one that was killed, or a folder that somebody changed
        _forget(folder)
        done = _git(repository, own, *PLAIN, "read-tree", "--reset", "-u", tree)
    if done.returncode:
        raise DbsyncError(f"the files of {tree[:12]} cannot be laid out: {os.fsdecode(done.stderr).strip()}")
    linked = [*_link_submodules(repository, folder, tree), *_link_ignored(repository, folder)]
    with open(f"{folder}.links", "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\0".join(linked))
    return folder


def packed(folder: str) -> str:
    """Return the files of a folder that `lay_out` made, as a compressed archive in base64; what it linked left out."""
    with open(f"{folder}.links", encoding="utf-8", errors="surrogateescape") as file:
        linked = set(file.read().split("\0"))
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=1) as archive:
        archive.add(folder, ".", filter=lambda one: None if one.name.removeprefix("./") in linked else one)
    return base64.b64encode(content.getvalue()).decode("ascii")


def _forget(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for leftover in (f"{folder}.index", f"{folder}.index.lock"):
        if os.path.exists(leftover):
            os.unlink(leftover)
    os.makedirs(folder, mode=0o700, exist_ok=True)


def _unlink_all(folder: str) -> None:
    """Take out what `_link_ignored` put in: it may be tracked by the next tree."""
    links = f"{folder}.links"
    if os.path.exists(links):
        with open(links, encoding="utf-8", errors="surrogateescape") as file:
            for path in file.read().split("\0"):
                if path and os.path.islink(os.path.join(folder, path)):
                    os.unlink(os.path.join(folder, path))


def ignored_names(repository: Repository) -> list[str]:
    """Return the ignored files and folders of the work tree that are laid out too."""
    words = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
    names = [os.fsdecode(name).rstrip("/") for name in repository.ask(*words).stdout.split(b"\0")[:-1]]
    return [name for name in names if not name.endswith(UNWANTED)]


def _link_ignored(repository: Repository, folder: str) -> list[str]:
    return [name for name in ignored_names(repository) if _link(repository.top, folder, name)]


def _link_submodules(repository: Repository, folder: str, tree: str) -> list[str]:
    """Let submodules be what the work tree has checked out: their own objects are not looked at."""
    listed = repository.ask("ls-tree", "-r", "-z", "--full-tree", tree).stdout.split(b"\0")
    names = [os.fsdecode(entry.partition(b"\t")[2]) for entry in listed if entry.startswith(b"160000 ")]
    there = [name for name in names if os.path.isdir(os.path.join(repository.top, name))]
    for name in there:
        with contextlib.suppress(OSError):  # git has made it, and left it empty
            os.rmdir(os.path.join(folder, name))
    return [name for name in there if _link(repository.top, folder, name)]


def _link(top: str, folder: str, name: str) -> bool:
    path = os.path.join(folder, name)
    if os.path.lexists(path):
        return False
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(os.path.join(top, name), path)
    return True


def _git(repository: Repository, environ: dict[str, str], *words: str) -> Completed:
    env = {**repository.environ, **environ}
    env.pop("GIT_LITERAL_PATHSPECS", None)
    return capture(["git", "-C", repository.top, *words], env=env)

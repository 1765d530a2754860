"""The files of a commit, checked, for the import path of revisions that need what HEAD no longer has.

Raw blobs, since `git archive` runs filters and drops export-ignored files; names are judged here because trees made
by hand hold what no checkout would write (facts: security, C6).
"""

from __future__ import annotations

import os
import unicodedata
from typing import TYPE_CHECKING

from dbsync.errors import DbsyncError
from dbsync.git.objects import read_blobs

if TYPE_CHECKING:
    from dbsync.git.objects import CommitTree
    from dbsync.git.repository import Repository

MOST_FILES = 20_000
MOST_BYTES = 64 << 20


def files_of(repository: Repository, tree: CommitTree) -> dict[str, bytes]:
    """Return every regular file of a commit that is safe to write, by path.

    Raises `DbsyncError` where the tree is too large or holds a name that would lead out of a folder.
    """
    entries = tree.list()
    if len(entries) > MOST_FILES:
        raise DbsyncError(f"commit {tree.commit[:12]} has {len(entries)} files: too many to lay out beside HEAD")
    seen: set[str] = set()
    for entry in entries:
        _check_name(entry.path, seen)
    blobs = read_blobs(repository, [entry.oid for entry in entries])
    files = {entry.path: blob for entry, blob in zip(entries, blobs, strict=False) if blob is not None}
    if sum(len(blob) for blob in files.values()) > MOST_BYTES:
        raise DbsyncError(f"commit {tree.commit[:12]} is too large to lay out beside HEAD")
    return files


def _check_name(path: str, seen: set[str]) -> None:
    folded = unicodedata.normalize("NFC", path).casefold()
    parts = path.split("/")
    bad = path.startswith("/") or "\\" in path or "\0" in path or any(part in ("", ".", "..") for part in parts)
    if bad or any(part.lower().rstrip(". ") == ".git" for part in parts) or folded in seen:
        raise DbsyncError(f"the tree holds the unsafe name {os.fsencode(path)!r}", code="DBS507")
    seen.add(folded)

"""What a tree holds: a commit's, the index's, or the work tree's, all asked in the same way.

A symbolic link is not a file of any tree: Git does not follow it, and what it leads to is listed under its own name.

Blobs are read raw (`cat-file --batch`): no filter runs and nothing of the repository is executed (git-cat-file(1)).
"""

# ruff: noqa: D102 - what each class answers is said once, by Tree

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

from dbsync.errors import DbsyncError
from dbsync.git.blobs import parse_blobs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbsync.git.repository import Repository

FILE_MODES = frozenset({"100644", "100755"})
TOP = ("", ".")
# Where git reads something else than a path in `REV:path`: the end of a line, a relative name, and `-g` with hex
# digits, which names a commit as `git describe` does (gitrevisions(7)).
AMBIGUOUS = re.compile(r"[\r\n\0]|^\.{0,2}/|^\.\.?$|-g[0-9a-fA-F]+$")
EMPTY_BLOBS = frozenset(
    {
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
        "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",  # sha256
    }
)


class Entry(NamedTuple):
    """A file in a tree: its path from the top, the id of its blob ("" where it was not hashed yet), its mode."""

    path: str
    oid: str
    mode: str


class Tree(Protocol):
    """What can be asked of a tree, whichever it is. Paths are relative to the top, with "/" between."""

    name: str

    def list(self, prefix: str = "") -> list[Entry]:
        """Return every regular file below a folder ("" for all), sorted by the bytes of its path."""

    def read(self, path: str) -> bytes | None:
        """Return a file's content, None where there is no such file."""

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the contents of those of the files that exist.

        A file that is listed and left out here is damaged or not in this clone (a partial one): the caller's to report.
        """

    def exists(self, path: str) -> bool:
        """Say whether a file or a folder of this name is there."""


class CommitTree:
    """The tree of a commit, given by its full id; files are read by names such as `ID:path`."""

    def __init__(self, repository: Repository, commit: str) -> None:
        self.repository = repository
        self.name = commit
        self.commit = commit
        self._listed: list[Entry] | None = None

    def list(self, prefix: str = "") -> list[Entry]:
        if self._listed is not None:
            folder = _folder(prefix)
            return [entry for entry in self._listed if entry.path.startswith(folder)]
        below = [folder] if (folder := _folder(prefix)) else []
        words = ["ls-tree", "-r", "-z", "--full-tree", self.commit, "--", *below]
        found = _files(_entries(self.repository.git(*words), oid_at=2))
        if not below:
            self._listed = found
        return found

    def read(self, path: str) -> bytes | None:
        return self.read_many([path]).get(path)

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        return _read_by_name(self.repository, {path: self._name_of(path) for path in paths})

    def exists(self, path: str) -> bool:
        return path in TOP or self._look_up(path) is not None

    def _name_of(self, path: str) -> str:
        if not AMBIGUOUS.search(path):
            return f"{self.commit}:{path}"
        entry = self._look_up(path)
        return entry.oid if entry else ""

    def _look_up(self, path: str) -> Entry | None:
        name = path.rstrip("/")
        if "\0" in name:
            return None
        output = self.repository.ask("ls-tree", "-z", "--full-tree", self.commit, "--", name).stdout
        return next((entry for entry in _entries(output, oid_at=2) if entry.path == name), None)


class IndexTree:
    """What is staged, in the index that the calling git uses: for `git commit FILE` that is not `.git/index`.

    It is read once. A path in conflict is given once, as it is on the branch that is checked out ("ours"), else as the
    others have it. What `git add --intent-to-add` only announced is not part of it.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository.with_callers_index()
        self.name = "index"
        self._staged: dict[str, Entry] | None = None

    def list(self, prefix: str = "") -> list[Entry]:
        folder = _folder(prefix)
        return _files([entry for entry in self._entries().values() if entry.path.startswith(folder)])

    def read(self, path: str) -> bytes | None:
        return self.read_many([path]).get(path)

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        staged = self._entries()
        entries = _files([staged[path] for path in dict.fromkeys(paths) if path in staged])
        return _read_by_name(self.repository, {entry.path: entry.oid for entry in entries})

    def exists(self, path: str) -> bool:
        folder = _folder(path)
        return path in self._entries() or any(name.startswith(folder) for name in self._entries())

    def _entries(self) -> dict[str, Entry]:
        if self._staged is None:
            entries = _entries(_by_stage(self.repository.git("ls-files", "-s", "-z")), oid_at=1)
            announced = self._announced() if any(entry.oid in EMPTY_BLOBS for entry in entries) else set()
            self._staged = {entry.path: entry for entry in entries if entry.path not in announced}
        return self._staged

    def _announced(self) -> set[str]:
        output = self.repository.git("diff-files", "--name-only", "--diff-filter=A", "-z")
        return {os.fsdecode(path) for path in output.split(b"\0")[:-1]}


class WorkTree:
    """The files on disk that git tracks or would offer to track; what is ignored is not part of it."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.name = "work tree"

    def list(self, prefix: str = "") -> list[Entry]:
        words = ["-z", "--cached", "--others", "--exclude-standard", "--", _folder(prefix) or "."]
        output = self.repository.git("ls-files", *words)
        paths = {os.fsdecode(path) for path in output.split(b"\0")[:-1]}  # a set: one row a conflict stage
        there = [path for path in paths if self._is_file(path) and not os.path.islink(self._at(path))]
        return [Entry(path, "", "100644") for path in sorted(there, key=os.fsencode)]

    def read(self, path: str) -> bytes | None:
        if not self._is_file(path):  # opening a named pipe would wait for its writer
            return None
        try:
            with open(self._at(path), "rb") as file:
                return file.read()
        except OSError:
            return None

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        contents = ((path, self.read(path)) for path in paths)
        return {path: content for path, content in contents if content is not None}

    def exists(self, path: str) -> bool:
        return os.path.exists(self._at(path))

    def _is_file(self, path: str) -> bool:
        return os.path.isfile(self._at(path))

    def _at(self, path: str) -> str:
        return os.path.join(self.repository.top, path)


def read_blobs(repository: Repository, names: Iterable[str]) -> list[bytes | None]:
    """Return the blobs that ids or names such as `HEAD:path` stand for, None for each that is missing.

    Raises `DbsyncError` where git gives up half way.
    """
    asked = list(names)
    if not asked:
        return []
    done = repository.ask("cat-file", "--batch", input=os.fsencode("\n".join(asked) + "\n"))
    if done.returncode:
        message = "Git does not have all of the objects that are needed: damaged, or left out of a partial clone"
        raise DbsyncError(message, "`git fetch --refetch`, or `git fsck`", code="DBS114")
    return parse_blobs(done.stdout, len(asked))


def _read_by_name(repository: Repository, names: dict[str, str]) -> dict[str, bytes]:
    """Read files whose names for `cat-file` are known; "" where there is none."""
    known = {path: name for path, name in names.items() if name}
    contents = zip(known, read_blobs(repository, known.values()), strict=True)
    return {path: content for path, content in contents if content is not None}


def _folder(prefix: str) -> str:
    """Return what the paths below a folder begin with: with the "/", a file of that name is not meant."""
    folder = prefix.strip("/")
    return "" if folder in TOP else f"{folder}/"


def _by_stage(output: bytes) -> bytes:
    """Sort the conflict stages of `ls-files -s -z`: of a path, ours (2) comes before theirs (3) and the base (1)."""
    records = [(record.partition(b"\t"), record) for record in output.split(b"\0")[:-1]]
    records.sort(key=lambda one: (one[0][2], b"0231".index(one[0][0][-1:])))
    return b"".join(record + b"\0" for _, record in records)


def _entries(output: bytes, oid_at: int) -> list[Entry]:
    """Read `ls-tree -z` (`mode type oid TAB path`) or `ls-files -s -z` (`mode oid stage TAB path`)."""
    entries: dict[str, Entry] = {}
    for record in output.split(b"\0")[:-1]:
        head, _, path = record.partition(b"\t")
        words = head.decode("ascii").split(" ")
        entry = Entry(os.fsdecode(path), words[oid_at], words[0])
        entries.setdefault(entry.path, entry)
    return list(entries.values())


def _files(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.mode in FILE_MODES]

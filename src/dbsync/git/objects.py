"""What a tree holds: a commit's, the index's, or the work tree's, all asked in the same way.

Blobs are read raw (`cat-file --batch`): no filter runs and nothing of the repository is executed (git-cat-file(1)).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbsync.git.repository import Repository

FILE_MODES = frozenset({"100644", "100755"})


class Entry(NamedTuple):
    """A file in a tree: its path from the top, the id of its blob ("" where it was not hashed yet), its mode."""

    path: str
    oid: str
    mode: str


class Tree(Protocol):
    """What can be asked of a tree, whichever it is. Paths are relative to the top, with "/" between."""

    name: str

    def list(self, prefix: str = "") -> list[Entry]:
        """Return every regular file below a folder ("" for all)."""

    def read(self, path: str) -> bytes | None:
        """Return a file's content, None where there is no such file."""

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the contents of those of the files that exist."""

    def exists(self, path: str) -> bool:
        """Say whether a file or a folder of this name is there."""


class _GitTree:
    """A tree that is read with `git cat-file`, by names such as `HEAD:path`."""

    def __init__(self, repository: Repository, name: str, prefix: str) -> None:
        self.repository = repository
        self.name = name
        self._prefix = prefix

    def read(self, path: str) -> bytes | None:
        return self.read_many([path]).get(path)

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        wanted = [path for path in paths if "\n" not in path]
        found = read_blobs(self.repository, [self._prefix + path for path in wanted])
        return {path: content for path, content in zip(wanted, found) if content is not None}

    def exists(self, path: str) -> bool:
        if path in ("", "."):
            return True
        return self.repository.ask("cat-file", "-e", self._prefix + path).returncode == 0


class CommitTree(_GitTree):
    """The tree of a commit, given by its full id."""

    def __init__(self, repository: Repository, commit: str) -> None:
        super().__init__(repository, commit, f"{commit}:")
        self.commit = commit

    def list(self, prefix: str = "") -> list[Entry]:
        below = [f"{prefix}/"] if prefix else []
        output = self.repository.ask("ls-tree", "-r", "-z", "--full-tree", self.commit, "--", *below).stdout
        return _entries(output, oid_at=2)


class IndexTree(_GitTree):
    """What is staged. A path with conflict stages is given once, with the work tree's conflict markers unread."""

    def __init__(self, repository: Repository) -> None:
        super().__init__(repository, "index", ":")

    def list(self, prefix: str = "") -> list[Entry]:
        output = self.repository.ask("ls-files", "-s", "-z", "--", prefix or ".").stdout
        return _entries(output, oid_at=1)

    def exists(self, path: str) -> bool:
        return path in ("", ".") or bool(self.repository.ask("ls-files", "-z", "--", path).stdout)


class WorkTree:
    """The files on disk that git tracks or would offer to track; what is ignored is not part of it."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.name = "work tree"

    def list(self, prefix: str = "") -> list[Entry]:
        words = ["-z", "--cached", "--others", "--exclude-standard", "--", prefix or "."]
        output = self.repository.ask("ls-files", *words).stdout
        paths = dict.fromkeys(os.fsdecode(path) for path in output.split(b"\0")[:-1])  # one row a conflict stage
        return [Entry(path, "", "100644") for path in paths if os.path.isfile(self._at(path))]

    def read(self, path: str) -> bytes | None:
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

    def _at(self, path: str) -> str:
        return os.path.join(self.repository.top, path)


def read_blobs(repository: Repository, names: Iterable[str]) -> list[bytes | None]:
    """Return the blobs that ids or names such as `HEAD:path` stand for, None for each that is missing."""
    asked = list(names)
    if not asked:
        return []
    output = repository.ask("cat-file", "--batch", input=os.fsencode("\n".join(asked) + "\n")).stdout
    blobs: list[bytes | None] = []
    at = 0
    for name in asked:
        content, at = _next_blob(output, at, os.fsencode(name))
        blobs.append(content)
    return blobs


def _next_blob(output: bytes, at: int, name: bytes) -> tuple[bytes | None, int]:
    """Read one answer of `cat-file --batch`: `<oid> <type> <size>` and the content, or `<name> missing`."""
    end = output.find(b"\n", at)
    if end < 0:
        return None, at
    header = output[at:end]
    if header.startswith(name + b" ") and not header[len(name) + 1 :].startswith((b"blob ", b"tree ", b"commit ")):
        return None, end + 1
    kind, size = header.split(b" ")[1:3]
    start = end + 1
    content = output[start : start + int(size)]
    return (content if kind == b"blob" else None), start + int(size) + 1


def _entries(output: bytes, oid_at: int) -> list[Entry]:
    """Read `ls-tree -z` (`mode type oid TAB path`) or `ls-files -s -z` (`mode oid stage TAB path`)."""
    entries = {}
    for record in output.split(b"\0")[:-1]:
        head, _, path = record.partition(b"\t")
        words = head.decode("ascii").split(" ")
        if words[0] in FILE_MODES:
            entry = Entry(os.fsdecode(path), words[oid_at], words[0])
            entries.setdefault(entry.path, entry)
    return list(entries.values())

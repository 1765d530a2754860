"""Copies of databases that cannot roll back, made before they are moved: one compressed file, a piece a line.

The worker sends the pieces and gets them again; what is in them is the engine's own.
"""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING, Any

from dbsync.store.copies import remove

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.store.layout import Layout

FOLDER = "dumps"
LEVEL = 1


def dump_path(layout: Layout, stem: str, operation: int) -> str:
    """Return where the copy of a database lies that an operation makes; `stem` is the name of its ledger."""
    return os.path.join(layout.folder(FOLDER), f"{stem}-{operation}.gz")


class Dump:
    """A copy that is being made. It has its name once it is whole."""

    def __init__(self, path: str) -> None:
        self._path = path
        fd = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        self._file = os.fdopen(fd, "wb")
        self._lines = gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=self._file)

    def write(self, piece: dict[str, Any]) -> None:
        """Add a piece."""
        self._lines.write(json.dumps(piece).encode() + b"\n")

    def close(self) -> None:
        """Make it safe on the disk, under its name."""
        self._lines.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(f"{self._path}.new", self._path)
        folder = os.open(os.path.dirname(self._path), os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def pieces(path: str) -> Iterator[dict[str, Any]]:
    """Yield the pieces of a copy."""
    with gzip.open(path, "rb") as lines:
        for line in lines:
            yield json.loads(line)


def remove_dump(path: str) -> None:
    """Remove a copy, finished or not, where there is one."""
    remove(path)
    remove(f"{path}.new")

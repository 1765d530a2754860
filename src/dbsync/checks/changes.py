"""What has changed of all that a verdict depends on, and whether any of it can matter.

Hot: imports nothing that costs before it is needed.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    # By module: the functions (line, name) that are not called.
    Idle = Mapping[str, Sequence[Sequence[int | str]]]
    # A file that differs: git's letter for how, its path, its ids before and now (git-diff-tree(1)).
    Change = tuple[str, str, str, str]
    Read = Callable[[list[str]], list[bytes | None]]

DIFFERING = ("-r", "--raw", "-z", "--no-renames", "--no-abbrev")  # of diff-tree and diff-index
MOST_MODULES = 50
FILES = ("100644", "100755")
# How the names of files end that may bring another environment.
CONFIGURES = (".ini", ".toml", ".cfg", "env.py")


class Depended:
    """What a verdict depends on: `names` as `checks.verdicts` has them, and the functions that were not called.

    `python` is the version that did not call them; `documented` says that docstrings count.
    """

    def __init__(self, names: Collection[str], idle: Idle, python: str, *, documented: bool) -> None:
        self._names = set(names)
        self._folders = tuple(name for name in names if name.endswith("/"))
        self._idle = idle
        self._python = python
        self._documented = documented

    def of(self, raw: bytes) -> list[Change]:
        """Return those of the changes in git's raw form that are about it."""
        return [one for one in _changes(raw) if self._counts(one)]

    def idle_after(self, changes: list[Change], read: Read) -> Idle | None:
        """Return what is not called after changes, None where they may change what is done; `read` gives blobs."""
        if not changes:
            return self._idle
        known = all(status == "M" and path in self._idle for status, path, _, _ in changes)
        if not known or len(changes) > MOST_MODULES or self._python != ".".join(map(str, sys.version_info[:2])):
            return None
        blobs = read([oid for _, _, *oids in changes for oid in oids])
        return self._compared(changes, blobs)

    def _compared(self, changes: list[Change], blobs: list[bytes | None]) -> Idle | None:
        from dbsync.checks.syntax import Comparison

        idle = dict(self._idle)
        for (_, path, *_), old, new in zip(changes, blobs[::2], blobs[1::2], strict=True):
            if old is None or new is None:
                return None
            functions = {(int(line), str(name)) for line, name in idle[path]}
            found = Comparison(functions, documented=self._documented).idle_in(old, new)
            if found is None:
                return None
            idle[path] = found
        return idle

    def _counts(self, change: Change) -> bool:
        status, path, _, _ = change
        if path in self._names or path.endswith(CONFIGURES):
            return True
        is_python = path.endswith(".py")
        come_or_gone = status != "M" and f"{os.path.dirname(path)}/*" in self._names
        return is_python and (come_or_gone or path.startswith(self._folders))


def _changes(raw: bytes) -> Iterable[Change]:
    """Read `:mode mode oid oid letter NUL path NUL …`. What was or becomes a link or a submodule is "T"."""
    fields = raw.split(b"\0")
    for head, path in zip(fields[::2], fields[1::2], strict=False):
        before, now, old, new, letter = head.decode("ascii").lstrip(":").split(" ")
        status = letter if letter != "M" or {before, now} <= set(FILES) else "T"
        yield status, os.fsdecode(path), old, new

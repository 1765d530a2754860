"""The file that the commit gate reads: which staged paths make Python start (`hooks/check`)."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from dbsync.store.layout import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = "dbsync-watch"
HEADER = "dbsync-watch 1"
# Until it is known what the models depend on: whatever could be code or configuration.
ANYTHING = ("*.py", "*.ini", "*.toml", "*.cfg", "*.lock", "requirements*.txt", ".pre-commit-config.yaml")


def write_watch(git_dir: str, names: Iterable[str]) -> None:
    """Write what is watched, as names of `checks.verdicts`: `a.py` a file, `a/` all below, `a/*` the Python there.

    `*.ini` is whatever ends so. A name that cannot stand on a line of its own makes everything be watched.
    """
    wanted = _fewest(sorted(names))
    specs = [_pathspec(name) for name in wanted] if all(name.isprintable() for name in wanted) else []
    write_private(os.path.join(git_dir, NAME), "\n".join([HEADER, *(specs or ANYTHING), ""]))


def remove_watch(git_dir: str) -> None:
    """Let Python decide about the next commit."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(git_dir, NAME))


def _fewest(names: list[str]) -> list[str]:
    """Leave out what another name says already: git compares each path with each pathspec, at every commit."""
    folders = tuple(name for name in names if name.endswith("/"))
    python = {name[:-1] for name in names if name.endswith("/*")}
    ends = tuple(name[1:] for name in names if name.startswith("*"))
    return [
        name
        for name in names
        if not name.startswith(tuple(each for each in folders if each != name))
        and (name.startswith("*") or not name.endswith(ends))
        and not (name.endswith(".py") and name[: name.rfind("/") + 1] in python)
    ]


def _pathspec(name: str) -> str:
    if name.startswith("*"):
        return name
    if name.endswith("/*"):
        folder = name[:-2]
        return f":(top,glob){_escaped(folder)}/*.py" if folder else ":(top,glob)*.py"
    return f":(top,literal){name.rstrip('/')}"


def _escaped(folder: str) -> str:
    return "".join(f"\\{one}" if one in "*?[\\" else one for one in folder)

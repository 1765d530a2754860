"""The last tree in which checks found nothing, and all that this hangs on beside it: a file for each kind of checks.

Read before anything else is imported, so this module imports nothing that costs, as `store.verdict`.
"""

from __future__ import annotations

import marshal
import os
import time
from binascii import crc32

from dbsync import __version__
from dbsync.store.surroundings import code_in, when

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    # What is kept, and the names that it hangs on, absolute.
    Facts = tuple[Mapping[str, Any], Mapping[str, Iterable[str]]]

NAME = "dbsync-clear"
FORMAT = f"{__version__} 1"
RACY_NANOSECONDS = 20_000_000


def store_clear_tree(git_dir: str, kinds: Iterable[str], facts: Facts, environ: Mapping[str, str]) -> None:
    """Keep which tree it was, as `commands.quick_check` reads it, and the `variables`, `files` and `folders`.

    Nothing is kept where a file is as young as this: its next change might not show (gitformat-index(5), racy).
    """
    found, hangs_on = facts
    files = {path: when(path) for path in hangs_on["files"]}
    newest = max((one[0] for one in files.values()), default=0)
    path = _path(git_dir, kinds)
    if newest > time.time_ns() - RACY_NANOSECONDS:
        return
    variables = {name: _sum_of(environ.get(name)) for name in hangs_on["variables"]}
    folders = {folder: code_in(folder) for folder in hangs_on["folders"]}
    temporary = f"{path}.{os.getpid()}"
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(marshal.dumps((FORMAT, variables, files, folders, dict(found))))
        os.replace(temporary, path)
    except OSError:
        return


def clear_tree(git_dir: str, kinds: Iterable[str], environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what was found, None where nothing is kept or something that it hangs on has changed."""
    try:
        with open(_path(git_dir, kinds), "rb") as file:
            if os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            kept, variables, files, folders, found = marshal.load(file)  # noqa: S302 - our own, owner-only
    except (OSError, ValueError, EOFError, TypeError):
        return None
    same = (
        kept == FORMAT
        and all(_sum_of(environ.get(name)) == value for name, value in variables.items())
        and all(when(path) == value for path, value in files.items())
        and all(code_in(folder) == names for folder, names in folders.items())
    )
    return dict(found) if same else None


def _path(git_dir: str, kinds: Iterable[str]) -> str:
    return os.path.join(git_dir, ".".join((NAME, *sorted(kinds))))


def _sum_of(value: str | None) -> int:
    return -1 if value is None else crc32(os.fsencode(value))

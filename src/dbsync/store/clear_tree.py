"""The last tree that was judged before a commit with nothing found, and all that this hangs on beside it.

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

NAME = "dbsync-clear"
FORMAT = f"{__version__} 1"
RACY_NANOSECONDS = 20_000_000


def store_clear_tree(
    git_dir: str, found: Mapping[str, Any], hangs_on: Mapping[str, Iterable[str]], environ: Any
) -> None:
    """Keep what was found of a tree; `hangs_on` names `variables`, `files` and `folders` (absolute).

    Nothing is kept where a file is as young as this: its next change might not show (gitformat-index(5), racy).
    """
    files = {path: when(path) for path in hangs_on["files"]}
    newest = max((one[0] for one in files.values()), default=0)
    path = os.path.join(git_dir, NAME)
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


def clear_tree(git_dir: str, environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what was found, None where nothing is kept or something that it hangs on has changed."""
    try:
        with open(os.path.join(git_dir, NAME), "rb") as file:
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


def _sum_of(value: str | None) -> int:
    return -1 if value is None else crc32(os.fsencode(value))

"""The last "in sync", and all it hangs on: as long as nothing of that has changed it can be said again at once.

Read before anything else is imported, so this module imports nothing that costs: no typing, no json, no dataclasses.
What a verdict hangs on: the index and configuration files, the files of every version location (names, sizes, times
and inodes, as git's index has them), the ledgers, environment variables, and the rows of the version tables, which are
read each time. A verdict is not kept where a file is as young as the verdict itself (git's racy-clean rule,
gitformat-index(5)).
"""

from __future__ import annotations

import marshal
import os
import time
from binascii import crc32

from dbsync import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

NAME = "dbsync-verdict"
FORMAT = f"{__version__} 1"
RACY_NANOSECONDS = 20_000_000


def signature_of(path: str) -> tuple[int, ...] | None:
    """Return what tells one state of a file from another, None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def signature_of_folder(path: str) -> tuple[int, ...] | None:
    """Return the same for all Python files right in a folder: their number, the newest time, and a checksum."""
    try:
        with os.scandir(path) as entries:
            found = sorted((one.name, signature_of(one.path)) for one in entries if one.name.endswith(".py"))
    except OSError:
        return None
    newest = max((max(one[1][:2]) for one in found if one[1]), default=0)
    return (newest, newest, len(found), crc32(marshal.dumps(found)))


def store_verdict(git_dir: str, hangs_on: Mapping[str, Any], said: Any, environ: Mapping[str, str]) -> None:
    """Keep a verdict: `hangs_on` holds lists of `files` and `folders`, `variables` and `databases`; `said` is data.

    `databases` are `(path, version table, database_state)`.
    """
    files = {path: signature_of(path) for path in hangs_on["files"]}
    folders = {path: signature_of_folder(path) for path in hangs_on["folders"]}
    newest = max((one[0] for one in [*files.values(), *folders.values()] if one), default=0)
    if newest > time.time_ns() - RACY_NANOSECONDS:
        forget_verdict(git_dir)
        return
    variables = {name: _sum_of(environ.get(name)) for name in hangs_on["variables"]}
    content = (FORMAT, files, folders, variables, list(hangs_on["databases"]), said)
    path = os.path.join(git_dir, NAME)
    temporary = f"{path}.{os.getpid()}"
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(marshal.dumps(content))
        os.replace(temporary, path)
    except OSError:
        return


def standing_verdict(git_dir: str, environ: Mapping[str, str]) -> Any:
    """Return what was said where it can be said again, else None."""
    path = os.path.join(git_dir, NAME)
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            kept, files, folders, variables, databases, said = marshal.load(file)  # noqa: S302 - our own, owner-only
    except (OSError, ValueError, EOFError, TypeError):
        return None
    same = (
        kept == FORMAT
        and all(_sum_of(environ.get(name)) == value for name, value in variables.items())
        and all(signature_of(one) == value for one, value in files.items())
        and all(signature_of_folder(one) == value for one, value in folders.items())
        and all(database_state(one, table) == found for one, table, found in databases)
    )
    return said if same else None


def forget_verdict(git_dir: str) -> None:
    """Drop what was said."""
    try:
        os.unlink(os.path.join(git_dir, NAME))
    except OSError:
        return


def _sum_of(value: str | None) -> int:
    return -1 if value is None else crc32(os.fsencode(value))


def database_state(path: str, version_table: str) -> tuple[str, str, list[str]] | None:
    """Return which file a database is, its schema's stamp and its version table's rows; None where unknown."""
    import sqlite3

    from dbsync.store.sqlite_file import instance_of, read_sqlite

    try:
        rows, stamp = read_sqlite(path, version_table)
        return instance_of(path), stamp, rows
    except (sqlite3.Error, OSError):
        return None

"""A sync that a hook put off, said once and kept until something catches up; one small file a work tree."""

from __future__ import annotations

import os
from contextlib import suppress

from dbsync.store.layout import write_private

NAME = "dbsync-pending"


def set_pending(git_dir: str, reason: str) -> bool:
    """Note why a sync was put off. Returns whether that is news."""
    if read_pending(git_dir) == reason:
        return False
    with suppress(OSError):
        write_private(os.path.join(git_dir, NAME), reason + "\n")
    return True


def read_pending(git_dir: str) -> str:
    """Return why a sync was put off, "" where none was."""
    try:
        with open(os.path.join(git_dir, NAME), encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def clear_pending(git_dir: str) -> None:
    """Forget it: the database was looked at since."""
    with suppress(OSError):
        os.unlink(os.path.join(git_dir, NAME))

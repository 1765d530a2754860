"""A sync that a hook put off, kept until something catches up, and what hooks said once; small files of a work tree."""

from __future__ import annotations

import os
from contextlib import suppress

from dbsync.store.layout import write_private

PENDING, SAID = "dbsync-pending", "dbsync-said"


def set_pending(git_dir: str, reason: str) -> bool:
    """Note why a sync was put off. Returns whether that is news."""
    return _note(os.path.join(git_dir, PENDING), reason)


def read_pending(git_dir: str) -> str:
    """Return why a sync was put off, "" where none was."""
    return _read(os.path.join(git_dir, PENDING))


def is_news(git_dir: str, text: str) -> bool:
    """Say whether a hook has something to tell that it did not tell last, and note it."""
    return _note(os.path.join(git_dir, SAID), text)


def clear_pending(git_dir: str) -> None:
    """Forget all of it: the database was found in sync since."""
    for name in (PENDING, SAID):
        with suppress(OSError):
            os.unlink(os.path.join(git_dir, name))


def _note(path: str, text: str) -> bool:
    if _read(path) == text:
        return False
    with suppress(OSError):
        write_private(path, text + "\n")
    return True


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""

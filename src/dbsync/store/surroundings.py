"""Files that lie around a tree: which state they are in, and which may be code or settings. Light."""

from __future__ import annotations

import os

SETTINGS = (".py", ".toml", ".ini", ".cfg", ".json", ".yaml", ".yml")


def when(path: str) -> tuple[int, int]:
    """Return what changes with a file's content, or with the names in a folder; zeros where there is nothing."""
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


def is_code(path: str) -> bool:
    """Say whether a file may be imported, or read as settings."""
    name = os.path.basename(path)
    return name.endswith(SETTINGS) or name.startswith((".env", ".flaskenv"))


def code_in(folder: str) -> list[str]:
    """Return the names in a folder that may be code or settings, sorted; nothing where there is no folder."""
    try:
        return sorted(name for name in os.listdir(folder) if is_code(name))
    except OSError:
        return []

"""Writing to the terminal: data to standard output, talk to standard error, nothing that a name could control."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from dbsync.cli.text.in_sync import clean

if TYPE_CHECKING:
    from dbsync.errors import Obstacle


__all__ = ["Progress", "clean", "confirm", "data", "error", "obstacle", "say", "write_log"]


PATIENCE_SECONDS = 1


def data(text: str) -> None:
    """Write a line that is the answer."""
    sys.stdout.write(text + "\n")


def say(text: str) -> None:
    """Write a line that is talk."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def error(message: str, hint: str = "") -> None:
    """Say what is wrong, and the next command."""
    say(f"error: {clean(message)}")
    if hint:
        say(f"hint: {clean(hint)}")


def obstacle(one: Obstacle) -> None:
    """Say what is in the way, where, and the next command."""
    where = f" ({one.path}{f':{one.line}' if one.line else ''})" if one.path else ""
    code = f" [{one.code}]" if one.code else ""
    error(f"{one.message}{where}{code}", one.hint)


def confirm(question: str) -> bool:
    """Ask; no is the answer where nobody can be asked, and under CI."""
    if os.environ.get("CI") or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    sys.stderr.write(f"{clean(question)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


class Progress:
    """One line on a terminal, rewritten as things go on; nothing at all for what is done within a second."""

    def __init__(self) -> None:
        self._start = 0.0
        self._shown = False

    def __call__(self, text: str) -> None:
        """Show what is being done; "" takes the line away."""
        self._start = self._start or time.monotonic()
        if not sys.stderr.isatty() or (text and time.monotonic() - self._start < PATIENCE_SECONDS):
            return
        if text or self._shown:
            sys.stderr.write(f"\r\x1b[K{clean(text)}")
            sys.stderr.flush()
        self._shown = bool(text)


def write_log(problem: BaseException, arguments: list[str]) -> str:
    """Write what a bug report needs to a file of its own; returns its path."""
    import platform
    import tempfile
    import traceback

    from dbsync import __version__

    lines = [
        f"dbsync {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"arguments: {arguments}",
        *traceback.format_exception(problem),
    ]
    fd, path = tempfile.mkstemp(prefix="dbsync-", suffix=".log")
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return path

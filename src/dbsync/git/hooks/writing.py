"""Reading and replacing whole files, so that a hook that runs meanwhile sees the old one or the new one."""

from __future__ import annotations

import os
from contextlib import suppress


def read_file(path: str) -> bytes | None:
    """Return what the file holds, None where there is no file."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def replace_file(path: str, content: bytes, mode: int) -> None:
    """Put a file with exactly this content and mode at `path`."""
    temporary = f"{path}.{os.urandom(6).hex()}"
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(fd, "wb") as file:
            os.fchmod(fd, mode)
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise

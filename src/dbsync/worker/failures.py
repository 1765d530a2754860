"""Why the worker stops. Each is reported as data; nothing here is ever parsed from text."""

from __future__ import annotations

import configparser
import os
import re
import traceback
from typing import Any

# In a URL, and as libpq and asyncpg write it.
PASSWORD = re.compile(
    r"(?<=://)([^\s:/@]*):[^\s@]*(?=@)|((?:password|passwd|pwd|secret|token)=)[^\s&;'\")]+", re.IGNORECASE
)

# MySQL and MariaDB name the database of every table.
SCRATCH = re.compile(r"`?\bdbsync_shadow_[0-9a-f]+`?\.")


class Stop(BaseException):
    """End the run now and roll back. Not an Exception: an application that catches those must not go on.

    `dialect` is that of a server which lets no scratch database be made, "" for all else.
    """

    def __init__(self, code: str, message: str, hint: str = "", dialect: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.dialect = dialect

    @classmethod
    def behind(cls, error: BaseException | None) -> Stop | None:
        """Return the Stop that an exception is, or that it was raised in the course of: clean-up may hide it."""
        while error is not None and not isinstance(error, cls):
            error = error.__cause__ or error.__context__
        return error

    def as_facts(self) -> dict[str, str]:
        """Return what the host is told."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "dialect": self.dialect}


def describe(error: BaseException, top: str) -> dict[str, Any]:
    """Return an exception as the host reports it: class, first line, and the innermost place inside the project."""
    place = _place(error, top)
    return {
        "type": type(error).__name__,
        "module": type(error).__module__,
        "message": _sentence(error),
        "path": place[0] if place else None,
        "line": place[1] if place else None,
        "missing_module": getattr(error, "name", None) if isinstance(error, ImportError) else None,
    }


def _sentence(error: BaseException) -> str:
    """Return the first line of what an exception says, less any password."""
    if isinstance(error, configparser.InterpolationError):
        # The rest of the sentence may be a password.
        return f"a % in option {error.option} of section {error.section} must be written %%"
    first, *rest = str(getattr(error, "orig", None) or error).strip().splitlines() or [""]
    last = rest[-1].strip() if rest and first.endswith(":") else ""  # Flask's loader ends with a traceback
    text = SCRATCH.sub("", f"{first} {last}".rstrip()) + _wrong_settings(error)
    cause = _sentence(error.__cause__) if error.__cause__ else ""  # of "Unable to configure handler 'file'", say
    text += f": {cause}" if cause and cause not in text else ""
    return PASSWORD.sub(lambda found: f"{found[1]}:***" if found[1] is not None else f"{found[2]}***", text)


def _wrong_settings(error: BaseException) -> str:
    """Return the names that pydantic finds missing or wrong, which its first line only counts. Values may be secret."""
    if not type(error).__module__.startswith("pydantic"):
        return ""
    found: list[dict[str, Any]] = getattr(error, "errors", list)()
    return ": " + ", ".join(".".join(map(str, one["loc"])) for one in found) if found else ""


def _place(error: BaseException, top: str) -> tuple | None:  # type: ignore[type-arg]  # Python 3.9
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename:
        return os.path.relpath(error.filename, top), error.lineno
    inside = [frame for frame in frames if _belongs(frame.filename, top)]
    return (os.path.relpath(inside[-1].filename, top), inside[-1].lineno) if inside else None


def _belongs(filename: str, top: str) -> bool:
    if filename.startswith("<"):  # `python -c`, frozen modules
        return False
    path = os.path.realpath(filename)
    return path.startswith(os.path.realpath(top) + os.sep) and "site-packages" not in path

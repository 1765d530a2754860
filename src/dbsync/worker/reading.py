"""What is read while a tree is judged: what its models depend on."""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
from typing import TYPE_CHECKING, Any

from .called import Called, reads_text

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_LIBRARIES = ("site-packages", "dist-packages", "__pycache__")
OF_THE_SYSTEM = ("/proc/", "/dev/", "/sys/")


class Reading:
    """Notes which files are read from now on; `top` is where the tree lies, `real_top` the work tree."""

    def __init__(self, top: str, real_top: str) -> None:
        self._top = os.path.join(os.path.realpath(top), "")
        self._state = os.path.join(os.path.realpath(real_top), ".git", "")
        self._opened: set[str] = set()
        self._imported: set[str] = set()
        self._called = Called(top)
        self._called.install()
        sys.addaudithook(self._heard)

    def facts(self) -> dict[str, Any]:
        """Return all that dbsync is to know of what was read and called."""
        outside = self.outside()
        return {
            "read": self.files(),
            "outside": outside,
            "idle": self._called.idle({name for path in self._opened for name in self._inside(path)}),
            "documented": self._called.text_is_read or any(_reads_text(path) for path in outside),
            "python": ".".join(map(str, sys.version_info[:2])),
        }

    def _heard(self, event: str, arguments: Any) -> None:
        if event not in ("open", "os.listdir", "os.scandir") or not arguments or not isinstance(arguments[0], str):
            return
        if event == "open" and _only_written(arguments):
            return
        if "importlib" not in sys._getframe(1).f_code.co_filename:  # noqa: SLF001 - who asks
            self._opened.add(os.path.abspath(arguments[0]))
        elif event == "open":  # imports list folders too, only to find one module
            self._imported.add(os.path.abspath(arguments[0]))

    def files(self) -> list[str]:
        """Return what was read below the top, relative to it: files, and folders with a "/" at the end."""
        found = {name for path in self._everything() for name in self._inside(path)}
        return sorted(one for one in found if "site-packages" not in one and "__pycache__" not in one)

    def outside(self) -> list[str]:
        """Return what was read elsewhere on this machine, but for libraries, of which the folders say enough."""
        folders = {os.path.abspath(path) for path in sys.path if path and os.path.isdir(path)}
        libraries = sysconfig.get_paths()
        known = (self._top, self._state, libraries["stdlib"], libraries["platstdlib"], *OF_THE_SYSTEM)
        paths = {path for path in self._everything() if not path.startswith(known) and _counts(path)}
        return sorted(paths | {path for path in folders if not os.path.join(path, "").startswith(self._top)})

    def _everything(self) -> set[str]:
        return self._opened | self._imported | _modules()

    def _inside(self, path: str) -> Iterator[str]:
        """Yield the name of a file as it was opened, and of what it links to."""
        for whole in {path, os.path.realpath(path)} if path else ():
            if whole.startswith(self._top):
                yield whole[len(self._top) :] + ("/" if os.path.isdir(whole) else "")


def _counts(path: str) -> bool:
    passing = path.startswith(os.path.join(tempfile.gettempdir(), "")) and not os.path.exists(path)
    return not (passing or any(one in path for one in OF_LIBRARIES))


def _only_written(arguments: Any) -> bool:
    """Say whether a file is opened for writing alone: a log that grows with every run is nothing to depend on."""
    flags = arguments[2] if len(arguments) > 2 else 0  # noqa: PLR2004 - path, mode, flags
    return isinstance(flags, int) and flags & os.O_ACCMODE == os.O_WRONLY


def _reads_text(path: str) -> bool:
    if not path.endswith(".py") or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return reads_text(file.read())


def _modules() -> set[str]:
    found = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    return {os.path.abspath(path) for path in found if isinstance(path, str)}

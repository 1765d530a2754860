"""Which compiled modules are believed: those of libraries, never the project's own.

Python knows bytecode by whole seconds and size, so a module that a switch rewrote with equal length within the second
would run as it was. A folder for all bytecode (`sys.pycache_prefix`) would make every library be compiled anew.
"""

from __future__ import annotations

import os
from importlib.machinery import SourceFileLoader
from typing import Any


def distrust_bytecode_of(top: str) -> None:
    """Compile what lies below `top` from its source, and write no bytecode of it; installed packages are excepted.

    A loader whose `path_stats` raises OSError does that (importlib.abc.SourceLoader).
    """
    path_stats = SourceFileLoader.path_stats
    folder = os.path.join(top, "")

    def stats(self: SourceFileLoader, path: Any) -> Any:
        if os.path.abspath(path).startswith(folder) and "site-packages" not in path:
            raise OSError(f"the bytecode of {path} is not looked at")
        return path_stats(self, path)

    SourceFileLoader.path_stats = stats  # type: ignore[method-assign]  # all of them pass here

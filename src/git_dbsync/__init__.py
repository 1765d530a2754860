"""What Alembic loads at its own import, as a plugin (entry point group `alembic.plugins`): nothing may go wrong here.

It stands apart from `dbsync` because a project may have a module of that name: then this does nothing.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def setup(plugin: Any) -> None:  # noqa: ARG001 - what Alembic calls
    """Record from now on what Alembic applies; under dbsync itself it is recorded already."""
    if os.environ.get("DBSYNC_ACTIVE") or os.environ.get("DBSYNC") == "off":
        return
    try:
        if _is_ours():
            loaded = {"dbsync", "dbsync.plugin"} - sys.modules.keys()
            from dbsync.plugin import ListenLater

            sys.meta_path.insert(0, ListenLater())
            for (
                name
            ) in loaded:  # the project's folder is not on the path yet: a `dbsync` of its own is to be found there
                sys.modules.pop(name, None)
    except Exception:  # noqa: BLE001 - Alembic must be what it is without us
        return


def _is_ours() -> bool:
    """Whether `dbsync` is the package that lies beside this one."""
    from importlib.util import find_spec

    found = find_spec("dbsync")
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return bool(found and found.origin) and os.path.dirname(os.path.dirname(str(found and found.origin))) == here

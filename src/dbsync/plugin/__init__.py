"""Records what plain Alembic applies, in the same moment: `alembic upgrade`, `flask db upgrade`, `command.upgrade()`.

Alembic 1.18 loads it by itself where git-dbsync is installed; before that, two lines in env.py do:

    import dbsync.plugin
    dbsync.plugin.listen()

It does nothing unless the migrations lie in a repository with a database that was given to dbsync. It never raises and
never prints: it comes along into images, where Alembic must be what it is without it. It imports nothing at first.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def listen() -> None:
    """Hear of what env.py configures from now on. To be called again does nothing."""
    try:
        _listen()
    except Exception:  # noqa: BLE001 - see above
        return


class ListenLater:
    """Waits at the head of `sys.meta_path`: Alembic loads its plugins before the class that is listened to.

    The first module that is imported once it is there (`alembic.op`) ends that.
    """

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Find nothing; at the end of the wait, what the others find, since one of them would be passed over."""
        if not hasattr(sys.modules.get("alembic.runtime.environment"), "EnvironmentContext"):
            return None
        sys.meta_path.remove(self)
        listen()
        found = (finder.find_spec(name, path, target) for finder in sys.meta_path)
        return next((spec for spec in found if spec is not None), None)


def _listen() -> None:
    from functools import wraps

    from alembic.runtime.environment import EnvironmentContext

    configure = EnvironmentContext.configure
    if hasattr(configure, "heard_by_dbsync"):
        return

    @wraps(configure)
    def configured(self: Any, *args: Any, **kw: Any) -> None:
        configure(self, *args, **_heard(self, args, kw))

    configured.heard_by_dbsync = True  # type: ignore[attr-defined]  # the mark looked for above
    EnvironmentContext.configure = configured  # type: ignore[method-assign]  # every env.py calls it


def _heard(environment: Any, args: tuple[Any, ...], kw: dict[str, Any]) -> dict[str, Any]:
    """Return the options of `configure()` with a listener among them, where there may be something to record."""
    try:
        if args[1:] or is_off() or environment.context_opts.get("as_sql"):
            return kw
        from dbsync.plugin.repository import find_repository

        repository = find_repository(environment.script.dir)
        if repository is None:
            return kw
        from dbsync.plugin.hearing import with_listener

        return with_listener(environment, repository, kw)
    except Exception:  # noqa: BLE001 - see above
        return kw


def is_off() -> bool:
    """Whether dbsync's own worker is at it, which records by itself, or the person switched it off."""
    return bool(os.environ.get("DBSYNC_ACTIVE")) or os.environ.get("DBSYNC") == "off"

"""A scratch database in the place of the project's: every connection of the run is pointed at it."""

from __future__ import annotations

from typing import Any, Callable


class Redirect:
    """Made when the first connection is opened, since only then its dialect and server are known."""

    def __init__(self) -> None:
        self._point: Callable[..., None] | None = None
        self._remove: Callable[[], None] | None = None

    def point(self, adapter: Any, dialect: Any, cargs: list[Any], cparams: dict[str, Any]) -> None:
        """Change the arguments of a connection that is about to be opened."""
        if self._point is None:
            self._point, self._remove = adapter.make_scratch(dialect, cargs, cparams)
        self._point(cargs, cparams)

    def remove(self) -> None:
        """Remove the scratch database."""
        if self._remove is not None:
            self._remove()

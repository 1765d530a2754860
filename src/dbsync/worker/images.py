"""Copies of tables made just before a statement takes something of them away, where nothing can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .engines.driver import dbapi_of, execute
from .taking import Compared, Image

if TYPE_CHECKING:
    from .loss import Verdict, Watched
    from .taking import Taking


class Images:
    """The copies of one downgrade. What it has lost is known when it has run, and is read from them then."""

    def __init__(self, adapter: Any, connection: Any, taking: Taking) -> None:
        self._adapter = adapter.shelf
        self._connection = connection
        self._taking = taking
        self._made: dict[str, Image | None] = {}

    def keep(self, watched: Watched) -> None:
        """Copy a table before the first statement that may take something of it away, where it is as it was."""
        if watched.table in self._made:
            return
        shape = self._adapter.shape(self._connection, watched.now)
        same = shape is not None and not shape.why_not and shape.columns.keys() <= watched.columns.keys()
        self._made[watched.table] = None
        if same and watched.now == watched.table:
            name = f"dbsync_was_{len(self._made)}"
            self._adapter.image(self._connection, name, watched.table)
            self._made[watched.table] = Image(shape, self._adapter.scratch(name))

    def send(self, revision: str, verdicts: list[Verdict]) -> None:
        """Send what the downgrade has lost. Raises `LookupError` where it was not seen coming, or rows have no key."""
        for one in verdicts:
            image = self._made.get(one.table)
            if image is None or (one.now and (not image.shape.key or set(image.shape.key) & set(one.gone))):
                raise LookupError(one.table)
            if not one.now:
                self._taking.table(revision, one.table, image)
            elif one.whole:
                for part, select in Compared(self._adapter, image.source, one, image.shape).parts():
                    self._taking.send(revision, part, select)
            else:
                self._taking.columns(revision, one.table, one.gone, image)

    def forget(self) -> None:
        """Drop the copies."""
        for image in filter(None, self._made.values()):
            execute(dbapi_of(self._connection), f"{self._adapter.DROP} {image.source}")
        self._made.clear()

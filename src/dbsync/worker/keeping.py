"""What stands in for a rollback where every change of a schema is committed at once.

The database is kept before the first step, and put back where one fails. dbsync has the copy: it is safe on the disk
before anything is changed, and outlives a worker that is killed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .engines import adapter_for
from .engines.driver import dbapi_of
from .failures import Stop, describe

if TYPE_CHECKING:
    from collections.abc import Iterator


class Keeping:
    """The keeping of one database. `begun`: steps may have changed it; `failed`: why it could not be put back."""

    def __init__(self, channel: Any, context: Any) -> None:
        self._channel = channel
        self._context = context
        self._adapter = adapter_for(context.dialect)
        self._connection = context.connection
        self._evidence = self._adapter.evidence(self._connection)
        self.begun = self.whole = False
        self._another: Any = None
        self.failed: str | None = None

    def begin(self) -> None:
        """Keep the database, unless it is too large and the person goes on without."""
        answer = self._ask("keep", size=self._adapter.size(self._connection))
        self.whole, size = answer["whole"], 0
        for piece in self._adapter.pieces(dbapi_of(self._connection)) if self.whole else ():
            self._channel.tell("piece", piece=piece)
            size += len(piece.get("statement", ""))
            if size > answer["most"]:  # the server's figure may be an old one
                self.whole = self._ask("keep", size=size)["whole"]
                break
        self._ask("begin")
        self.begun = True

    def _ask(self, event: str, **facts: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._channel.ask(event, **facts)
        if answer.get("stop"):
            raise Stop(answer["code"], answer["message"], answer["hint"])
        return answer

    def end(self, place: int) -> None:
        """Commit what the last step has done to rows: nothing of it is taken back any more."""
        self._channel.tell("committing", place=place)
        dbapi_of(self._connection).commit()
        self._channel.tell("committed", place=place)
        self.begun = False

    def put_back(self) -> None:
        """Make the database what it was, where that can be done; else say why not."""
        if not self.begun or not self.whole:
            return
        try:
            self._adapter.put_back(self._open(), self._pieces())
            self._channel.tell("put_back")
            self.begun = False
        except (Exception, Stop) as error:  # noqa: BLE001 - whatever it raises: what led here is reported as well
            self.failed = describe(error, "/")["message"] or type(error).__name__

    def restore(self) -> None:
        """Make the database what an earlier run kept of it. Raises whatever the driver raises."""
        self._adapter.put_back(dbapi_of(self._connection), self._pieces())
        self._channel.tell("put_back")

    def _pieces(self) -> Iterator[dict[str, Any]]:
        piece = self._channel.ask("kept_piece")["piece"]
        while piece is not None:
            yield piece
            piece = self._channel.ask("kept_piece")["piece"]

    def _open(self) -> Any:
        """Return a connection that works: the own one, or another where that is lost, once it has ended."""
        try:
            dbapi = dbapi_of(self._connection)
            dbapi.rollback()
            self._adapter.evidence(dbapi)
        except Exception:  # noqa: BLE001 - whatever a driver raises of a connection that is gone
            self._another = self._connection.engine.raw_connection()
            dbapi = self._another.dbapi_connection
            self._adapter.end(dbapi, self._evidence)
            self._adapter.lock(dbapi, self._context.version_table_schema, self._context.version_table)
        return dbapi

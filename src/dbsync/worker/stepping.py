"""What is done around each step of a plan for the sake of rows: seen what it loses, taken, put back."""

from __future__ import annotations

import time
from typing import Any, Callable

from .engines import adapter_for
from .engines.driver import dbapi_of, execute, take_back
from .failures import Stop
from .loss import LossWatch, changing

SAVEPOINT = "dbsync_step"


class Stepping:
    """The steps of one plan on one connection.

    `shelves` says whether there is a shelf, `losses` are those that could not be kept.
    """

    def __init__(self, channel: Any, context: Any, committed: Callable[[], bool]) -> None:
        self._channel = channel
        self._context = context
        self._connection = context.connection
        self._adapter = adapter_for(context.dialect)
        self._committed = committed
        self._watch: LossWatch | None = None
        self._returning: Any = None
        self._parts: Any = None
        self._images: Any = None
        self._held: dict[str, dict[str, str]] | None = None
        self.losses: list[dict[str, str]] = []
        self.shelves = False

    @property
    def _taking(self) -> Any:
        """What takes rows; compiled where some are lost."""
        from .taking import Taking

        self._parts = self._parts or Taking(self._adapter, self._connection, self._channel)
        return self._parts

    def _make_returning(self) -> Any:
        from .returning import Returning

        return Returning(self._adapter, self._connection, self._channel)

    @property
    def held(self) -> dict[str, dict[str, str]]:
        """The tables that held rows before the first downgrade."""
        return self._held or {}

    def down(self, revision: str, perform: Callable[[], Any], upgrade: Callable[[], Any] | None = None) -> Any:
        """Run a downgrade; where it loses rows, take it back, send them to the shelf, and run it again.

        `upgrade` is run once more after that, and taken back, to see what it makes by itself; None where it may commit.
        """
        if not self._adapter.ROLLS_BACK_DDL:
            return self._down_for_good(revision, perform)
        self._run(f"SAVEPOINT {SAVEPOINT}")
        result, verdicts = self._watched(perform)
        if verdicts and self.shelves and not self._committed():
            result, verdicts = self._again(revision, perform, verdicts)
            self._see_what_is_made(upgrade)
        self.losses += [loss for one in verdicts for loss in one.losses]
        if not self._committed():
            self._run(f"RELEASE SAVEPOINT {SAVEPOINT}")
        return result

    def _down_for_good(self, revision: str, perform: Callable[[], Any]) -> Any:
        """Run a downgrade that cannot be taken back by itself; what it loses is sent from images of the tables."""
        result, verdicts = self._watched(perform)
        images, self._images = self._images, None
        if images is not None and self._attempt(lambda: images.send(revision, verdicts)):
            verdicts = []
        elif images is not None:
            self._taking.forget(revision)
        if images is not None:
            images.forget()
        self.losses += [loss for one in verdicts for loss in one.losses]
        return result

    def _make_images(self) -> Any:
        from .images import Images

        return Images(self._adapter, self._connection, self._taking)

    def _again(self, revision: str, perform: Callable[[], Any], planned: list[Any]) -> tuple[Any, list[Any]]:
        """Return what the second run returns, and what it loses that was not kept."""
        self._run(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
        self._context.impl.memo.clear()
        if self._taking.why_not(planned):
            return self._watched(perform)
        taken = self._attempt(lambda: self._taking.before(revision, planned))
        result, verdicts = self._watched(perform)
        if taken and self._attempt(lambda: self._taking.after(verdicts)):
            return result, [one for one in verdicts if not _covered(one, planned)]
        self._taking.forget(revision)
        return result, verdicts

    def _see_what_is_made(self, upgrade: Callable[[], Any] | None) -> None:
        whole = self._taking.whole_tables()
        if upgrade is None or not whole:
            return
        dbapi, failed = dbapi_of(self._connection), None
        execute(dbapi, "SAVEPOINT dbsync_made")
        try:
            began = time.monotonic()
            upgrade()
            with self._adapter.shelf.steady(self._connection):
                self._taking.made(whole, time.monotonic() - began)
        except (EOFError, Stop):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it raises: nobody knows what the upgrade makes
            failed = error
        take_back(dbapi, "dbsync_made", failed)
        self._context.impl.memo.clear()

    def _attempt(self, take: Callable[[], None]) -> bool:
        """Say whether rows were sent; where the database refuses to show them, what is lost is not covered."""
        dbapi = dbapi_of(self._connection)
        execute(dbapi, "SAVEPOINT dbsync_taking")
        try:
            with self._adapter.shelf.steady(self._connection):
                take()
        except (EOFError, Stop):
            raise
        except Exception as error:  # noqa: BLE001 - whatever the driver raises: the refusal names the tables
            take_back(dbapi, "dbsync_taking", error)
            return False
        execute(dbapi, "RELEASE SAVEPOINT dbsync_taking")
        return True

    def _watched(self, perform: Callable[[], Any]) -> tuple[Any, list[Any]]:
        watch = self._watch = LossWatch(self._adapter, self._connection, self._context.version_table)
        self._held = watch.held() if self._held is None else self._held
        try:
            result = perform()
        finally:
            self._watch = None
        return result, watch.verdicts()

    def losses_so_far(self) -> list[dict[str, str]]:
        """Return what the downgrade that is running has lost until now."""
        watch, self._watch = self._watch, None
        found = watch.verdicts() if watch is not None else []
        self._watch = watch
        return [loss for one in found for loss in one.losses]

    def lose(self, revision: str, one: Any) -> None:
        """Take what is about to be cleared away after all downgrades."""
        if not one.table:
            return
        shape = self._adapter.shelf.shape(self._connection, one.table) if self.shelves else None
        if shape is None or shape.why_not:
            rows = self._adapter.contents(self._connection, one.table, {})[0]
            what = {"table": one.table, "column": one.column, "what": "column" if one.column else "table"}
            self.losses += [what] if rows else []
            return
        if one.column:
            taken = self._attempt(lambda: self._taking.columns(revision, one.table, [one.column]))
        else:
            taken = self._attempt(lambda: self._taking.table(revision, one.table))
        if not taken:
            what = {"table": one.table, "column": one.column, "what": "column" if one.column else "table"}
            self.losses.append(what)

    def look(self, revision: str) -> None:
        """Before an upgrade."""
        entries = self._channel.ask("shelved", revision=revision)["entries"] if self.shelves else []
        if entries:
            self._returning = self._make_returning()
            self._returning.before(entries)

    def put_back(self) -> None:
        """After an upgrade."""
        if self._returning is not None:
            self._returning.after()
        self._returning = None

    def restore(self, wanted: dict[str, Any]) -> None:
        """Put one entry back by hand."""
        returning = self._make_returning()
        for part in wanted["entry"]["parts"]:
            returning.put(wanted["entry"], part, force=wanted["force"])

    def before_statement(self, statement: str) -> None:
        """Look at a statement that is about to run."""
        if self._watch is not None:
            self._watch.before_statement(statement)
            if self.shelves and not self._adapter.ROLLS_BACK_DDL:
                for one in self._watch.endangered(statement):
                    self._images = self._images or self._make_images()
                    self._images.keep(one)

    def after_statement(self, statement: str, rowcount: int) -> None:
        """Look at a statement that has run."""
        if self._watch is not None:
            self._watch.after_statement(statement, rowcount)
        elif self._returning is not None:
            self._returning.heard.update(changing(statement, rowcount)[0])

    def renamed_column(self, table: str, old: str, new: str) -> None:
        """Note a rename that Alembic was asked for."""
        if self._watch is not None:
            self._watch.renamed_column(table, old, new)

    def _run(self, statement: str) -> None:
        execute(dbapi_of(self._connection), statement)


def _covered(one: Any, planned: list[Any]) -> bool:
    """Say whether what is lost this time was taken before: the same, or less of it."""
    for other in planned:
        if other.table == one.table:
            less = one.now and not one.whole and set(one.gone) <= set(other.gone)
            return bool(not other.now or other.whole or less)
    return False

"""One revision up, down and up again on a scratch database with rows, and the schema compared after each.

Every migration has a transaction of its own, committed as Alembic's `transaction_per_migration` does it, so that
`autocommit_block` and what may not run beside other things work as they do for the project. A step that fails is rolled
back; where the engine does not do that, a copy made before is put back. What can be neither raises `LostError`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from .engines import adapter_for
from .failures import describe
from .rows import Rows, lacks_a_value

if TYPE_CHECKING:
    from collections.abc import Callable

    Found = list[dict[str, Any]]


class LostError(Exception):
    """The database is in a state that nothing leads back from; `found` is what was found before."""

    def __init__(self, found: Found) -> None:
        super().__init__("the scratch database has to be built again")
        self.found = found


class _UndoneError(Exception):
    """Ends a transaction on purpose: what was done in it has been seen, and is to go."""


class Seen(NamedTuple):
    """What a database holds: the lines of its schema, and how many rows each table has."""

    lines: frozenset  # type: ignore[type-arg]  # Python 3.9
    rows: dict[str, int]


class Trial:
    """What is tried on one database. `applied` says whether the revision tried last is in it now."""

    def __init__(self, context: Any, arguments: dict[str, Any], top: str) -> None:
        self._context = context
        self._arguments = arguments
        self._top = top
        self._adapter = adapter_for(context.dialect)
        self._known: dict[Any, Any] = {}
        self._rows = Rows(context)
        self.applied = False

    def build(self, script: Any) -> None:
        """Go up with a revision that is not judged. Raises whatever it raises."""
        self.applied = True
        with self._transaction():
            self._perform(script, "upgrade")

    def judge(self, script: Any) -> Found:
        """Return what is wrong with a revision. Raises `LostError`."""
        self.applied = True
        with self._transaction():
            self._rows.fill()
            start = self._look()
        restore = self._copied()
        error = self._failure(script, "upgrade")
        if error is None:
            return self._there_and_back(script, start)
        self.applied = False
        self._return_to(start, restore, [_failed("DBS230", error)])
        return self._without_rows(script, error, self._copied())

    def _without_rows(self, script: Any, error: dict[str, Any], restore: Any) -> Found:
        """Go up once more after it failed, on empty tables: that rows were in the way is another sentence."""
        found = [_failed("DBS230", error)]
        with self._transaction():
            filled = self._rows.clear()
            start = self._look()
        if filled and self._failure(script, "upgrade") is None:
            self.applied = True
            return self._there_and_back(script, start, [_failed("DBS230", error, on_rows=True)])
        self._return_to(start, restore, found)
        return found

    def _there_and_back(self, script: Any, start: Seen, before: Found | None = None) -> Found:
        with self._transaction():
            up = self._look()
        restore = self._copied()
        found = self._back(script, start, up) or self._again(script, up)
        everything = [*(before or []), *found]
        if found:
            self._return_to(up, restore, everything)
        if [one["code"] for one in found] == ["DBS231"]:
            found[0]["on_rows"] = not self._fails_without_rows(script)
            self._return_to(up, restore, everything)
        return everything

    def _back(self, script: Any, start: Seen, up: Seen) -> Found:
        """Go down; where that does not lead back, see within the transaction whether going up works all the same."""
        found: Found = []
        try:
            with self._transaction():
                self._perform(script, "downgrade")
                lines = _differences(start.lines, (now := self._look()).lines) + _lost_rows(start, up, now)
                if lines:
                    found.append({"code": "DBS232", "lines": lines})
                    self._perform(script, "upgrade")
                    raise _UndoneError  # noqa: TRY301 - what ends the transaction
        except _UndoneError:
            pass
        except Exception as error:  # noqa: BLE001 - whatever the project raises is what is looked for
            if found:
                return [*found, _failed("DBS233", self._described(error))]
            found.append(_failed("DBS231", self._described(error)))
        return found

    def _fails_without_rows(self, script: Any) -> bool:
        try:
            with self._transaction():
                if not self._rows.clear():
                    return True
                self._perform(script, "downgrade")
                raise _UndoneError  # noqa: TRY301 - what ends the transaction
        except _UndoneError:
            return False
        except Exception:  # noqa: BLE001 - that it raises is the answer
            return True

    def _again(self, script: Any, up: Seen) -> Found:
        error = self._failure(script, "upgrade")
        if error is not None:
            return [_failed("DBS233", error)]
        with self._transaction():
            lines = _differences(up.lines, self._look().lines)
        return [{"code": "DBS234", "lines": lines}] if lines else []

    def _failure(self, script: Any, direction: str) -> dict[str, Any] | None:
        """Run one direction, and return how it failed."""
        try:
            with self._transaction():
                self._perform(script, direction)
        except Exception as error:  # noqa: BLE001 - whatever the project raises is what is looked for
            return self._described(error)
        return None

    def _perform(self, script: Any, direction: str) -> None:
        """Run one direction as a process of its own would: types made before are not remembered."""
        self._context.impl.memo.clear()
        getattr(script.module, direction)(**self._arguments)

    def _described(self, error: Exception) -> dict[str, Any]:
        return {**describe(error, self._top), "lacks_a_value": lacks_a_value(error)}

    def _transaction(self) -> Any:
        """Return the transaction of one migration: Alembic's own, or a savepoint where env.py began one around all.

        No savepoint outlives DDL where that cannot be rolled back.
        """
        if self._context._in_external_transaction:  # noqa: SLF001 - as above
            holds = self._adapter.ROLLS_BACK_DDL
            return self._context.connection.begin_nested() if holds else contextlib.nullcontext()
        return self._context.begin_transaction(_per_migration=True)

    def _look(self) -> Seen:
        connection, table = self._context.connection, self._context.version_table
        lines = frozenset(self._adapter.schema(connection, table, self._known))
        return Seen(lines, self._rows.counts())

    def _copied(self) -> Callable[[], None] | None:
        restore: Callable[[], None] | None = self._adapter.copied(self._context.connection)
        return restore

    def _return_to(self, wanted: Seen, restore: Callable[[], None] | None, found: Found) -> None:
        if restore is not None:
            restore()
        with self._transaction():
            if self._look().lines != wanted.lines:
                raise LostError(found)


def _failed(code: str, error: dict[str, Any], *, on_rows: bool = False) -> dict[str, Any]:
    return {"code": code, "error": error, "on_rows": on_rows, "lines": []}


def _differences(before: frozenset, now: frozenset) -> list[str]:  # type: ignore[type-arg]  # Python 3.9
    """Return what is there beyond what was ("+") and what is not any more ("-"), less what goes with its table."""
    return [*_signed("+", now - before), *_signed("-", before - now)]


def _signed(sign: str, lines: frozenset) -> list[str]:  # type: ignore[type-arg]  # Python 3.9
    tables = [f" {line[len('table ') :]}" for line in lines if line.startswith("table ")]
    inside = tuple(f"{table}{end}" for table in tables for end in (".", ":", " "))
    kept = [line for line in sorted(lines) if line.startswith("table ") or not any(one in line for one in inside)]
    return [f"{sign} {' '.join(line.split()).replace(' public.', ' ')}" for line in kept]


def _lost_rows(start: Seen, up: Seen, now: Seen) -> list[str]:
    """Return the tables that hold fewer rows than both before the upgrade and after it."""
    both = {table: min(rows, up.rows[table]) for table, rows in start.rows.items() if table in up.rows}
    lost = {table: rows - now.rows[table] for table, rows in both.items() if table in now.rows}
    return [f"- {count} of {both[table]} rows of {table}" for table, count in sorted(lost.items()) if count > 0]

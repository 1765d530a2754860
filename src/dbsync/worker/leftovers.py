"""What downgrades leave behind, known from what their upgrades changed in the schema when they were applied.

Every upgrade's lines, added and removed, are kept with the ledger. After the downgrades of a plan the schema should be
the one before them, less what was added, with what was removed. What is still there is cleared away where no row hangs
on it; what cannot be, and what is not back, is named. Downgrades that nothing is known of cut a plan into parts, each
cleared by itself before the next begins; only the last is judged, since what an unknown one does cannot be told from
what the others leave.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any, Callable, NamedTuple

from .engines.driver import attempt, dbapi_of, execute

# What is read around each upgrade costs a few milliseconds; a hook takes ten revisions down at most.
MOST_RECORDED = 50
MOST_NAMED = 3
LONGEST = 120


class Upgrades:
    """What each upgrade of a run changes: `changes` holds the lines added and removed, by revision."""

    def __init__(
        self, read: Callable[[], frozenset[str]], revisions: list[str], lines: frozenset[str] | None = None
    ) -> None:
        self._read = read
        self._recorded = set(revisions[-MOST_RECORDED:])
        self._lines = lines if self._recorded.issuperset(revisions) else None
        self.changes: dict[str, list[list[str]]] = {}

    def before(self, revision_id: str) -> None:
        """Read the schema as the first of the upgrades that are recorded finds it."""
        if self._lines is None and revision_id in self._recorded:
            self._lines = self._read()

    def after(self, revision_id: str) -> None:
        """Record what an upgrade has changed."""
        if self._lines is None or revision_id not in self._recorded:
            return
        before, self._lines = self._lines, self._read()
        self.changes[revision_id] = [sorted(self._lines - before), sorted(before - self._lines)]


class Judged(NamedTuple):
    """How a schema differs from the one that should be there after downgrades.

    `left` was added by the upgrades and is still there, `lacking` was there before them and is not back, `new` was
    never there; `gone` was there all the time, and no upgrade had to do with it.
    """

    left: frozenset[str]
    lacking: frozenset[str]
    new: frozenset[str]
    gone: frozenset[str]


class Downgrades:
    """Some downgrades of a plan on one connection; `changes` holds what the ledger knows of their upgrades."""

    def __init__(self, adapter: Any, connection: Any, read: Callable[[], frozenset[str]], plan: dict[str, Any]) -> None:
        self._adapter, self._connection, self._read = adapter, connection, read
        changes = plan.get("changes") or {}
        self._steps: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        for one in reversed(plan["down"]):
            if one not in changes:
                break
            self._steps = {one: (frozenset(changes[one][0]), frozenset(changes[one][1])), **self._steps}
        self._unknown = len(self._steps) < len(plan["down"])
        self._before: frozenset[str] | None = None
        self._needed: set[str] = set()
        self._types = adapter.types_in_use(connection) if self._unknown else {}
        self.cleared: list[str] = []
        self.now: frozenset[str] | None = None

    def before(self, revision_id: str) -> None:
        """Read the schema as the first of the downgrades that are judged finds it."""
        if revision_id in self._steps and self._before is None:
            self._before = self._read()

    def after(self, revision_id: str) -> None:
        """Do nothing: what one downgrade leaves, a later one may still take away."""

    def judge(self) -> Judged:
        """Compare what is there with what should be there."""
        if self._before is None:
            return Judged(*[frozenset()] * 4)
        if self.now is None:
            self.now = self._read()
        expected, disturbed = undone(self._before, list(self._steps.values()))
        added = frozenset().union(*(step[0] for step in self._steps.values()))
        removed = frozenset().union(*(step[1] for step in self._steps.values()))
        extra, lacking = self.now - expected - disturbed - self._needed, expected - self.now - disturbed
        new = frozenset() if disturbed else extra - added
        return Judged(extra & added, lacking & removed, new, lacking - removed)

    def clear(self, held: dict[str, dict[str, str]], lose: Callable[[str, Any], None]) -> None:
        """Drop what was left behind. `held` had rows before; `lose` is told what goes with rows in it."""
        found = self.judge()
        for kind in self._adapter.CLEARABLE if found.left else ():
            for one in self._adapter.clearable(self._connection, kind):
                if one.line in found.left and self._may_go(one, found, held):
                    lose(next(name for name, step in self._steps.items() if one.line in step[0]), one)
                    self._drop(one)

    def _may_go(self, one: Any, found: Judged, held: dict[str, dict[str, str]]) -> bool:
        """Whether dropping it makes it what it was: what was changed is not back by being dropped."""
        if any(line.startswith(one.heads) for line in found.lacking):
            return False
        if one.within and one.within in found.left:
            return False  # it goes with its table, or stays with it
        if one.column and one.column in held.get(one.table, ()):
            return True
        return bool(one.table and one.table in held and not one.column) or not self.rows_in(one)

    def rows_in(self, one: Any) -> int:
        """Return how many rows or values something holds."""
        columns = {one.column: one.declared} if one.column else {}
        rows, values = self._adapter.contents(self._connection, one.table, columns) if one.table else (0, {})
        return int(values[one.column][0] if one.column else rows)

    def _drop(self, one: Any) -> None:
        error = self._attempt(one.statement)
        if error is None:
            self.cleared.append(one.label)
            self.now = None
        elif self._adapter.is_needed(error):
            self._needed.add(one.line)  # by something that stays, so that it was to stay too

    def _attempt(self, statement: str) -> Exception | None:
        dbapi = dbapi_of(self._connection)
        if not self._adapter.ROLLS_BACK_DDL:
            return attempt(dbapi, statement)
        execute(dbapi, "SAVEPOINT dbsync_leftover")
        try:
            execute(dbapi, statement)
        except Exception as error:  # noqa: BLE001 - whatever the driver raises: the thing stays, and is named
            execute(dbapi, "ROLLBACK TO SAVEPOINT dbsync_leftover")
            return error
        finally:
            execute(dbapi, "RELEASE SAVEPOINT dbsync_leftover")
        return None

    def unused_types(self) -> dict[str, str]:
        """Return the types that columns had before the downgrades and none has now: by name, what drops them."""
        if not self._types:
            return {}
        now = self._adapter.types_in_use(self._connection)
        return {name: statement for name, statement in self._types.items() if name not in now}

    def clear_types(self, statements: list[str]) -> None:
        """Drop types that only the revisions taken down speak of, where they are still there."""
        for statement in statements:
            if self._attempt(statement) is None:
                self.now = None
                self.cleared.append(f"type {statement.rpartition('.')[2]}")

    @staticmethod
    def owned(found: Judged, made: list[str]) -> Judged:
        """Return what can be held against the downgrades, given which lines that are gone were made by revisions.

        A line that no revision made is somebody else's: it may have gone, or come back under a new name, with what it
        hung on, so that what is new may be his too.
        """
        theirs = len(made) == len(found.gone)
        return found._replace(gone=frozenset(made), new=found.new if theirs else frozenset())

    @staticmethod
    def differences(found: Judged) -> list[str]:
        """Return how the schema is not what it was, a phrase each, tables first."""
        said, extra = [], _outermost(found.left | found.new)
        for line in _outermost(found.lacking | found.gone):
            other = next((one for one in extra if _head(one) == _head(line)), None)
            if other is not None:
                extra.remove(other)
            said.append(f"{_short(line)} is not back" if other is None else _changed(line, other))
        return [*said, *(f"{_short(line)} stays" for line in extra)]

    def behind(self, found: Judged) -> list[str]:
        """Return the revisions whose downgrades are to blame; all of them where that cannot be told."""
        lines = found.left | found.lacking
        blamed = [one for one, (added, removed) in self._steps.items() if lines & (added | removed)]
        return list(self._steps) if (found.new or found.gone) and not blamed else blamed


def parts(down: list[str], changes: dict[str, Any]) -> list[list[str]]:
    """Return the downgrades of a plan in parts, in order: something is known of all the upgrades of one, or of none."""
    return [list(part) for _, part in groupby(down, key=lambda one: one in changes)]


def undone(
    before: frozenset[str], steps: list[tuple[frozenset[str], frozenset[str]]]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return what a schema should be when steps are taken back, newest first, and the lines that nobody can judge.

    A step whose lines are not as it left them was changed by somebody else since: it says nothing of its lines.
    """
    disturbed: frozenset[str] = frozenset()
    expected = before
    for added, removed in steps:
        if added <= expected and not removed & expected:
            expected = expected - added | removed
        else:
            disturbed |= added | removed
    return expected, disturbed


def blame(revisions: list[str], said: list[str]) -> str:
    """Return the sentence that says whose downgrade leaves what."""
    more = f" and {len(said) - MOST_NAMED} more" if len(said) > MOST_NAMED else ""
    return f"the downgrade of {', '.join(revisions)} does not go back: {', '.join(said[:MOST_NAMED])}{more}"


def _outermost(lines: frozenset[str]) -> list[str]:
    """Return lines in the order they are named, less what belongs to a table that is among them."""
    tables = [line.partition(" ")[2] for line in sorted(lines) if line.startswith("table ")]
    inside = re.compile("|".join(rf"[^ ]* {re.escape(one)}[.: ]" for one in tables) or "$^")
    return [*(f"table {one}" for one in tables), *(line for line in sorted(lines) if not inside.search(f"{line} "))]


def _head(line: str) -> str:
    """Return what a line is about: its kind and name."""
    return " ".join(line.split(" ")[: 3 if line.startswith("constraint ") else 2])


def _changed(before: str, now: str) -> str:
    head = _head(before)
    return f"{_short(head)} is {_short(now[len(head) :].strip())}, was {_short(before[len(head) :].strip())}"


def _short(line: str) -> str:
    text = " ".join(line.split()).replace(" public.", " ", 1)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."

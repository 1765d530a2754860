"""What an upgrade makes by itself of the state that its downgrade left: noted then, so that it is known afterwards.

Rows that an upgrade makes again, the same, are its own seed and give way to those on the shelf. Rows that it makes
differently come from what was written meanwhile, and stay.
"""

from __future__ import annotations

import re
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Callable

from .back import quoted
from .taking import ranked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .back import Back

MADE = "dbsync_made"
ANEW = "made anew by the upgrade from what changed meanwhile"
SOURCE_GONE = "what the upgrade made it from is gone"
ENDING = {"autocommit_block", "commit", "rollback"}
# Whose commit and rollback end nothing in a transaction that is not its own.
SESSIONS = {"Session", "sessionmaker"}
ENDS = re.compile(r"\b(?:COMMIT|ROLLBACK)\b", re.IGNORECASE)


def repeatable(module: Any) -> Any:
    """Return the upgrade of a revision. Raises `ValueError` where it may end the transaction."""
    if _may_commit(module):
        message = "it may end the transaction"
        raise ValueError(message)
    return module.upgrade


def _may_commit(module: Any) -> bool:
    codes = [one.__code__ for one in vars(module).values() if isinstance(one, FunctionType)]
    names: set[str] = set()
    texts: set[str] = set()
    for code in _inside(codes):
        names.update(code.co_names)
        texts.update(one for one in code.co_consts if isinstance(one, str))
    ending = names & (ENDING if not names & SESSIONS else {"autocommit_block"})
    return bool(ending) or any(map(ENDS.search, texts))


def _inside(codes: list[CodeType]) -> Iterator[CodeType]:
    for code in codes:
        yield code
        yield from _inside([one for one in code.co_consts if isinstance(one, CodeType)])


def rows_made(adapter: Any, connection: Any, facts: dict[str, Any], seconds: float) -> Iterator[list[list[Any]]]:
    """Yield key and content of all rows of a part's table, as they are told; its upgrade began so long ago."""
    key = adapter.joined([adapter.witness(f"t.{quoted(adapter, one)}") for one in facts["key"]])
    select = f"SELECT {key}, {_content(adapter, facts, seconds)} FROM {adapter.quote(facts['table'])} t"
    yield from adapter.export(connection, select)


def _content(adapter: Any, facts: dict[str, Any], seconds: float) -> str:
    """Return what tells a row `t`; the times at which the upgrade makes rows are all the same, where there is a key."""
    told = []
    for column, declared in zip(facts["columns"], facts["types"]):
        here = f"t.{quoted(adapter, column)}"
        just_now = adapter.just_now(here, declared, seconds) if facts["key"] else ""
        witness = adapter.witness(here)
        told.append(f"CASE WHEN {just_now} THEN 'now' ELSE {witness} END" if just_now else witness)
    return str(adapter.joined(told))


class Made:
    """What an upgrade made when its rows were shelved, in a temporary table: `k` the keys, `w` the whole rows."""

    def __init__(self, back: Back, seconds: float) -> None:
        self._back = back
        self._seconds = seconds
        self._name = back.adapter.scratch(MADE)
        self._columns = back.part["columns"]

    def load(self, channel: Any, number: int) -> None:
        """Fill the table."""
        adapter, connection = self._back.adapter, self._back.connection
        adapter.make(connection, MADE, ["k", "w"])
        rows = channel.ask("made_rows", number=number, part=self._back.part["id"], after=-1)["rows"]
        while rows:
            adapter.load(connection, MADE, ["k", "w"], rows)
            rows = channel.ask("made_rows", number=number, part=self._back.part["id"], after=rows[-1][0])["rows"]

    def remove(self) -> None:
        """Drop the table."""
        self._back.run(f"{self._back.adapter.DROP} {self._name}")

    def again(self) -> str:
        """Return the test of whether `t` was made then as well, the same."""
        told = _content(self._back.adapter, self._back.part, self._seconds)
        return f"({told} IN (SELECT w FROM {self._name}))"

    def had_key(self) -> str:
        """Return the test of whether a row with the key of `b` was made then."""
        return f"({self._key_by(self._back.kept)} IN (SELECT k FROM {self._name}))"

    def has_key_of_shelf(self) -> str:
        """Return the test of whether the key of `t` is that of a shelved row."""
        shelved = f"SELECT {self._key_by(self._back.kept)} FROM {self._back.name} b"
        return f"({self._key_by(self._back.here)} IN ({shelved}))"

    def _key_by(self, column: Callable[[str], str]) -> str:
        adapter = self._back.adapter
        return str(adapter.joined([adapter.witness(column(one)) for one in self._back.part["key"]]))

    def settle_without_key(self) -> None:
        """Let rows stay that are made no more, and delete those that are made again: each as often as it is there."""
        back = self._back
        there = ranked(back.adapter, back.table, self._columns)
        then = f"(SELECT w AS same, row_number() OVER (PARTITION BY w ORDER BY n) AS rank FROM {self._name})"
        both = "ON {0}.same = {1}.same AND {0}.rank = {1}.rank"
        gone = (
            f"SELECT m.n FROM {back.ranked(self._columns)} m JOIN {then} d {both.format('m', 'd')}"
            f" LEFT JOIN {there} h {both.format('m', 'h')} WHERE h.same IS NULL"
        )
        back.stay(f"b.n IN ({gone})", SOURCE_GONE)
        seeds = f"SELECT h.at FROM {there} h JOIN {then} d {both.format('h', 'd')}"
        back.run(f"DELETE FROM {back.table} WHERE {back.adapter.ROW} IN ({seeds})")

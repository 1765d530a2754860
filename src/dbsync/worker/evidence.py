"""Whether a row is the one that a value was taken from. A key is no proof: a table may have been filled anew.

Where all other columns are as they were, it is. Where they differ, somebody has edited the row, or another row has got
its key. It was edited where another value is still there that no other row had, or where the others are mostly as they
were and one of them has a later key, so that keys were not given out again. Of any other row nothing is proved.
"""

from __future__ import annotations

from typing import Any

from .engines.driver import change, dbapi_of, rows_of
from .taking import ranked

MATCH = "dbsync_match"
GONE = "its row is gone"
DIFFERENT = "the row with its key is another one, or it was changed"
COMPUTED = "the upgrade computes it, and its row was changed"
# A text that is as long hardly comes about twice.
TELLING = 10
TEXTS = ("char", "text", "uuid", "clob")


class Evidence:
    """What tells the rows of a part; `computed` says that the upgrade writes into the table itself."""

    def __init__(self, back: Any, shape: Any, unedited: str) -> None:
        self._back = back
        self._shape = shape
        self._unedited = unedited
        part = back.part
        self._key = part["key"] if part["key"] and set(part["key"]) <= set(shape.columns) else []
        self._others = [
            one for one in part["columns"] if one in shape.columns and one not in part["lost"] and one not in self._key
        ]
        self.computed = self.force = False
        self.name = back.adapter.scratch(MATCH)

    def gather(self) -> None:
        """Find the rows, and let those of which nothing is proved stay on the shelf."""
        back, adapter = self._back, self._back.adapter
        adapter.make(back.connection, MATCH, ["at", "exact", "known"])
        if adapter.ROW == "ctid":
            self._run(f"ALTER TABLE {self.name} ALTER at TYPE tid USING at::tid")
        self._run(f"INSERT INTO {self.name} {self._by_key() if self._key else self._by_content()}")
        back.stay(f"NOT EXISTS (SELECT 1 FROM {self.name} m WHERE m.n = b.n)", GONE)
        if not self.force:
            reason = COMPUTED if self.computed else DIFFERENT
            back.stay(f"NOT EXISTS (SELECT 1 FROM {self.name} m WHERE m.n = b.n AND ({self._proved()}))", reason)

    def remove(self) -> None:
        """Drop what was found."""
        self._run(f"{self._back.adapter.DROP} {self.name}")
        if self._unedited:
            self._run(f"{self._back.adapter.DROP} {self._back.adapter.scratch(self._unedited)}")

    def same_row(self, alias: str) -> str:
        """Return the test of whether a row of the table is the one that was found."""
        if self._key:
            return str(self._back.by_key(self._shape, self._key))
        return f"{alias}.{self._back.adapter.ROW} = m.at"

    def _by_key(self) -> str:
        exact = " AND ".join(self._back.is_same(one) for one in self._others) or "1 = 1"
        below = f"b.n IN (SELECT n FROM {self._back.adapter.scratch(self._unedited)})" if self._unedited else "1 = 0"
        if self._back.part.get("retyped") or (self._unedited and self.computed):
            exact = below
        elif self._unedited:
            exact = f"({below} OR ({exact}))"
        known = " OR ".join(f"({self._telling(one)})" for one in self._distinctive()) or "1 = 0"
        return (
            f"SELECT b.n, NULL, CASE WHEN {exact} THEN '1' ELSE '0' END, CASE WHEN {known} THEN '1' ELSE '0' END"
            f" FROM {self._back.name} b JOIN {self._back.table} t ON {self._back.by_key(self._shape, self._key)}"
        )

    def _telling(self, column: str) -> str:
        return f"length({self._back.kept(column)}) >= {TELLING} AND {self._back.is_same(column)}"

    def _distinctive(self) -> list[str]:
        """Return the columns of text in which no two of the rows have the same value."""
        if self.computed:
            return []
        texts = [one for one in self._others if any(kind in self._shape.columns[one].lower() for kind in TEXTS)]
        return [one for one in texts if self._differs(self._back.kept(one))]

    def _differs(self, kept: str) -> bool:
        select = f"SELECT count({kept}), count(DISTINCT {kept}) FROM {self._back.name} b"
        values, different = rows_of(dbapi_of(self._back.connection), select)[0]
        return bool(values == different)

    def _by_content(self) -> str:
        """Match rows without a key by all that is in them, each as often as it is there."""
        there = ranked(self._back.adapter, self._back.table, self._others)
        match = "m.same = h.same AND m.rank = h.rank"
        return f"SELECT m.n, h.at, '1', '1' FROM {self._back.ranked(self._others)} m JOIN {there} h ON {match}"

    def _proved(self) -> str:
        """Return the test of whether a match is the same row."""
        exact, all_of_them = rows_of(
            dbapi_of(self._back.connection),
            f"SELECT count(CASE WHEN exact = '1' THEN 1 END), count(*) FROM {self.name}",
        )[0]
        single = len(self._key) == 1 and self._back.adapter.counts(self._shape.columns[self._key[0]])
        proved = "m.exact = '1' OR m.known = '1'"
        if self.computed or self._back.part.get("strict") or not single or not exact or 2 * exact < all_of_them:
            return "m.exact = '1'" if self.computed or self._back.part.get("strict") else proved
        key = self._back.typed(self._key[0], self._shape)
        last = f"SELECT max({key}) FROM {self._back.name} b JOIN {self.name} m ON m.n = b.n WHERE m.exact = '1'"
        (highest,) = rows_of(dbapi_of(self._back.connection), last)[0]
        return f"{proved} OR {key} < {int(highest)}"

    def _run(self, statement: str) -> None:
        change(dbapi_of(self._back.connection), statement)

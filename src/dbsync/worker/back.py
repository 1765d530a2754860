"""One part of the shelf in a temporary table of the database it goes back to."""

from __future__ import annotations

from typing import Any

from .engines.driver import change, dbapi_of, execute, rows_of, take_back
from .failures import describe

BACK = "dbsync_back"
MISFIT = "its value does not fit the column's type"


class Back:
    """The temporary table that holds a part: `b` in SQL. `lacking` are columns that are there no more."""

    def __init__(self, adapter: Any, connection: Any, part: dict[str, Any]) -> None:
        self.adapter = adapter
        self.connection = connection
        self.part = part
        self.name = adapter.scratch(BACK)
        self.table = adapter.quote(part["table"])
        self.lacking: list[str] = []
        self.columns = [f"c{place}" for place in range(len(part["columns"]))]
        self.columns += [f"w{place}" for place in range(len(part["below"]))]
        self.types = dict(zip(part["columns"], part["types"]))

    def make(self) -> None:
        """Make it, empty: the columns by their number, since names may be any."""
        self.adapter.make(self.connection, BACK, [*self.columns, "reason"])

    def remove(self) -> None:
        """Drop it."""
        self.run(f"{self.adapter.DROP} {self.name}")

    def run(self, statement: str) -> int:
        """Run a statement; returns how many rows it changed."""
        return change(dbapi_of(self.connection), statement)

    def ask(self, select: str) -> Any:
        """Return the first row of an answer."""
        return rows_of(dbapi_of(self.connection), select)[0]

    def stay(self, condition: str, reason: str) -> int:
        """Let the rows for which a condition on `b` holds stay on the shelf; returns how many."""
        text = reason.replace("'", "''").replace("%", " per cent ")
        return self.run(f"UPDATE {self.name} AS b SET reason = '{text}' WHERE reason IS NULL AND ({condition})")

    def kept(self, column: str) -> str:
        """Return the column of `b` that holds what was kept of a column."""
        return f"b.c{self.part['columns'].index(column)}"

    def here(self, column: str) -> str:
        """Return a column of the table, `t` in SQL."""
        return f"t.{quoted(self.adapter, column)}"

    def typed(self, column: str, shape: Any) -> str:
        """Return what was kept as a value of the column's type."""
        return str(self.adapter.typed(self.kept(column), shape.columns[column]))

    def is_same(self, column: str) -> str:
        """Return the test of whether a column still holds what was kept."""
        witness = self.adapter.witness
        here = self.adapter.exact(self.here(column), self.types[column])
        return str(self.adapter.same(witness(here), witness(self.kept(column))))

    def by_key(self, shape: Any, key: list[str]) -> str:
        """Return the test of whether `t` has the key of `b`."""
        return " AND ".join(self.adapter.same_key(self.here(one), self.typed(one, shape)) for one in key)

    def unedited(self, shape: Any) -> str:
        """Return the SELECT of the rows that are as the downgrade left them; `t` is the table below the revision."""
        names = dict(zip(self.part["below_key"], self.part["key"]))
        keys = [
            self.adapter.same_key(self.here(one), self.adapter.typed(self.kept(name), shape.columns[one]))
            for one, name in names.items()
        ]
        witness = self.adapter.witness
        same = [
            self.adapter.same(witness(self.adapter.exact(self.here(one), shape.columns[one])), witness(f"b.w{place}"))
            for place, one in enumerate(self.part["below"])
        ]
        table = self.adapter.quote(self.part["below_table"])
        return f"SELECT b.n FROM {self.name} b JOIN {table} t ON {' AND '.join([*keys, *same])}"

    def ranked(self, columns: list[str]) -> str:
        """Return the rows of `b` as `taking.ranked` does those of a table."""
        same = self.adapter.joined([self.adapter.witness(self.kept(one)) for one in columns])
        rank = f"row_number() OVER (PARTITION BY {same} ORDER BY b.n)"
        return f"(SELECT b.n, {same} AS same, {rank} AS rank FROM {self.name} b)"

    def check_types(self, shape: Any, columns: list[str]) -> None:
        """Let rows stay whose values would be others in the types that the columns have now."""
        tests = [self.adapter.fits(self.kept(one), self.types[one], shape.columns[one]) for one in columns]
        for test in filter(None, tests):
            self.each(lambda where, test=test: self.stay(f"{where} AND NOT {test}", MISFIT))

    def check_parents(self, shape: Any, columns: list[str]) -> None:
        """Let rows stay whose foreign keys would point nowhere, and those that refer to rows that stay."""
        checked = [one for one in shape.references if set(one[0]) <= set(columns) and one[1] not in self.part["broken"]]
        while sum(self._check_parent(shape, *one) for one in checked) and self.part["table"] in [
            one[1] for one in checked
        ]:
            pass

    def _check_parent(self, shape: Any, own: list[str], other: str, names: list[str]) -> int:
        itself = other == self.part["table"]
        parent = self.adapter.shape(self.connection, other)
        pairs = list(zip(own, names))
        there = " AND ".join(f"p.{quoted(self.adapter, name)} = {self.typed(one, shape)}" for one, name in pairs)
        held = " AND ".join(f"{self.kept(one)} IS NOT NULL" for one in own)
        missing = f"NOT EXISTS (SELECT 1 FROM {self.adapter.quote(other)} p WHERE {there})" if parent else "1 = 1"
        if itself and set(names) <= set(self.part["columns"]):
            among = " AND ".join(f"{self.kept(name).replace('b.', 'p.', 1)} = {self.kept(one)}" for one, name in pairs)
            self._index(names)
            missing += f" AND NOT EXISTS (SELECT 1 FROM {self.name} p WHERE p.reason IS NULL AND {among})"
        return self.stay(f"{held} AND {missing}", f"its parent in {other} is gone")

    def _index(self, columns: list[str]) -> None:
        """Let a row be found by columns."""
        self.adapter.index(self.connection, BACK, [self.kept(one)[2:] for one in columns])

    def each(self, statement: Any) -> None:
        """Run a statement on all rows, and where that fails on fewer, down to the row that is to blame.

        As long as others got through, those that did not are tried again: they may hang on each other.
        """
        last = self.ask(f"SELECT max(n) FROM {self.name}")[0]
        if last is None:
            return
        failed = self._halved(statement, 0, int(last))
        while failed:
            again = [one for one, _ in failed]
            left = [found for one in again for found in self._halved(statement, one, one)]
            if len(left) == len(failed):
                break
            failed = left
        for one, reason in failed:
            self.stay(f"b.n = {one}", reason)

    def _halved(self, statement: Any, first: int, last: int) -> list[tuple[int, str]]:
        reason = self._attempt(lambda: statement(f"b.n BETWEEN {first} AND {last}"))
        if not reason:
            return []
        if first == last:
            return [(first, reason)]
        middle = (first + last) // 2
        return [*self._halved(statement, first, middle), *self._halved(statement, middle + 1, last)]

    def _attempt(self, call: Any) -> str:
        dbapi = dbapi_of(self.connection)
        execute(dbapi, "SAVEPOINT dbsync_rows")
        try:
            call()
        except Exception as error:  # noqa: BLE001 - whatever the driver raises is why the rows stay
            take_back(dbapi, "dbsync_rows", error)
            return str(describe(error, "/")["message"]) or type(error).__name__
        execute(dbapi, "RELEASE SAVEPOINT dbsync_rows")
        return ""


def quoted(adapter: Any, name: str) -> str:
    """Quote one identifier."""
    return str(getattr(adapter, "quote_one", adapter.quote)(name))

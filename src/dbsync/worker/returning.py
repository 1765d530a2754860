"""Putting rows back from the shelf, right after the upgrade of the revision whose downgrade took them.

What is on the shelf is loaded into a temporary table, and everything else is decided in SQL: which rows are still there,
which are the same, and which cannot return and why. Nothing here fails a sync: what a row raises is its reason to stay.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from .engines.driver import change, dbapi_of, execute, rows_of
from .evidence import Evidence
from .failures import Stop, describe

if TYPE_CHECKING:
    from collections.abc import Iterator

BACK = "dbsync_back"
NO_TABLE = "there is no table {}"
NO_COLUMN = "there is no column {}"
OTHER_ROW = "another row has its key"
CHANGED = "changed by the downgrade: kept as it was"
MISFIT = "its value does not fit the column's type"
# Nothing was decided by these: the rows are tried again when the revision is there in another form.
PLACE = ("there is no ",)


class Returning:
    """The putting back of one run; `force` puts values onto rows that differ, `heard` are words of changing statements."""

    def __init__(self, adapter: Any, connection: Any, channel: Any) -> None:
        self._adapter = adapter
        self._connection = connection
        self._channel = channel
        self._entries: list[dict[str, Any]] = []
        self._tables: set[str] = set()
        self._unedited: dict[tuple[int, int], str] = {}
        self.heard: set[str] | None = None

    def before(self, revision: str) -> None:
        """Look, before an upgrade, at the tables there are and at rows that may still be as the downgrade left them."""
        self._entries = self._channel.ask("shelved", revision=revision)["entries"]
        if not self._entries:
            return
        self.heard = set()
        self._tables = set(self._adapter.columns(self._connection))
        for entry, part in self._parts():
            if part["below"]:
                self._look_below(entry, part)

    def after(self) -> None:
        """Put back what belongs to the revision that has just been applied."""
        for entry, part in self._parts():
            self.put(entry, part)
        self._unedited.clear()
        self._entries, self.heard = [], None

    def _parts(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Return all parts: newest entries first, and in each the tables that others refer to before those."""
        return [(entry, part) for entry in self._entries for part in self._in_order(entry["parts"])]

    def _in_order(self, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        names = {part["table"] for part in parts}
        shapes = {name: self._adapter.shape(self._connection, name) for name in names}
        parents = {
            name: {other for _, other, _ in shape.references if other in names and other != name} if shape else set()
            for name, shape in shapes.items()
        }
        placed: list[str] = []
        while len(placed) < len(names):
            left = [name for name in sorted(names) if name not in placed]
            placed.append(next((name for name in left if parents[name] <= set(placed)), left[0]))
        return sorted(parts, key=lambda part: placed.index(part["table"]))

    def put(self, entry: dict[str, Any], part: dict[str, Any], *, force: bool = False) -> None:
        """Put one part back as far as it goes, and tell dbsync which rows stay."""
        back = Back(self._adapter, self._connection, part)
        with self._savepoint() as failed, self._adapter.steady(self._connection):
            self._fill(back, entry["number"], part)
            self._decide(back, entry, part, force=force)
            self._report(back, entry["number"], part)
            back.remove()
        if failed:
            self._channel.tell("unreturned", number=entry["number"], part=part["id"], reason=failed[0])

    def _decide(self, back: Back, entry: dict[str, Any], part: dict[str, Any], *, force: bool) -> None:
        shape = self._adapter.shape(self._connection, part["table"])
        if shape is None or shape.why_not:
            back.stay("1 = 1", NO_TABLE.format(part["table"]))
        elif part["kind"] in ("table", "rows"):
            fresh = part["kind"] == "table" and part["table"] not in self._tables and not force
            WholeRows(back, shape).put(replaces=fresh and entry["same_source"], force=force)
        elif part["kind"] == "changed" and not force:
            WholeRows(back, shape).compare()
        elif part["kind"] == "changed":
            WholeRows(back, shape).put(replaces=False, force=True)
        else:
            evidence = Evidence(back, shape, self._unedited.get((entry["number"], part["id"]), ""))
            evidence.computed = bool(self.heard and self.heard & {part["table"], part["table"].split(".")[-1]})
            evidence.force = force
            Values(back, shape, evidence).put()

    def _look_below(self, entry: dict[str, Any], part: dict[str, Any]) -> None:
        """Note which rows are as the downgrade left them, while they still can be compared."""
        back = Back(self._adapter, self._connection, part)
        name = f"dbsync_below_{entry['number']}_{part['id']}"
        with self._savepoint() as failed, self._adapter.steady(self._connection):
            shape = self._adapter.shape(self._connection, part["below_table"])
            if shape is not None and set(part["below_key"] + part["below"]) <= set(shape.columns):
                self._fill(back, entry["number"], part)
                self._adapter.make(self._connection, name, [])
                back.run(f"INSERT INTO {self._adapter.scratch(name)} {back.unedited(shape)}")
                back.remove()
                self._unedited[entry["number"], part["id"]] = name
        if failed:
            self._unedited.pop((entry["number"], part["id"]), None)

    def _fill(self, back: Back, number: int, part: dict[str, Any]) -> None:
        back.make()
        last, place = -1, {"number": number, "part": part["id"]}
        while True:
            rows = self._channel.ask("rows", **place, after=last)["rows"]
            if not rows:
                return
            self._adapter.load(self._connection, BACK, back.columns, rows)
            last = rows[-1][0]

    def _report(self, back: Back, number: int, part: dict[str, Any]) -> None:
        place = {"number": number, "part": part["id"]}
        for rows in self._adapter.export(
            self._connection, f"SELECT n, reason FROM {back.name} WHERE reason IS NOT NULL"
        ):
            self._channel.tell("stay", **place, rows=rows)
        self._channel.tell("returned", **place, lacking=back.lacking)

    @contextlib.contextmanager
    def _savepoint(self) -> Iterator[list[str]]:
        """Take back what is done inside where it fails; the list says why then."""
        failed: list[str] = []
        dbapi = dbapi_of(self._connection)
        execute(dbapi, "SAVEPOINT dbsync_shelf")
        try:
            yield failed
        except (EOFError, Stop):
            raise
        except Exception as error:  # noqa: BLE001 - whatever the driver raises: the rows stay where they are
            execute(dbapi, "ROLLBACK TO SAVEPOINT dbsync_shelf")
            failed.append(describe(error, "/")["message"])
        execute(dbapi, "RELEASE SAVEPOINT dbsync_shelf")


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
        self.types = dict(zip(part["columns"], part["types"]))  # noqa: B905 - Python 3.9

    def make(self) -> None:
        """Make it, empty: the columns by their number, since names may be any."""
        self.adapter.make(self.connection, BACK, [*self.columns, "reason"])

    def remove(self) -> None:
        """Drop it."""
        self.run(f"DROP TABLE {self.name}")

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
        return str(self.adapter.same(witness(self.here(column)), witness(self.kept(column))))

    def by_key(self, shape: Any, key: list[str]) -> str:
        """Return the test of whether `t` has the key of `b`."""
        return " AND ".join(self.adapter.same_key(self.here(one), self.typed(one, shape)) for one in key)

    def unedited(self, shape: Any) -> str:
        """Return the SELECT of the rows that are as the downgrade left them; `t` is the table below the revision."""
        names = dict(zip(self.part["below_key"], self.part["key"]))  # noqa: B905 - Python 3.9
        keys = [
            self.adapter.same_key(self.here(one), self.adapter.typed(self.kept(name), shape.columns[one]))
            for one, name in names.items()
        ]
        witness = self.adapter.witness
        same = [
            self.adapter.same(witness(self.here(one)), witness(f"b.w{place}"))
            for place, one in enumerate(self.part["below"])
        ]
        table = self.adapter.quote(self.part["below_table"])
        return f"SELECT b.n FROM {self.name} b JOIN {table} t ON {' AND '.join([*keys, *same])}"

    def check_types(self, shape: Any, columns: list[str]) -> None:
        """Let rows stay whose values would be others in the types that the columns have now."""
        tests = [self.adapter.fits(self.kept(one), self.types[one], shape.columns[one]) for one in columns]
        for test in filter(None, tests):
            self.each(lambda where, test=test: self.stay(f"{where} AND NOT {test}", MISFIT))  # type: ignore[misc]

    def check_parents(self, shape: Any, columns: list[str]) -> None:
        """Let rows stay whose foreign keys would point nowhere."""
        for own, other, names in shape.references:
            if set(own) <= set(columns):
                self._check_parent(shape, own, other, names)

    def _check_parent(self, shape: Any, own: list[str], other: str, names: list[str]) -> None:
        itself = other == self.part["table"]
        parent = self.adapter.shape(self.connection, other)
        pairs = list(zip(own, names))  # noqa: B905 - Python 3.9
        there = " AND ".join(f"p.{quoted(self.adapter, name)} = {self.typed(one, shape)}" for one, name in pairs)
        held = " AND ".join(f"{self.kept(one)} IS NOT NULL" for one in own)
        missing = f"NOT EXISTS (SELECT 1 FROM {self.adapter.quote(other)} p WHERE {there})" if parent else "1 = 1"
        if itself and set(names) <= set(self.part["columns"]):
            among = " AND ".join(f"{self.kept(name).replace('b.', 'p.', 1)} = {self.kept(one)}" for one, name in pairs)
            self._index(names)
            missing += f" AND NOT EXISTS (SELECT 1 FROM {self.name} p WHERE p.reason IS NULL AND {among})"
        while self.stay(f"{held} AND {missing}", f"its parent in {other} is gone") and itself:
            pass

    def _index(self, columns: list[str]) -> None:
        """Let a row be found by columns; made anew where it is there."""
        listed = ", ".join(self.kept(one)[2:] for one in columns)
        schema, _, _ = self.name.partition(".")
        if schema == "temp":
            self.run(f"CREATE INDEX IF NOT EXISTS temp.dbsync_by ON {BACK} ({listed})")
        else:
            self.run(f"CREATE INDEX IF NOT EXISTS dbsync_by ON {self.name} ({listed})")

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
            execute(dbapi, "ROLLBACK TO SAVEPOINT dbsync_rows")
            return str(describe(error, "/")["message"]) or type(error).__name__
        finally:
            execute(dbapi, "RELEASE SAVEPOINT dbsync_rows")
        return ""


class WholeRows:
    """Rows that a downgrade dropped with their table, or deleted."""

    def __init__(self, back: Back, shape: Any) -> None:
        self._back = back
        self._shape = shape
        self._columns = [one for one in back.part["columns"] if one in shape.columns]
        back.lacking = [one for one in back.part["columns"] if one not in shape.columns]
        key = back.part["key"]
        self._key = key if key and key == shape.key else []

    def compare(self) -> None:
        """Put nothing back: say which rows are again as they were."""
        if self._key:
            self._back.stay(f"NOT EXISTS ({self._those()} AND {self._all_same()})", CHANGED)
        else:
            self._back.stay("1 = 1", CHANGED)

    def put(self, *, replaces: bool, force: bool) -> None:
        """Insert what is not there; `replaces`: what the upgrade itself has put into its table gives way."""
        back = self._back
        back.check_types(self._shape, self._columns)
        back.check_parents(self._shape, self._columns)
        with back.adapter.quiet(back.connection, back.part["table"]):
            if self._key:
                self._meet(replaces=replaces, force=force)
            elif replaces and not self._shape.referred:
                back.run(f"DELETE FROM {back.table}")
            elif back.part["kind"] == "table":
                self._leave_out_what_is_there()
            back.each(self._insert)
        back.adapter.renumber(back.connection, back.part["table"])

    def _meet(self, *, replaces: bool, force: bool) -> None:
        """Deal with the rows that have the keys of those on the shelf, and with those that only the upgrade knows."""
        back = self._back
        if replaces or force:
            back.each(self._update)
        else:
            back.stay(f"EXISTS ({self._those()} AND NOT ({self._all_same()}))", OTHER_ROW)
        if replaces and not self._shape.referred:
            by_key = back.by_key(self._shape, self._key)
            back.run(f"DELETE FROM {back.table} AS t WHERE NOT EXISTS (SELECT 1 FROM {back.name} b WHERE {by_key})")

    def _update(self, where: str) -> None:
        back, others = self._back, [one for one in self._columns if one not in self._key]
        if others:
            sets = ", ".join(f"{quoted(back.adapter, one)} = {back.typed(one, self._shape)}" for one in others)
            by_key = back.by_key(self._shape, self._key)
            same = self._all_same()
            back.run(
                f"UPDATE {back.table} AS t SET {sets} FROM {back.name} AS b"
                f" WHERE {by_key} AND b.reason IS NULL AND {where} AND NOT ({same})"
            )

    def _insert(self, where: str) -> None:
        back = self._back
        names = ", ".join(quoted(back.adapter, one) for one in self._columns)
        values = ", ".join(back.typed(one, self._shape) for one in self._columns)
        absent = f" AND NOT EXISTS ({self._those()})" if self._key else ""
        back.run(
            f"INSERT INTO {back.table} ({names}) {back.adapter.OVERRIDING} SELECT {values} FROM {back.name} b"
            f" WHERE b.reason IS NULL AND {where}{absent} ORDER BY b.n"
        )

    def _leave_out_what_is_there(self) -> None:
        """Take from the rows without a key those that are there already, each as often as it is."""
        from .taking import ranked

        back = self._back
        if self._back.ask(f"SELECT count(*) FROM {back.table}")[0]:
            there = ranked(back.adapter, back.table, self._columns)
            witnesses = [back.adapter.witness(back.kept(one)) for one in self._columns]
            same = back.adapter.joined(witnesses)
            mine = f"SELECT b.n, {same} AS same, row_number() OVER (PARTITION BY {same} ORDER BY b.n) AS rank FROM {back.name} b"
            found = f"SELECT m.n FROM ({mine}) AS m JOIN {there} h ON m.same = h.same AND m.rank = h.rank"
            back.run(f"DELETE FROM {back.name} WHERE n IN ({found})")

    def _those(self) -> str:
        return f"SELECT 1 FROM {self._back.table} t WHERE {self._back.by_key(self._shape, self._key)}"

    def _all_same(self) -> str:
        return " AND ".join(self._back.is_same(one) for one in self._columns) or "1 = 1"


class Values:
    """Values of columns that a downgrade dropped, of rows that stayed."""

    def __init__(self, back: Back, shape: Any, evidence: Evidence) -> None:
        self._back = back
        self._shape = shape
        self._evidence = evidence
        self._columns = [one for one in back.part["lost"] if one in shape.columns]
        back.lacking = [one for one in back.part["lost"] if one not in shape.columns]

    def put(self) -> None:
        """Write the values into the rows that are the same."""
        back = self._back
        if not self._columns:
            back.stay("1 = 1", NO_COLUMN.format(f"{back.part['table']}.{back.lacking[0]}"))
            return
        self._evidence.gather()
        back.check_types(self._shape, self._columns)
        back.check_parents(self._shape, self._columns)
        with back.adapter.quiet(back.connection, back.part["table"]):
            back.each(self._update)
        self._evidence.remove()

    def _update(self, where: str) -> None:
        back = self._back
        sets = ", ".join(f"{quoted(back.adapter, one)} = {back.typed(one, self._shape)}" for one in self._columns)
        back.run(
            f"UPDATE {back.table} AS t SET {sets} FROM {back.name} AS b, {self._evidence.name} AS m"
            f" WHERE {self._evidence.same_row('t')} AND m.n = b.n AND b.reason IS NULL AND {where}"
        )


def quoted(adapter: Any, name: str) -> str:
    """Quote one identifier."""
    return str(getattr(adapter, "quote_one", adapter.quote)(name))

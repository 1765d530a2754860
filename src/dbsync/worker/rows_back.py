"""How rows, and values of columns, go from the temporary table into their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .back import quoted
from .made import ANEW, SOURCE_GONE
from .taking import ranked

if TYPE_CHECKING:
    from .back import Back
    from .evidence import Evidence
    from .made import Made

NO_COLUMN = "there is no column {}"
OTHER_ROW = "another row has its key"
OTHER_VALUE = "another value is there"
CHANGED = "changed by the downgrade: kept as it was"


class WholeRows:
    """Rows that a downgrade dropped with their table, or deleted."""

    def __init__(self, back: Back, shape: Any, made: Made | None = None) -> None:
        self._back = back
        self._shape = shape
        self._made = made
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
        """Insert what is not there; `replaces`: what the upgrade itself makes again gives way."""
        back = self._back
        back.check_types(self._shape, self._columns)
        back.check_parents(self._shape, self._columns)
        with back.adapter.quiet(back.connection, back.part["table"]):
            if self._key:
                self._meet(replaces=replaces, force=force)
            elif self._made is not None and replaces and not self._shape.referred:
                self._made.settle_without_key()
            elif back.part["kind"] == "table":
                self._leave_out_what_is_there()
            back.each(self._insert)
        back.adapter.renumber(back.connection, back.part["table"], back.part.get("given_out"))

    def _meet(self, *, replaces: bool, force: bool) -> None:
        """Deal with the rows that have the keys of those on the shelf, and with those that only the upgrade knows."""
        back, made = self._back, self._made
        if made is not None:
            back.stay(f"{made.had_key()} AND NOT EXISTS ({self._those()})", SOURCE_GONE)
        if made is not None and replaces:
            back.stay(f"EXISTS ({self._those()} AND NOT {made.again()} AND NOT ({self._all_same()}))", ANEW)
        elif not force:
            back.stay(f"EXISTS ({self._those()} AND NOT ({self._all_same()}))", OTHER_ROW)
        if replaces or force:
            back.each(self._update)
        if made is not None and replaces and not self._shape.referred:
            back.run(f"DELETE FROM {back.table} AS t WHERE {made.again()} AND NOT {made.has_key_of_shelf()}")

    def _update(self, where: str) -> None:
        back, others = self._back, [one for one in self._columns if one not in self._key]
        if others:
            sets = {one: back.typed(one, self._shape) for one in others}
            by_key, same = back.by_key(self._shape, self._key), self._all_same()
            found = f"{by_key} AND b.reason IS NULL AND {where} AND NOT ({same})"
            back.run(back.adapter.update(back.table, sets, {"b": back.name}, found))

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
        back = self._back
        if self._back.ask(f"SELECT count(*) FROM {back.table}")[0]:
            there = ranked(back.adapter, back.table, self._columns)
            found = (
                f"SELECT m.n FROM {back.ranked(self._columns)} m JOIN {there} h ON m.same = h.same AND m.rank = h.rank"
            )
            back.run(f"DELETE FROM {back.name} WHERE n IN ({found})")

    def _those(self) -> str:
        return f"SELECT 1 FROM {self._back.table} t WHERE {self._back.by_key(self._shape, self._key)}"

    def _all_same(self) -> str:
        return " AND ".join(self._back.is_same(one) for one in self._columns) or "1 = 1"


class Values:
    """Values of columns that a downgrade dropped, of rows that stayed; `careful`: they go where no other value is."""

    def __init__(self, back: Back, shape: Any, evidence: Evidence) -> None:
        self._back = back
        self._shape = shape
        self._evidence = evidence
        self.careful = False
        self._columns = [one for one in back.part["lost"] if one in shape.columns]
        back.lacking = [one for one in back.part["lost"] if one not in shape.columns]

    def put(self) -> None:
        """Write the values into the rows that are the same."""
        back = self._back
        if not self._columns:
            back.stay("1 = 1", NO_COLUMN.format(f"{back.part['table']}.{back.lacking[0]}"))
            return
        self._evidence.gather()
        if self.careful:
            back.stay(self._has_other_value(), OTHER_VALUE)
        back.check_types(self._shape, self._columns)
        back.check_parents(self._shape, self._columns)
        with back.adapter.quiet(back.connection, back.part["table"]):
            back.each(self._update)
        self._evidence.remove()

    def _has_other_value(self) -> str:
        back = self._back
        other = [f"({back.here(one)} IS NOT NULL AND NOT {back.is_same(one)})" for one in self._columns]
        row = f"m.n = b.n AND {self._evidence.same_row('t')}"
        return f"EXISTS (SELECT 1 FROM {back.table} t, {self._evidence.name} m WHERE {row} AND ({' OR '.join(other)}))"

    def _update(self, where: str) -> None:
        back = self._back
        sets = {one: back.typed(one, self._shape) for one in self._columns}
        others = {"b": back.name, "m": self._evidence.name}
        found = f"{self._evidence.same_row('t')} AND m.n = b.n AND b.reason IS NULL AND {where}"
        back.run(back.adapter.update(back.table, sets, others, found))

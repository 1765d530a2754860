"""Taking rows to the shelf before a downgrade loses them, inside the transaction that loses them.

A downgrade is tried first, under a savepoint, to see what it would lose. Then it is taken back, what would be lost is
sent to dbsync, and it runs again. Of a table that goes, and of columns that go, that is read before; where rows may be
deleted or changed as well, the table is copied, and what is not as it was is read from the copy afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .engines.driver import dbapi_of, execute, rows_of

if TYPE_CHECKING:
    from .engines.driver import Shape
    from .loss import Verdict


class Part:
    """What is kept of one table, as it is described to dbsync.

    `kind` is "table" for all its rows, "rows" for some that a downgrade deletes, "columns" for the values of `lost`,
    with the others as witnesses, and "changed" for rows as they were before a downgrade changed them. `below` are
    columns of the table after the downgrade; their witnesses stand behind the columns in every row. `broken` are tables
    that some rows refer to in vain already. `made` says that it is known what the upgrade makes by itself.
    """

    def __init__(self, table: str, kind: str, shape: Shape, columns: list[str]) -> None:
        self.facts: dict[str, Any] = {
            "table": table,
            "kind": kind,
            "columns": columns,
            "types": [shape.columns[one] for one in columns],
            "key": shape.key,
            "lost": [],
            "below": [],
            "broken": [],
            "made": False,
        }
        self.refers = bool(shape.references)


class Image(NamedTuple):
    """A table as it was: its shape then, and where it is read, in SQL."""

    shape: Shape
    source: str


class Taking:
    """The taking of one run: `number` counts the parts, and so tells them apart."""

    def __init__(self, adapter: Any, connection: Any, channel: Any) -> None:
        self._adapter = adapter.shelf
        self._connection = connection
        self._channel = channel
        self._number = 0
        self._images: list[tuple[str, str, Verdict, Shape]] = []
        self._whole: list[tuple[int, dict[str, Any]]] = []

    def why_not(self, verdicts: list[Verdict]) -> str:
        """Return why rows that would be lost cannot be kept, "" where they can."""
        shapes = [(one.table, self._adapter.shape(self._connection, one.table)) for one in verdicts]
        gone = [one.table for one in verdicts if not one.now]
        parted = [(table, shape) for table, shape in shapes if shape is not None and shape.why_not]
        return next((f"{table}: {shape.why_not}" for table, shape in parted if not _goes_along(shape, gone)), "")

    def before(self, revision: str, verdicts: list[Verdict]) -> None:
        """Send, or copy, what a downgrade is about to lose."""
        for one in verdicts:
            shape = self._adapter.shape(self._connection, one.table)
            if not one.now:
                self.table(revision, one.table)
            elif one.whole:
                self._copy(revision, one, shape)
            else:
                self.columns(revision, one.table, one.gone)

    def forget(self, revision: str) -> None:
        """Take nothing of a revision after all."""
        self._images.clear()
        self._whole.clear()
        self._channel.tell("untaken", revision=revision)

    def after(self, verdicts: list[Verdict]) -> None:
        """Send what is not as it was in the tables that were copied; `verdicts` say what became of them this time."""
        now = {one.table: one for one in verdicts}
        for revision, name, planned, shape in self._images:
            compared = Compared(self._adapter, self._adapter.scratch(name), now.get(planned.table, planned), shape)
            for part, select in compared.parts():
                if part.facts["kind"] == "changed" and not compared.keyed:
                    part.facts["kind"] = self._kind_without_key(compared, select)
                self.send(revision, part, select)
            execute(dbapi_of(self._connection), f"{self._adapter.DROP} {self._adapter.scratch(name)}")
        self._images.clear()

    def whole_tables(self) -> list[tuple[int, dict[str, Any]]]:
        """Return, once, the parts that hold all rows of a table."""
        found, self._whole = self._whole, []
        return found

    def made(self, whole: list[tuple[int, dict[str, Any]]], seconds: float) -> None:
        """Send what the upgrade, which began so long ago and has just run, has put into the tables of parts."""
        from .made import rows_made

        for number, facts in whole:
            shape = self._adapter.shape(self._connection, facts["table"])
            if shape is not None and set(facts["columns"]) <= set(shape.columns):
                for rows in rows_made(self._adapter, self._connection, facts, seconds):
                    self._channel.tell("made", number=number, rows=rows)
                self._channel.tell("made", number=number, rows=[])

    def table(self, revision: str, table: str, image: Image | None = None) -> None:
        """Send all rows of a table, read from an image where there is one."""
        shape, source = image or (self._adapter.shape(self._connection, table), self._adapter.quote(table))
        if shape.why_not:
            return  # it goes along with another one
        part = Part(table, "table", shape, list(shape.columns))
        exact = (self._adapter.exact(f"t.{self._quoted(one)}", shape.columns[one]) for one in shape.columns)
        self.send(revision, part, f"SELECT {', '.join(map(self._adapter.kept, exact))} FROM {source} t")

    def columns(self, revision: str, table: str, lost: list[str], image: Image | None = None) -> None:
        """Send the values of columns, with what tells the rows that they belong to."""
        shape, source = image or (self._adapter.shape(self._connection, table), self._adapter.quote(table))
        columns, values = _columns_of(self._adapter, shape, lost, "t")
        part = Part(table, "columns", shape, columns)
        part.facts["lost"] = [one for one in lost if one in shape.columns]
        part.facts["key"] = [] if set(shape.key) & set(lost) else shape.key
        held = [f"t.{self._quoted(one)} IS NOT NULL" for one in part.facts["lost"]]
        if held:
            where = "" if shape.filled & set(lost) else f" WHERE {' OR '.join(held)}"
            self.send(revision, part, f"SELECT {', '.join(values)} FROM {source} t{where}")

    def _kind_without_key(self, compared: Compared, select: str) -> str:
        """Say whether rows without a key were only deleted: then all that are left were there before."""
        counts = [f"SELECT count(*) FROM {one}" for one in (compared.image, compared.now, f"({select}) AS s")]
        before, after, missing = rows_of(dbapi_of(self._connection), f"SELECT ({'), ('.join(counts)})")[0]
        return "rows" if before - after == missing else "changed"

    def _copy(self, revision: str, verdict: Verdict, shape: Shape) -> None:
        name = f"dbsync_was_{self._number}"
        self._number += 1
        self._adapter.image(self._connection, name, verdict.table)
        self._images.append((revision, name, verdict, shape))

    def send(self, revision: str, part: Part, select: str) -> None:
        """Send what a SELECT finds, as a part."""
        self._number += 1
        if part.facts["kind"] == "table":
            part.facts["given_out"] = self._adapter.given_out(self._connection, part.facts["table"])
            self._whole.append((self._number, part.facts))
        if part.refers:
            part.facts["broken"] = self._adapter.broken(self._connection, part.facts["table"])
        self._channel.tell("taking", revision=revision, number=self._number, part=part.facts)
        for rows in self._adapter.export(self._connection, select):
            self._channel.tell("taken", number=self._number, rows=rows)

    def _quoted(self, name: str) -> str:
        return _one(self._adapter, name)


class Compared:
    """A table and the copy of it that was made before a downgrade: `i` and `a` in SQL."""

    def __init__(self, adapter: Any, image: str, verdict: Verdict, shape: Shape) -> None:
        self._adapter = adapter
        self._verdict = verdict
        self._shape = shape
        self.image = image
        self.now = adapter.quote(verdict.now) if verdict.now else ""
        names = {one: verdict.names.get(one, "") for one in shape.columns}
        self._names = names
        self._lost = [one for one in names if not names[one] or one in verdict.retyped]
        self._stays = [one for one in names if one not in self._lost]
        self._key = shape.key if shape.key and not set(shape.key) & set(self._lost) else []
        self.keyed = bool(self._key)

    def parts(self) -> list[tuple[Part, str]]:
        """Return what is to be kept, with the SELECT of each: rows that are gone, values that are, rows changed."""
        if not self.now:
            return [self._all("table")]
        if not self._key:
            return [self._without_key()]
        found = [self._missing(), self._changed()]
        return [*found, self._values()] if self._lost else found

    def _all(self, kind: str) -> tuple[Part, str]:
        part = Part(self._verdict.table, kind, self._shape, list(self._shape.columns))
        return part, f"SELECT {', '.join(self._kept(self._shape.columns))} FROM {self.image} i"

    def _missing(self) -> tuple[Part, str]:
        part, select = self._all("rows")
        return part, f"{select} WHERE NOT EXISTS (SELECT 1 FROM {self.now} a WHERE {self._joined()})"

    def _changed(self) -> tuple[Part, str]:
        part, select = self._all("changed")
        others = [one for one in self._stays if one not in self._key]
        differ = [f"NOT {self._same(one)}" for one in others]
        return part, f"{select} JOIN {self.now} a ON {self._joined()} WHERE {' OR '.join(differ) or '1 = 0'}"

    def _values(self) -> tuple[Part, str]:
        """Return the values that are gone, with what tells that a row is still as the downgrade left it."""
        columns, values = _columns_of(self._adapter, self._shape, self._lost, "i")
        part = Part(self._verdict.table, "columns", self._shape, columns)
        part.facts.update(lost=self._lost, strict=True, below=self._below(), below_table=self._verdict.now)
        part.facts["retyped"] = bool(self._verdict.retyped)
        part.facts["below_key"] = [self._names[one] for one in self._key]
        values += [self._adapter.witness(self._after(one)) for one in part.facts["below"]]
        where = f" WHERE {' OR '.join(self._differs(one) for one in self._lost)}"
        select = f"SELECT {', '.join(values)} FROM {self.image} i JOIN {self.now} a ON {self._joined()}{where}"
        return part, select

    def _differs(self, column: str) -> str:
        """Return the test of whether a value goes: all of a column do, and those that a type does not hold."""
        value, name = f"i.{_one(self._adapter, column)}", self._names[column]
        if not name:
            return "1 = 1" if column in self._shape.filled else f"{value} IS NOT NULL"
        now, before, after = (
            f"a.{_one(self._adapter, name)}",
            self._shape.columns[column],
            self._verdict.types_now[name],
        )
        return str(self._adapter.unlike(value, now, before, after))

    def _below(self) -> list[str]:
        """Return the columns as they are called below the revision, those that the downgrade made included."""
        return [one for one in self._verdict.below if one not in {self._names[key] for key in self._key}]

    def _without_key(self) -> tuple[Part, str]:
        """Return the rows of which there are fewer than before: gone or changed, which cannot be told apart."""
        part, select = self._all("changed")
        one, other = self._ranked(self.image, self._stays), self._ranked(self.now, self._names_of(self._stays))
        there = f"SELECT 1 FROM {other} q WHERE p.same = q.same AND p.rank = q.rank"
        missing = f"SELECT p.at FROM {one} p WHERE NOT EXISTS ({there})"
        return part, f"{select} WHERE i.{self._adapter.ROW} IN ({missing})"

    def _ranked(self, table: str, columns: list[str]) -> str:
        return ranked(self._adapter, table, columns)

    def _names_of(self, columns: list[str]) -> list[str]:
        return [self._names[one] for one in columns]

    def _joined(self) -> str:
        return " AND ".join(self._same(one) if self._retyped_key() else self._same_key(one) for one in self._key)

    def _retyped_key(self) -> bool:
        return any(self._verdict.types_now.get(self._names[one]) != self._shape.columns[one] for one in self._key)

    def _same_key(self, column: str) -> str:
        now, before = _one(self._adapter, self._names[column]), _one(self._adapter, column)
        return str(self._adapter.same_key(f"a.{now}", f"i.{before}"))

    def _same(self, column: str) -> str:
        kept = self._adapter.kept
        return str(self._adapter.same(kept(self._before(column)), kept(self._after(self._names[column]))))

    def _kept(self, columns: Any) -> list[str]:
        return [self._adapter.kept(self._before(one)) for one in columns]

    def _before(self, column: str) -> str:
        return str(self._adapter.exact(f"i.{_one(self._adapter, column)}", self._shape.columns[column]))

    def _after(self, column: str) -> str:
        return str(self._adapter.exact(f"a.{_one(self._adapter, column)}", self._verdict.types_now[column]))


def ranked(adapter: Any, table: str, columns: list[str]) -> str:
    """Return a table's rows as `at` (where each is), `same` (what is in it) and `rank` among those of the same."""
    same = adapter.joined([adapter.witness(f"t.{_one(adapter, one)}") for one in columns])
    inner = f"SELECT t.{adapter.ROW} AS at, {same} AS same FROM {table} t"
    return f"(SELECT at, same, row_number() OVER (PARTITION BY same ORDER BY at) AS rank FROM ({inner}) AS u)"


def _columns_of(adapter: Any, shape: Any, lost: list[str], alias: str) -> tuple[list[str], list[str]]:
    """Return the columns that are kept where some are lost, and SQL for each: others are there to tell the row."""
    columns = list(shape.columns)
    key = [] if set(shape.key) & set(lost) else shape.key
    whole = {*key, *lost}
    sql = [
        (adapter.kept if one in whole else adapter.witness)(adapter.exact(f"{alias}.{_one(adapter, one)}", declared))
        for one, declared in shape.columns.items()
    ]
    return columns, sql


def _goes_along(shape: Shape, gone: list[str]) -> bool:
    """Say whether a partition goes with its table."""
    return shape.within in gone


def _one(adapter: Any, name: str) -> str:
    return str(getattr(adapter, "quote_one", adapter.quote)(name))

"""Putting rows back from the shelf, right after the upgrade of the revision whose downgrade took them.

What is on the shelf is loaded into a temporary table, and everything else is decided in SQL: which rows are still
there, which are the same, and which cannot return and why. Nothing here fails a sync: what a row
raises is its reason to stay.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from .back import BACK, Back
from .engines.driver import dbapi_of, execute, take_back
from .evidence import Evidence
from .failures import Stop, describe
from .made import Made
from .rows_back import Values, WholeRows

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_TABLE = "there is no table {}"


class Returning:
    """The putting back after one upgrade; `heard` are the words of statements of the upgrade that change rows."""

    def __init__(self, adapter: Any, connection: Any, channel: Any) -> None:
        self._adapter = adapter.shelf
        self._columns = adapter.columns
        self._connection = connection
        self._channel = channel
        self._began = time.monotonic()
        self._entries: list[dict[str, Any]] = []
        self._tables: set[str] = set()
        self._filled: set[str] = set()
        self._values: dict[tuple[str, str], int] = {}
        self._unedited: dict[tuple[int, int], str] = {}
        self.heard: set[str] = set()

    def before(self, entries: list[dict[str, Any]]) -> None:
        """Look, before an upgrade, at the tables there are and at rows that may still be as the downgrade left them."""
        self._entries = entries
        self._tables = set(self._columns(self._connection))
        for entry, part in self._parts():
            if part["below"]:
                self._look_below(entry, part)

    def after(self) -> None:
        """Put back what belongs to the revision that has just been applied."""
        for entry, part in self._parts():
            self.put(entry, part)

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
            self._put_rows(back, shape, entry, force=force)
        elif part["kind"] == "changed" and not force:
            WholeRows(back, shape).compare()
        elif part["kind"] == "changed":
            WholeRows(back, shape).put(replaces=False, force=True)
        else:
            evidence = Evidence(back, shape, self._unedited.get((entry["number"], part["id"]), ""))
            evidence.computed = bool(self.heard & {part["table"], part["table"].split(".")[-1]})
            evidence.force = force
            values = Values(back, shape, evidence)
            values.careful = not force and self._may_be_older(entry, part)
            values.put()
            self._adapter.renumber(self._connection, part["table"], None)

    def _put_rows(self, back: Back, shape: Any, entry: dict[str, Any], *, force: bool) -> None:
        """Insert whole rows; those of the newest entry take the place of what the upgrade seeds."""
        part = back.part
        fresh = part["kind"] == "table" and part["table"] not in self._tables and not force
        known = fresh and entry["same_source"] and part.get("made") and set(part["columns"]) <= set(shape.columns)
        made = Made(back, time.monotonic() - self._began) if known else None
        if made is not None:
            made.load(self._channel, entry["number"])
        rows = WholeRows(back, shape, made)
        rows.put(replaces=made is not None and part["table"] not in self._filled, force=force)
        if made is not None:
            made.remove()
        self._filled.update([part["table"]] if fresh else [])

    def _may_be_older(self, entry: dict[str, Any], part: dict[str, Any]) -> bool:
        """Say whether newer values may be there: those of a newer entry, or any where a person restores."""
        found = [self._values.setdefault((part["table"], one), entry["number"]) for one in part["lost"]]
        return not self._entries or any(number != entry["number"] for number in found)

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
            take_back(dbapi, "dbsync_shelf", error)
            failed.append(describe(error, "/")["message"])
        else:
            execute(dbapi, "RELEASE SAVEPOINT dbsync_shelf")

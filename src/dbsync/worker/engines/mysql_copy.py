"""A copy of a database in pieces, and making the database that again: no change of a schema can be rolled back here."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from ..failures import Stop
from .driver import dbapi_of, execute, rows_of
from .mysql_rows import rows
from .mysql_schema import COUNTER, created_by, literal, objects, quote_one, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCRATCH = "dbsync_shadow_"  # how the names of scratch databases begin
# In the order in which they are made; they are dropped in the other one.
ORDER = ("sequence", "table", "function", "procedure", "view", "trigger", "event")
CODE = {
    "function": "SELECT routine_name FROM information_schema.routines"
    " WHERE routine_schema = DATABASE() AND routine_type = 'FUNCTION'",
    "procedure": "SELECT routine_name FROM information_schema.routines"
    " WHERE routine_schema = DATABASE() AND routine_type = 'PROCEDURE'",
    "trigger": "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
    "event": "SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE()",
}
# How values are read and written so that they are the same afterwards, whatever the session is set to.
SETTINGS = {
    "sql_mode": "'NO_AUTO_VALUE_ON_ZERO'",
    "time_zone": "'+00:00'",
    "foreign_key_checks": "0",
    "unique_checks": "0",
}


class Part(NamedTuple):
    """Something that a database holds: its kind and name, what makes it, and what tells its contents."""

    kind: str
    name: str
    text: str
    check: str

    @property
    def plain(self) -> tuple:  # type: ignore[type-arg]  # Python 3.9
        """What makes it another one; which number a table would give out next does not."""
        return self.kind, self.name, COUNTER.sub("", self.text), self.check

    def is_like(self, other: Part | None) -> bool:
        """Say whether another one is the same."""
        return other is not None and self.plain == other.plain


def size(connection: Any) -> int:
    """Return about how many bytes the rows of the database take."""
    statement = "SELECT coalesce(sum(data_length), 0) FROM information_schema.tables WHERE table_schema = DATABASE()"
    return int(rows_of(dbapi_of(connection), statement)[0][0])


def copy_of(dbapi: Any) -> Callable[[], None]:
    """Return what makes a scratch database again what it is now, rows, code and all."""
    name = str(rows_of(dbapi, "SELECT DATABASE()")[0][0])
    if not name.startswith(SCRATCH):
        raise Stop("DBS418", f"a revision went on to another database than the scratch one: {name}")
    found = list(pieces(dbapi))
    return lambda: put_back(dbapi, iter(found))


def pieces(dbapi: Any) -> Iterator[dict[str, Any]]:
    """Yield the database as it is in one moment: first all that it holds, then the rows of its tables.

    Raises `Stop` where something would not come back as it is.
    """
    dbapi.commit()
    with exactly(dbapi):
        execute(dbapi, "START TRANSACTION WITH CONSISTENT SNAPSHOT")
        found = _parts(dbapi)
        yield {"parts": found}
        for part in found:
            for statement in rows(dbapi, part.name) if part.kind == "table" else ():
                yield {"table": part.name, "statement": statement}
        dbapi.commit()


def put_back(dbapi: Any, copy: Iterator[dict[str, Any]]) -> None:
    """Make the database what a copy holds; what is the same is not touched. Raises where it is not that afterwards."""
    dbapi.rollback()
    wanted = [Part(*one) for one in next(copy)["parts"]]
    with exactly(dbapi):
        _drop_what_differs(dbapi, wanted)
        there = {(one.kind, one.name) for one in _parts(dbapi, checked=False)}
        lacking = [one for one in wanted if (one.kind, one.name) not in there]
        _make(dbapi, [one for one in lacking if one.kind in ("sequence", "table")])
        _fill(dbapi, {one.name for one in lacking if one.kind == "table"}, copy)
        _make(dbapi, [one for one in lacking if one.kind not in ("sequence", "table")])
        _require_same(dbapi, wanted)
        dbapi.commit()


def _fill(dbapi: Any, tables: set[str], copy: Iterator[dict[str, Any]]) -> None:
    for piece in copy:
        if piece["table"] in tables:
            execute(dbapi, piece["statement"])
    dbapi.commit()


@contextlib.contextmanager
def exactly(dbapi: Any) -> Iterator[None]:
    """Read and write values as they are, as long as it lasts."""
    before = rows_of(dbapi, f"SELECT {', '.join(f'@@SESSION.{name}' for name in SETTINGS)}")[0]
    execute(dbapi, f"SET {', '.join(f'SESSION {name} = {value}' for name, value in SETTINGS.items())}")
    try:
        yield
    finally:
        values = [str(one) if isinstance(one, int) else literal(str(one)) for one in before]
        execute(dbapi, f"SET {', '.join(f'SESSION {name} = {value}' for name, value in zip(SETTINGS, values))}")


def _parts(dbapi: Any, *, checked: bool = True) -> list[Part]:
    """Return all that the database holds, in the order in which it is made."""
    named = [*objects(dbapi), *((kind, text_of(row[0])) for kind, ask in CODE.items() for row in rows_of(dbapi, ask))]
    found = [
        Part(kind, name, created_by(dbapi, kind, name), _check(dbapi, kind, name) if checked else "")
        for kind, name in named
    ]
    return sorted(found, key=lambda one: ORDER.index(one.kind))


def _check(dbapi: Any, kind: str, name: str) -> str:
    if kind == "table":
        return str(rows_of(dbapi, f"CHECKSUM TABLE {quote_one(name)}")[0][1])
    if kind == "sequence":
        return str(rows_of(dbapi, f"SELECT next_not_cached_value FROM {quote_one(name)}")[0][0])
    return text_of(rows_of(dbapi, f"SHOW CREATE {kind} {quote_one(name)}")[0][1]) if kind in CODE else ""


def _drop_what_differs(dbapi: Any, wanted: list[Part]) -> None:
    known = {(one.kind, one.name): one for one in wanted}
    for one in reversed(_parts(dbapi)):
        if not one.is_like(known.get((one.kind, one.name))):
            execute(dbapi, f"DROP {one.kind.upper()} IF EXISTS {quote_one(one.name)}")


def _make(dbapi: Any, parts: list[Part]) -> None:
    """Make what is not there, each once that is there which it needs: a view may read another one."""
    while parts:
        errors = {one: error for one in parts if (error := _attempt(dbapi, one))}
        if len(errors) == len(parts):
            raise next(iter(errors.values()))
        parts = list(errors)


def _attempt(dbapi: Any, part: Part) -> Exception | None:
    mode = part.check if part.kind in CODE else ""  # what code means hangs on the mode in which it was made
    try:
        execute(dbapi, f"SET SESSION sql_mode = {literal(mode) if part.kind in CODE else SETTINGS['sql_mode']}")
        execute(dbapi, part.text)
        if part.kind == "sequence":
            rows_of(dbapi, f"SELECT SETVAL({quote_one(part.name)}, {int(part.check)}, 0)")
    except Exception as error:  # noqa: BLE001 - whatever the driver raises
        return error
    return None


def _require_same(dbapi: Any, wanted: list[Part]) -> None:
    now = {(one.kind, one.name): one for one in _parts(dbapi)}
    for one in wanted:
        if not one.is_like(now.pop((one.kind, one.name), None)):
            raise RuntimeError(f"the {one.kind} {one.name} is not what it was")
    for kind, name in now:
        raise RuntimeError(f"the {kind} {name} was not there")

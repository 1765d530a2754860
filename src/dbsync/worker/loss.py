"""What a downgrade would lose, seen while it runs inside the transaction that can still be rolled back.

Contents are compared before and after, whatever way they went: the rows of every table, and the values of every column
of those tables that a statement names, looked at just before the first one does. Names are followed through renames.
Statements that change values in place are noted, since they leave their number as it was.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

WORDS = re.compile(r'[\w$]+|"[^"]+"|`[^`]+`|\[[^\]]+\]')
COMMENTS_AND_STRINGS = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
CHANGING = {"UPDATE", "DELETE", "TRUNCATE", "MERGE", "REPLACE"}
OPAQUE = {"DO", "CALL", "EXECUTE", "COPY", "LOAD"}
RETYPED = "changes from"
# What defines code changes nothing itself; its body is full of words that would.
DEFINING = re.compile(
    r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP\w*\s+)?(?:CONSTRAINT\s+)?(?:TRIGGER|FUNCTION|PROCEDURE|RULE|VIEW)\b",
    re.IGNORECASE,
)
# What can take rows or values away; an index or a constraint that goes takes none.
TAKING_AWAY = re.compile(
    r"\s*(?:DROP\s+TABLE|UPDATE|DELETE|TRUNCATE|REPLACE|INSERT\b.*\bON\s+DUPLICATE|WITH|CREATE\s+OR\s+REPLACE\s+TABLE"
    r"|ALTER\s+(?:\w+\s+)*TABLE\b.*?\b(?:MODIFY|CHANGE|CONVERT|(?:DROP|TRUNCATE)\s+"
    r"(?!(?:INDEX|KEY|CONSTRAINT|FOREIGN|PRIMARY|CHECK)\b)))",
    re.IGNORECASE | re.DOTALL,
)
RENAME = re.compile(
    r"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?(?P<table>\S+)\s+RENAME\s+"
    r"(?:TO\s+(?P<new>[^\s;]+)|(?:COLUMN\s+)?(?P<column>\S+)\s+TO\s+(?P<name>[^\s;]+))",
    re.IGNORECASE,
)


class Verdict(NamedTuple):
    """What became of a table that held rows: what it is called now ("" where it is gone), and its columns, by name.

    `names` says what each is called now, "" for one that is gone; `types_now` are the columns that it has now;
    `retyped` are those whose values another type would not keep, `losses` how it is said. `whole` says that rows may be
    gone or changed too, and not only columns.
    """

    table: str
    now: str
    columns: dict[str, str]
    names: dict[str, str]
    types_now: dict[str, str]
    retyped: list[str]
    whole: bool
    losses: list[dict[str, str]]

    @property
    def below(self) -> list[str]:
        """The columns that it has now."""
        return list(self.types_now)

    @property
    def gone(self) -> list[str]:
        """The columns that are gone."""
        return [column for column in self.columns if not self.names[column]]


class Watched:
    """One table that held rows: what it is called now, what its columns are, and what was in it.

    `values` holds, for every column, how many values it had and the kinds of type in which they would stay the same;
    None until a statement named the table. `changed` says how a statement changed it.
    """

    def __init__(self, table: str, columns: dict[str, str], rows: int) -> None:
        self.table = self.now = table
        self.columns = columns
        self.rows = rows
        self.values: dict[str, tuple] | None = None  # type: ignore[type-arg]  # Python 3.9
        self.changed = ""
        self.names = {column: column for column in columns}

    def rename_column(self, old: str, new: str) -> None:
        """Follow a column; whatever had the new name must be gone. Told twice of the same rename, nothing happens."""
        moved = [column for column, name in self.names.items() if name == old]
        for column in moved:
            self.names.update({other: "" for other, name in self.names.items() if name == new})
            self.names[column] = new


class LossWatch:
    """One downgrade on one connection."""

    def __init__(self, adapter: Any, connection: Any, version_table: str) -> None:
        self._adapter = adapter
        self._connection = connection
        self._watched = []
        for table, columns in adapter.columns(connection).items():
            rows = adapter.contents(connection, table, {})[0]
            if rows and table.split(".")[-1] != version_table:
                self._watched.append(Watched(table, columns, rows))

    def before_statement(self, statement: str) -> None:
        """Look at a statement that is about to run."""
        if statement.lstrip()[:6].upper() in ("SELECT", "PRAGMA") or not self._watched:
            return
        text = COMMENTS_AND_STRINGS.sub(" ", statement)
        for one in self._named(_words(text)):
            if one.values is None:
                one.values = self._adapter.contents(self._connection, one.now, one.columns)[1]
        for rename in RENAME.finditer(text):
            self._note_rename(**{key: _bare(name) for key, name in rename.groupdict(default="").items()})

    def endangered(self, statement: str) -> list[Watched]:
        """Return the tables whose rows or values a statement that is about to run may take away, as far as it says."""
        text = COMMENTS_AND_STRINGS.sub(" ", statement)
        return self._named(_words(text)) if self._watched and TAKING_AWAY.match(text) else []

    def after_statement(self, statement: str, rowcount: int) -> None:
        """Look at a statement that has run: values it changed in place cannot be told from their number."""
        words, opaque = changing(statement, rowcount)
        if opaque:
            self._change(self._named(words) or self._watched, "what the downgrade does to it cannot be read")
        elif words:
            self._change(self._named(words), "rows changed or deleted")

    def renamed_column(self, table: str, old: str, new: str) -> None:
        """Note a rename that Alembic was asked for: batch mode writes it as a copy."""
        self._note_rename(table=table, column=old, name=new, new="")

    def held(self) -> dict[str, dict[str, str]]:
        """Return the tables that hold rows, with their columns and types, as they were at the start."""
        return {one.table: one.columns for one in self._watched}

    def verdicts(self) -> list[Verdict]:
        """Return what became of the tables that lose something, once the downgrade ran."""
        after = self._adapter.columns(self._connection)
        found = [self._judge(one, after) for one in self._watched]
        return [one for one in found if one.losses]

    def _judge(self, one: Watched, after: dict[str, dict[str, str]]) -> Verdict:
        table = one.now if one.now in after else one.table
        if table not in after or not one.now:
            lost = [{"table": one.table, "column": "", "what": "table"}]
            return Verdict(one.table, "", one.columns, dict.fromkeys(one.columns, ""), {}, [], whole=False, losses=lost)
        names = {column: name if name in after[table] else "" for column, name in one.names.items()}
        losses = self._losses_of(one, table, after[table])
        retyped = [loss["column"] for loss in losses if loss["what"].startswith(RETYPED)]
        plain = all(loss["what"] == "column" for loss in losses)
        appeared = set(after[table]) - set(names.values())
        whole = not plain or bool(appeared)
        return Verdict(one.table, table, one.columns, names, after[table], retyped, whole, losses)

    def _losses_of(self, one: Watched, table: str, now: dict[str, str]) -> list[dict[str, str]]:
        rows, values = self._adapter.contents(self._connection, table, {} if one.values is None else now)
        fewer = f"{one.rows - rows} of {one.rows} rows" if rows < one.rows else ""
        found = [{"table": one.table, "column": "", "what": what} for what in (one.changed or fewer,) if what]
        if one.values is None:
            gone = [column for column, name in one.names.items() if name not in now]
            return [*found, *({"table": one.table, "column": column, "what": "column"} for column in gone)]
        for column, (count, kinds) in one.values.items():
            declared, name = one.columns[column], one.names[column]
            what = self._what_is_lost(declared, kinds, now.get(name))
            fewer = f"{count - values[name][0]} of {count} values" if not what and values[name][0] < count else ""
            if count and (what or (fewer and not found)):
                found.append({"table": one.table, "column": column, "what": what or fewer})
        return found

    def _what_is_lost(self, declared: str, kinds: set[str], now: str | None) -> str:
        if now is None:
            return "column"
        if now == declared or self._adapter.kind_of(now) in kinds:
            return ""
        return f"{RETYPED} {declared} to {now}"

    def _note_rename(self, *, table: str, new: str, column: str, name: str) -> None:
        for one in [one for one in self._watched if one.now == table]:
            if column:
                one.rename_column(column, name)
                continue
            schema = table.rpartition(".")[0]
            aim = f"{schema}.{new}" if schema and "." not in new else new
            for other in self._watched:
                other.now = "" if other.now == aim else other.now
            one.now = aim

    def _named(self, words: list[str]) -> list[Watched]:
        named = set(words)
        return [one for one in self._watched if named & {one.table, one.table.split(".")[-1], one.now.split(".")[-1]}]

    @staticmethod
    def _change(tables: list[Watched], how: str) -> None:
        for one in tables:
            one.changed = how


def changing(statement: str, rowcount: int) -> tuple[list[str], bool]:
    """Return the words of a statement that may have changed rows in place, none of another, and whether it hides."""
    text = COMMENTS_AND_STRINGS.sub(" ", statement)
    words = _words(text)
    first = words[0].upper() if words else ""
    several = ";" in text.strip().rstrip(";")
    if first in OPAQUE:
        return words, True
    changes = first in CHANGING or (
        (several or first in ("WITH", "INSERT")) and CHANGING.intersection(word.upper() for word in words)
    )
    return (words if changes and (rowcount != 0 or several) and not DEFINING.match(text) else []), False


def _words(text: str) -> list[str]:
    return [word.strip('"`[]') for word in WORDS.findall(text)]


def _bare(name: str) -> str:
    """Return a name as the catalogue has it: no quotes, and no schema where that is `public`."""
    return name.replace('"."', ".").strip('"`[];').removeprefix("public.")

"""What a downgrade would lose, seen while it runs inside the transaction that can still be rolled back.

Tables and columns are compared before and after, whatever way they went. Whether a column that went held anything is
asked just before the first statement that names its table. Statements that change rows are counted.
"""

from __future__ import annotations

import re
from typing import Any

WORDS = re.compile(r'[\w$]+|"[^"]+"|`[^`]+`|\[[^\]]+\]')
COMMENTS_AND_STRINGS = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
CHANGING = ("UPDATE", "DELETE", "TRUNCATE", "MERGE", "REPLACE")
OPAQUE = ("DO", "CALL", "EXECUTE", "COPY", "LOAD")
RENAMED_TABLE = re.compile(r"ALTER\s+TABLE\s+(\S+)\s+RENAME\s+TO\s+(\S+)", re.IGNORECASE)
RENAMED_COLUMN = re.compile(r"ALTER\s+TABLE\s+(\S+)\s+RENAME\s+(?:COLUMN\s+)?(\S+)\s+TO\s+(\S+)", re.IGNORECASE)


class LossWatch:
    """One phase of downgrades on one connection."""

    def __init__(self, adapter: Any, connection: Any, version_table: str) -> None:
        self._adapter = adapter
        self._connection = connection
        self._ignored = {version_table, f"public.{version_table}"}
        self._before: dict[str, dict[str, str]] = adapter.columns(connection)
        self._filled = {
            table for table in self._before if table not in self._ignored and adapter.any_row(connection, table)
        }
        self._by_word = {word: table for table in self._filled for word in {table, table.split(".")[-1]}}
        self._filled_columns: dict[str, set[str]] = {}
        self._renamed: dict[str, str] = {}
        self._changed: dict[str, str] = {}

    def before_statement(self, statement: str) -> None:
        """Look at a statement that is about to run."""
        if statement.lstrip()[:6].upper() in ("SELECT", "PRAGMA") or not self._filled:
            return
        text = COMMENTS_AND_STRINGS.sub(" ", statement)
        named = {self._by_word[word] for word in self._words(text) if word in self._by_word}
        for table in named - set(self._filled_columns):
            self._filled_columns[table] = {column for column in self._before[table] if self._holds(table, column)}
        self._note_rename(text)

    def _holds(self, table: str, column: str) -> bool:
        one = getattr(self._adapter, "quote_one", self._adapter.quote)
        return bool(self._adapter.any_row(self._connection, table, f"{one(column)} IS NOT NULL"))

    def after_statement(self, statement: str, rowcount: int) -> None:
        """Look at a statement that has run: rows it changed or deleted cannot be told from the schema."""
        text = COMMENTS_AND_STRINGS.sub(" ", statement)
        words = {word.upper() for word in self._words(text)}
        first = next(iter(self._words(text)), "").upper()
        named = {self._by_word[word] for word in self._words(text) if word in self._by_word}
        several = ";" in text.strip().rstrip(";")
        if first in OPAQUE:
            self._changed.update(dict.fromkeys(named or self._filled, "what the downgrade does to it cannot be read"))
        elif (first in CHANGING or ((several or first == "WITH") and words & set(CHANGING))) and (rowcount or several):
            how = f"{rowcount} rows changed or deleted" if rowcount > 0 and not several else "rows changed or deleted"
            self._changed.update(dict.fromkeys(named, how))

    def renamed_column(self, table: str, old: str, new: str) -> None:
        """Note a rename that Alembic was asked for: batch mode writes it as a copy."""
        self._renamed[f"{table}.{old}"] = new

    def losses(self) -> list[dict[str, str]]:
        """Return what is gone, once all downgrades ran: `{table, column, what}` each."""
        after = self._adapter.columns(self._connection)
        found = [{"table": table, "column": "", "what": what} for table, what in sorted(self._changed.items())]
        for table in sorted(self._filled):
            now = after.get(table) or after.get(self._renamed.get(table, ""))
            if now is None:
                found.append({"table": table, "column": "", "what": "table"})
            else:
                found += self._lost_columns(table, now)
        return found

    def _lost_columns(self, table: str, now: dict[str, str]) -> list[dict[str, str]]:
        found = []
        for column, declared in self._before[table].items():
            name = column if column in now else self._renamed.get(f"{table}.{column}", column)
            if column not in self._filled_columns.get(table, set()):
                continue
            if name not in now:
                found.append({"table": table, "column": column, "what": "column"})
            elif self._adapter.kind_of(now[name]) != self._adapter.kind_of(declared):
                found.append({"table": table, "column": column, "what": f"changes from {declared} to {now[name]}"})
        return found

    def _note_rename(self, text: str) -> None:
        table = RENAMED_TABLE.search(text)
        if table:
            self._renamed[_bare(table.group(1))] = _bare(table.group(2))
            return
        column = RENAMED_COLUMN.search(text)
        if column:
            self.renamed_column(*(_bare(part) for part in column.groups()))

    @staticmethod
    def _words(text: str) -> list[str]:
        return [word.strip('"`[]') for word in WORDS.findall(text)]


def _bare(name: str) -> str:
    return name.strip('"`[];').replace('"."', ".").removeprefix("public.") if hasattr(name, "removeprefix") else name

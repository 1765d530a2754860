"""Which names the upgrade of a revision may be about, where it is plain enough to know them all. Pure."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

WORD = re.compile(r"[^\W\d]\w*")
# What makes a call of a library's own: these modules build parts of a statement and change nothing.
BUILDERS = ("sa", "sqlalchemy", "postgresql", "mysql", "sqlite", "sqlmodel")
# Words of SQL are in all DDL, and tell nothing.
SQL = """
add alter and as asc between by cascade char character check collate column comment concurrently constraint
create current_timestamp date datetime default deferrable delete desc drop exists false float foreign from
generated if in index initially insert int integer into is json jsonb key like not null numeric of on one only
or precision primary references rename restrict select sequence server set smallint bigint table temporary
text time timestamp to true type unique update using uuid value values varchar varying view where with without
zone boolean
"""
KEYWORDS = frozenset(WORD.findall(SQL))


class _DoubtError(Exception):
    """Something is called that cannot be seen through."""


def words(text: str) -> set[str]:
    """Return the names in a text, in lower case; words of SQL are none."""
    return {word.lower() for word in WORD.findall(text)} - KEYWORDS


def may_be_about(source: bytes, table: str, lines: Iterable[str]) -> bool:
    """Say whether a revision may have to do with a table whose DDL changed in some lines: in doubt it has."""
    text = source.decode("utf-8", "replace")
    names = _names(text)
    if names is None or table.rpartition(".")[2].lower() in {word.lower() for word in WORD.findall(text)}:
        return True
    return bool(names & {word for line in lines for word in words(line)})


def new_names(before: Iterable[str], now: Iterable[str]) -> set[str]:
    """Return the names in a table's DDL that were not in it before; one or two letters tell nothing."""
    return {name for name in words(" ".join(now)) - words(" ".join(before)) if len(name) > 2}  # noqa: PLR2004 - see above


def holds_all(source: bytes, names: set[str]) -> bool:
    """Say whether a revision names all of them: it may have been committed before the model was changed."""
    return bool(names) and names <= words(source.decode("utf-8", "replace"))


def is_plain(source: bytes) -> bool:
    """Say whether all that a revision is about can be read from it."""
    return _names(source.decode("utf-8", "replace")) is not None


def _names(text: str) -> set[str] | None:
    """Return what the upgrade names in operations and SQL, None where it does what cannot be read here."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    bodies = [node.body for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"]
    if len(bodies) != 1:
        return None
    reader = _Reader()
    try:
        for statement in bodies[0]:
            reader.visit(statement)
    except _DoubtError:
        return None
    return reader.names


class _Reader(ast.NodeVisitor):
    """Collects names from calls of `op` and of batches; any other call is a doubt."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._targets = {"op"}

    def visit_withitem(self, node: ast.withitem) -> None:
        """Take the name of a batch for one more `op`."""
        self.visit(node.context_expr)
        if isinstance(node.optional_vars, ast.Name):
            self._targets.add(node.optional_vars.id)

    def visit_Call(self, node: ast.Call) -> None:
        """Read what is given to one call; the columns that an operation is given belong to its table."""
        owner, name = _called(node)
        given = [*node.args, *(one.value for one in node.keywords)]
        if owner in BUILDERS:
            self._take(node)
        elif owner not in self._targets:
            raise _DoubtError
        for one in given if owner in self._targets else ():
            if name == "execute" or not isinstance(one, ast.Call) or _called(one)[0] in self._targets:
                self._take(one)

    def _take(self, whole: ast.expr) -> None:
        for node in ast.walk(whole):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.names |= words(node.value)
            elif self._is_doubtful(node):
                raise _DoubtError

    def _is_doubtful(self, node: ast.AST) -> bool:
        known = {*BUILDERS, *self._targets}
        if isinstance(node, ast.Call):
            return _called(node)[0] not in known
        return isinstance(node, (ast.JoinedStr, ast.BinOp)) or (isinstance(node, ast.Name) and node.id not in known)


def _called(call: ast.Call) -> tuple[str, str]:
    """Return the name that a method is called on and the method's, as far as they are plain names."""
    function = call.func
    if not isinstance(function, ast.Attribute):
        return "", ""
    return (function.value.id, function.attr) if isinstance(function.value, ast.Name) else ("", "")

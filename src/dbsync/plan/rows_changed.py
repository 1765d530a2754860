"""Whether a revision may change rows in a way that going back by the revisions does not undo. Pure; by syntax alone."""

from __future__ import annotations

import ast
import re

# By these a step may do anything to rows.
ANYTHING = frozenset({"bulk_insert", "execute", "get_bind", "run_async", "run_sync"})
# What an upgrade takes away with them: a downgrade's goes to the shelf.
TAKING = ("drop_column", "drop_table")
# SQL that touches no rows.
HARMLESS = re.compile(
    r"\s*(?:COMMENT|SET|(?:CREATE|DROP|ALTER)\s+(?:OR\s+REPLACE\s+)?(?:UNIQUE\s+)?"
    r"(?:TYPE|INDEX|VIEW|SEQUENCE|FUNCTION|TRIGGER|EXTENSION|SCHEMA|POLICY))\b",
    re.IGNORECASE,
)


def changes_rows(source: bytes, direction: str) -> bool:
    """Say whether a step may change rows so that they do not come back; what cannot be read may."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    name = "upgrade" if direction == "up" else "downgrade"
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == name]
    calls = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Call)]
    return any(_changes(call, direction) for call in calls)


def _changes(call: ast.Call, direction: str) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return not (isinstance(call.func, ast.Name) and call.func.id[:1].isupper())  # a function of the project
    name = call.func.attr
    if name in ANYTHING:
        return not (name == "execute" and _is_harmless(call))
    if direction == "up" and name.startswith(TAKING):
        return True
    return name == "alter_column" and any(keyword.arg == "type_" for keyword in call.keywords)


def _is_harmless(call: ast.Call) -> bool:
    (first, *_) = (*call.args, None)
    return isinstance(first, ast.Constant) and isinstance(first.value, str) and bool(HARMLESS.match(first.value))

"""Which tables and columns a revision changes and what is dangerous in it, as far as its source says. Pure."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = "batch_alter_table"
# Operations whose first argument names the table, and those whose second does (Alembic's `op`).
OF_FIRST = ("create_table", "drop_table", "add_column", "drop_column", "alter_column", "rename_table", "bulk_insert")
OF_SECOND = (
    "create_index",
    "drop_index",
    "create_unique_constraint",
    "create_check_constraint",
    "create_foreign_key",
    "create_primary_key",
    "drop_constraint",
)
OF_COLUMN = ("add_column", "drop_column", "alter_column")


class Operation(NamedTuple):
    """One call of `op` or of a batch: its name, table and column ("" where it concerns none, or none is written)."""

    name: str
    table: str
    column: str
    call: ast.Call


def operations(source: bytes, function: str = "upgrade") -> list[Operation]:
    """Return the schema operations of `upgrade` or `downgrade` in their order; none where the source is not valid."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    bodies = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == function]
    return [one for body in bodies for one in _walk(body.body, {})]


def tables(source: bytes) -> set[tuple[str, str]]:
    """Return what `upgrade` changes as pairs of table and column, "" for a table as a whole."""
    return {(one.table, one.column) for one in operations(source) if one.table}


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return the value of a keyword of a call, None where it is not given."""
    return next((one.value for one in call.keywords if one.arg == name), None)


def _walk(body: list[ast.stmt], batches: dict[str, str]) -> Iterator[Operation]:
    for statement in body:
        inner = dict(batches)
        if isinstance(statement, ast.With):
            inner.update(_batches(statement))
        for field in ("body", "orelse", "finalbody"):
            yield from _walk(getattr(statement, field, []), inner)
        if not hasattr(statement, "body"):
            for node in ast.walk(statement):
                found = _operation(node, inner) if isinstance(node, ast.Call) else None
                if found:
                    yield found


def _batches(statement: ast.With) -> dict[str, str]:
    found = {}
    for item in statement.items:
        call = item.context_expr
        if isinstance(call, ast.Call) and _called(call) == BATCH and isinstance(item.optional_vars, ast.Name):
            found[item.optional_vars.id] = _text(call.args[0] if call.args else keyword(call, "table_name"))
    return found


def _operation(call: ast.Call, batches: dict[str, str]) -> Operation | None:
    name = _called(call)
    target = call.func.value if isinstance(call.func, ast.Attribute) else None
    batch = batches.get(target.id) if isinstance(target, ast.Name) else None
    args = call.args
    if name in OF_FIRST:
        table = batch if batch is not None else _text(args[0] if args else keyword(call, "table_name"))
        rest = args if batch is not None else args[1:]
        return Operation(name, table, _column(rest, call) if name in OF_COLUMN else "", call)
    if name in OF_SECOND:
        second = args[1] if len(args) > 1 else keyword(call, "table_name") or keyword(call, "source_table")
        return Operation(name, batch if batch is not None else _text(second), "", call)
    return None


def _column(args: list[ast.expr], call: ast.Call) -> str:
    first = args[0] if args else keyword(call, "column_name") or keyword(call, "column")
    if isinstance(first, ast.Call):
        return _text(first.args[0] if first.args else keyword(first, "name"))
    return _text(first)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""

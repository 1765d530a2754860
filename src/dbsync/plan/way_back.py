"""Whether a revision can be taken down at all, as far as its source says. Pure."""

from __future__ import annotations

import ast

# Operations of Alembic's `op` and of its batches that change the schema. What `execute` does is not known.
CHANGING = (
    "add_column",
    "alter_column",
    "batch_alter_table",
    "create_",
    "drop_",
    "rename_table",
)


def why_no_way_back(source: bytes) -> str:
    """Return why a revision cannot be taken down as it is written; "" where nothing says so."""
    if lacks_way_back(source):
        return "has an empty downgrade: what its upgrade changed would stay"
    return "has no way back: its downgrade only raises" if raises_on_the_way_back(source) else ""


def lacks_way_back(source: bytes) -> bool:
    """Say whether `downgrade` does nothing where `upgrade` changes the schema: that would stay, and be in the way."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    up, down = functions.get("upgrade"), functions.get("downgrade")
    return up is not None and down is not None and _changes_schema(up) and all(map(_does_nothing, down.body))


def raises_on_the_way_back(source: bytes) -> bool:
    """Say whether `downgrade` begins by raising: it never goes back."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    down = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "downgrade"]
    said = [node for function in down for node in function.body if not _does_nothing(node)]
    return bool(said) and isinstance(said[0], ast.Raise)


def _does_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Return):
        return node.value is None or isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _changes_schema(function: ast.FunctionDef) -> bool:
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(isinstance(called, ast.Attribute) and called.attr.startswith(CHANGING) for called in calls)

"""What an env.py says of the models by its syntax alone. Pure."""

from __future__ import annotations

import ast

NAME = "target_metadata"


def names_no_models(source: bytes) -> bool:
    """Say whether env.py surely hands no models to Alembic: all that it binds or passes as `target_metadata` is None.

    As `alembic init` writes it. Whatever is not plain is not sure.
    """
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    bound = [node for node in ast.walk(module) if isinstance(node, ast.Name) and node.id == NAME]
    assigned = [node for node in module.body if isinstance(node, ast.Assign) and _is_name(node.targets)]
    stored = [node for node in bound if not isinstance(node.ctx, ast.Load)]
    passed = [
        one.value for node in ast.walk(module) if isinstance(node, ast.Call) for one in node.keywords if one.arg == NAME
    ]
    unpacked = any(one.arg is None for node in ast.walk(module) if isinstance(node, ast.Call) for one in node.keywords)
    return (
        not unpacked
        and len(stored) == len(assigned)
        and all(_is_none(node.value) for node in assigned)
        and all(_is_none(value) or _is_name([value]) for value in passed)
    )


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_name(nodes: list[ast.expr]) -> bool:
    return len(nodes) == 1 and isinstance(nodes[0], ast.Name) and nodes[0].id == NAME

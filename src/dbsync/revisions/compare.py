"""When two sources of a revision are the same: equal syntax trees, apart from docstrings, comments and identifiers.

The identifiers are compared as the graph has them (a parent that changed is *re-parented*, not *rewritten*).
"""

from __future__ import annotations

import ast
from typing import List

from dbsync.revisions.parse import IDENTIFIERS


def same_body(one: bytes, other: bytes) -> bool:
    """Say whether two sources of a revision do the same: only docstrings, comments or identifiers differ.

    Sources that are not valid Python are the same only when their bytes are.
    """
    if one == other:
        return True
    try:
        return body(one) == body(other)
    except (SyntaxError, ValueError, RecursionError):
        return False


def body(source: bytes) -> str:
    """Return a text that is equal for two sources that do the same. Comparable within one Python version only."""
    module = ast.parse(source)
    module.body = [node for node in module.body if not _is_identifier(node)]
    for node in ast.walk(module):
        inner = getattr(node, "body", None)
        if isinstance(inner, list):
            node.body = _without_docstring(inner)  # type: ignore[attr-defined] - every node with a list for a body
    return ast.dump(module)


def _is_identifier(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id in IDENTIFIERS for target in targets)


def _without_docstring(nodes: List[ast.stmt]) -> List[ast.stmt]:
    first = nodes[0] if nodes else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return nodes[1:]
    return nodes

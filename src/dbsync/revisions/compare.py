"""When two sources of a revision are the same: equal syntax trees, apart from docstrings, comments and identifiers.

Imports of every revision there is are rewritten long after it was applied, by isort and when a module of the project
moves. So it does not matter how those that stand together are ordered and grouped, nor which module of a package a
name comes from (what that module does is not compared either); SQLAlchemy has one name for different types. What is
imported and never used comes from a template, and linters take it out again: it counts only where it may be a model.
Type hints are rewritten as widely, and do nothing: only those of a class may be read, by a model or a dataclass.

The identifiers are compared as the graph has them (a parent that changed is *re-parented*, not *rewritten*).
"""

from __future__ import annotations

import ast
from itertools import groupby
from typing import TYPE_CHECKING

from dbsync.revisions.parse import IDENTIFIERS, syntax_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# `kind` is the "u" before a string, the others are comments.
IGNORED = frozenset({"kind", "type_comment", "type_ignores"})
HINTS = frozenset({"annotation", "returns"})
HINTING = frozenset({"__future__", "collections.abc", "typing", "typing_extensions"})
DOWNGRADE = "downgrade"
# Where one of these is used, an import may matter without being named: it makes models known, or is found by its name.
UNNAMED = frozenset({"metadata", "create_all", "drop_all", "globals", "locals", "vars", "eval", "exec"})


def same_body(one: bytes, other: bytes) -> bool:
    """Say whether two sources of a revision do the same: only docstrings, comments or identifiers differ.

    Sources that are not valid Python are the same only when their bytes are.
    """
    return _same(one, other, body)


def same_upgrade(one: bytes, other: bytes) -> bool:
    """Say whether two sources of a revision build the same: as `same_body`, but `downgrade` may differ too.

    A way back that is corrected after the revision was applied changes nothing of what was built.
    """
    return _same(one, other, _upgrade)


def _same(one: bytes, other: bytes, text: Callable[[bytes], str]) -> bool:
    if one == other:
        return True
    try:
        return text(one) == text(other)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def body(source: bytes) -> str:
    """Return a text that is equal for two sources that do the same. Comparable within one Python version only.

    Raises what `syntax_tree` raises.
    """
    return "\n".join(_tokens(_module(source)))


def _upgrade(source: bytes) -> str:
    module = _module(source)
    others = [node for node in module.body if not (isinstance(node, ast.FunctionDef) and node.name == DOWNGRADE)]
    called = any(isinstance(node, ast.Name) and node.id == DOWNGRADE for each in others for node in ast.walk(each))
    module.body = module.body if called else others
    return "\n".join(_tokens(module))


def _module(source: bytes) -> ast.Module:
    module = syntax_tree(source)
    telling = [node for node in module.body if not (_is_identifier(node) or _is_of_hints(node))]
    module.body = list(_with_sorted_imports(telling, _names(module)))
    return module


def _names(module: ast.Module) -> frozenset[str] | None:
    """Return the names that a module uses; None where imports may be used without being named."""
    nodes = list(ast.walk(module))
    names = frozenset(node.id for node in nodes if isinstance(node, ast.Name))
    attributes = frozenset(node.attr for node in nodes if isinstance(node, ast.Attribute))
    return None if UNNAMED & (names | attributes) else names


def _tokens(module: ast.Module) -> Iterator[str]:
    """Write a tree down without recursion: a sum of a thousand strings is an ordinary tree."""
    classes = [node for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    attributes = {id(one) for each in classes for one in each.body if isinstance(one, ast.AnnAssign)}
    stack: list[object] = [module]
    while stack:
        node = _plain(stack.pop())
        if isinstance(node, ast.AST):
            yield type(node).__name__
            ignored = IGNORED if id(node) in attributes else IGNORED | HINTS
            stack.extend(_field(node, name) for name in reversed(node._fields) if name not in ignored)
        elif isinstance(node, list):
            yield f"[{len(node)}"
            stack.extend(reversed(node))
        else:
            yield repr(node)


def _plain(node: object) -> object:
    """Return the string that an f-string without a placeholder is; anything else as it is."""
    if isinstance(node, ast.JoinedStr) and all(isinstance(part, ast.Constant) for part in node.values):
        return ast.Constant("".join(str(part.value) for part in node.values if isinstance(part, ast.Constant)))
    return node


def _field(node: ast.AST, name: str) -> object:
    if name == "body" and isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return _without_docstring(node.body)
    if name == "module" and isinstance(node, ast.ImportFrom) and not node.level:
        package = (node.module or "").partition(".")[0]
        return node.module if package == "sqlalchemy" else package
    return getattr(node, name, None)


def _is_of_hints(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and not node.level and node.module in HINTING


def _with_sorted_imports(nodes: Iterable[ast.stmt], used: frozenset[str] | None) -> Iterator[ast.stmt]:
    for are_imports, group in groupby(nodes, lambda node: isinstance(node, (ast.Import, ast.ImportFrom))):
        together = list(group)
        yield from _sorted_imports(together, used) if are_imports else together


def _sorted_imports(nodes: list[ast.stmt], used: frozenset[str] | None) -> list[ast.stmt]:
    """Sort imports, one statement a name, where none replaces what another one bound: then their order says nothing."""
    names = [(alias.asname or alias.name, one) for node in nodes for alias, one in _one_by_one(node)]
    single = [(name, one) for name, one in names if used is None or name == "*" or name.partition(".")[0] in used]
    bound = {name for name, _ in single}
    if len(bound) == len(single) and "*" not in bound:
        single.sort(key=lambda pair: pair[0])
    return [node for _, node in single]


def _one_by_one(node: ast.stmt) -> Iterator[tuple[ast.alias, ast.stmt]]:
    if isinstance(node, ast.ImportFrom):
        yield from ((alias, ast.ImportFrom(node.module, [alias], node.level)) for alias in node.names)
    elif isinstance(node, ast.Import):
        yield from ((alias, ast.Import([alias])) for alias in node.names)


def _is_identifier(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return bool(targets) and all(isinstance(target, ast.Name) and target.id in IDENTIFIERS for target in targets)


def _without_docstring(nodes: list[ast.stmt]) -> list[ast.stmt]:
    first = nodes[0] if nodes else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return nodes[1:]
    return nodes

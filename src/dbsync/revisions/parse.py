"""Reading a revision file's identifiers from its syntax, without running it.

`revision`, `down_revision` and `depends_on` are literals in every one of 1,819 real files surveyed.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING, NamedTuple

from dbsync.errors import Obstacle
from dbsync.revisions.revision import Revision

if TYPE_CHECKING:
    from collections.abc import Iterator

IDENTIFIERS = ("revision", "down_revision", "depends_on", "branch_labels")
# Only what a merge leaves behind: seven "=" alone are also a heading's underline in a docstring.
CONFLICT = re.compile(rb"^(<{7}|>{7})( |\r?$)", re.MULTILINE)
# Alembic 0.1 took the id from the file's whole name, and Alembic still does (script/base.py, _legacy_rev).
LEGACY_NAME = re.compile(r"([a-f0-9]+)\.py$")
# Revision.verify_rev_id refuses the first three (newer ones ":" too, which is left to the project's own Alembic); with
# the last the SQL that writes the version table is broken (HeadMaintainer puts the id between quotes as it is).
ILLEGAL = frozenset("@-+'")
UNREAD = object()
TOO_DEEP = "the revision file is nested too deeply to be read"


class _Unreadable(Exception):  # noqa: N818 - control flow inside this module
    def __init__(self, name: str, line: int) -> None:
        super().__init__(name)
        self.name = name
        self.line = line


class _Binding(NamedTuple):
    """What a name stands for once the module has run: a literal's value, or UNREAD."""

    value: object
    line: int


_Names = dict[str, _Binding]


def parse(source: bytes, path: str, oid: str = "") -> Revision | Obstacle:
    """Return the revision that a file declares, or why it cannot be read, with the line.

    Plain and annotated assignments at the top level count, the last one of a name as in Python; a value must be a
    literal, or the name of one that was assigned before. None, "" and () all say "none". Never raises.
    """
    try:
        return _revision(syntax_tree(source), path, oid)
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte, or bytes that are not the declared encoding
        return _broken(source, path, error)
    except (RecursionError, MemoryError):  # MemoryError: CPython's parser ran out of its own stack
        return Obstacle("DBS101", TOO_DEEP, "correct the file", path, 1)
    except _Unreadable as error:
        message = f"`{error.name}` is not a literal: dbsync reads revisions without running them"
        return Obstacle("DBS103", message, f"write the value of `{error.name}` itself", path, error.line)


def syntax_tree(source: bytes) -> ast.Module:
    """Parse a source without showing the warnings that are its author's (an invalid escape in a regular expression).

    Raises SyntaxError, ValueError, RecursionError or MemoryError where the source is not valid.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def _revision(module: ast.Module, path: str, oid: str) -> Revision | Obstacle:
    names = _bindings(module)
    values = {name: _strings(name, names[name]) for name in IDENTIFIERS if name in names}
    legacy = LEGACY_NAME.match(path.rsplit("/", 1)[-1])
    ids = values.get("revision", (legacy.group(1),) if legacy else ())
    if not ids:
        message = "no `revision` identifier in a file of the versions folder"
        return Obstacle("DBS104", message, "give it one, or move the file out of that folder", path, 1)
    if ILLEGAL.intersection(ids[0]) or not ids[0].isprintable():
        message = f"the revision id {ids[0]!a} has characters that Alembic or its version table cannot take"
        return Obstacle("DBS109", message, "give the revision another id", path, names["revision"].line)
    if "down_revision" not in values:
        message = "no `down_revision` in the revision file: Alembic cannot load it"
        return Obstacle("DBS104", message, "write `down_revision = None` for a first revision", path, 1)
    down, depends, labels = (values.get(name, ()) for name in IDENTIFIERS[1:])
    doc = (ast.get_docstring(module) or "").strip().split("\n", 1)[0]
    return Revision(ids[0], down, depends, labels, path, oid, doc)


def _bindings(module: ast.Module) -> _Names:
    """Map every module-level name to what was assigned to it last, in the order in which Python would."""
    names: _Names = {}
    for node in module.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            _unread(node, names)
            continue
        _unread(value, names)
        read = _literal(value, names)
        for target in targets:
            _bind(target, read, node.lineno, names)
    return names


def _bind(target: ast.expr, value: object, line: int, names: _Names) -> None:
    if isinstance(target, ast.Name):
        names[target.id] = _Binding(value, line)
        return
    parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
    if isinstance(value, tuple) and len(value) == len(parts) and not _starred(parts):
        for part, one in zip(parts, value):
            _bind(part, one, line, names)
    else:
        _unread(target, names)


def _starred(parts: list[ast.expr]) -> bool:
    return any(isinstance(part, ast.Starred) for part in parts)


def _literal(node: ast.expr, names: _Names) -> object:
    """Return a literal's value, with lists as tuples, and UNREAD for what is none."""
    if isinstance(node, ast.Name):
        return names[node.id].value if node.id in names else UNREAD
    if isinstance(node, (ast.Tuple, ast.List)):
        return UNREAD if _starred(node.elts) else tuple(_literal(part, names) for part in node.elts)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return UNREAD


def _unread(node: ast.AST, names: _Names) -> None:
    """Mark what a piece of code binds in the module's own scope by other means: `if`, `for`, `import`, `:=`, `del`."""
    for name, line in _bound(node):
        names[name] = _Binding(UNREAD, line)


def _bound(top: ast.AST) -> Iterator[tuple[str, int]]:
    stack, line = [top], getattr(top, "lineno", 1)
    while stack:
        node = stack.pop()
        line = getattr(node, "lineno", line)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id, line
        elif isinstance(node, ast.alias):
            yield node.asname or node.name, line
        else:  # def and class; `except ... as name`; a pattern's capture and rest
            for name in (getattr(node, "name", None), getattr(node, "rest", None)):
                if isinstance(name, str):
                    yield name, line
        stack.extend(_same_scope(node))


def _same_scope(node: ast.AST) -> list[ast.AST]:
    """Return a node's children that run in the scope it is in: no function's or class's body, no loop variable."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        return []
    if isinstance(node, ast.comprehension):
        return [node.iter, *node.ifs]
    return list(ast.iter_child_nodes(node))


def _strings(name: str, binding: _Binding) -> tuple[str, ...]:
    value = binding.value
    if name == "revision" and isinstance(value, (tuple, set)):
        raise _Unreadable(name, binding.line)
    parts = () if value is None else (value,) if isinstance(value, str) else value
    if not isinstance(parts, (tuple, set)) or not all(isinstance(part, str) for part in parts):
        raise _Unreadable(name, binding.line)
    # Alembic's util.dedupe_tuple: a parent named twice counts once.
    return tuple(dict.fromkeys(part for part in (sorted(parts) if isinstance(parts, set) else parts) if part))


def _broken(source: bytes, path: str, error: SyntaxError | ValueError) -> Obstacle:
    marker = CONFLICT.search(source)
    if marker:
        line = source.count(b"\n", 0, marker.start()) + 1
        hint = "resolve the conflict, then `git add` the file"
        return Obstacle("DBS102", "conflict markers in a revision file", hint, path, line)
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    line = (error.lineno or 1) if isinstance(error, SyntaxError) else 1
    return Obstacle("DBS101", f"the revision file is not valid Python: {reason}", "correct the file", path, line)

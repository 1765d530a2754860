"""Reading a revision file's identifiers from its syntax, without running it.

`revision`, `down_revision` and `depends_on` are literals in every one of 1,819 real files surveyed.
"""

from __future__ import annotations

import ast
import re
from typing import Dict, NamedTuple, Optional, Union

from dbsync.errors import Obstacle
from dbsync.revisions.revision import Revision

IDENTIFIERS = ("revision", "down_revision", "depends_on", "branch_labels")
CONFLICT = re.compile(rb"^(<{7} |={7}$|>{7} )", re.MULTILINE)
# Alembic 0.1 took the id from the file's name, and Alembic still does (ScriptDirectory, _legacy_rev).
LEGACY_NAME = re.compile(r"([a-f0-9]+)\.py$")


class _Unreadable(Exception):  # noqa: N818 - control flow inside this module
    def __init__(self, name: str, line: int) -> None:
        super().__init__(name)
        self.name = name
        self.line = line


class _Assignment(NamedTuple):
    value: ast.expr
    line: int


def parse(source: bytes, path: str, oid: str = "") -> Revision | Obstacle:
    """Return the revision that a file declares, or why it cannot be read, with the line.

    Plain and annotated assignments count, the last one of a name as in Python; a value must be a literal or the name
    of a literal of the same module.
    """
    try:
        module = ast.parse(source)
        return _revision(module, path, oid)
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte, or bytes that are not the declared encoding
        return _broken(source, path, error)
    except RecursionError:
        return Obstacle("DBS101", "the revision file is nested too deeply to be read", path=path, line=1)
    except _Unreadable as error:
        message = f"`{error.name}` is not a literal: dbsync reads revisions without running them"
        return Obstacle("DBS103", message, f"write the value of `{error.name}` itself", path, error.line)


def _revision(module: ast.Module, path: str, oid: str) -> Revision | Obstacle:
    names = _assignments(module)
    values = {name: _strings(name, names) for name in IDENTIFIERS if name in names}
    ids = values.get("revision") or tuple(LEGACY_NAME.findall(path.rsplit("/", 1)[-1]))
    if len(ids) != 1:
        message = "no `revision` identifier in a file of the versions folder"
        return Obstacle("DBS104", message, "give it one, or move the file out of that folder", path, 1)
    if "down_revision" not in values:
        message = "no `down_revision` in the revision file: Alembic cannot load it"
        return Obstacle("DBS104", message, "write `down_revision = None` for a first revision", path, 1)
    down, depends, labels = (values.get(name, ()) for name in IDENTIFIERS[1:])
    doc = (ast.get_docstring(module) or "").strip().split("\n", 1)[0]
    return Revision(ids[0], down, depends, labels, path, oid, doc)


def _assignments(module: ast.Module) -> Dict[str, Optional[_Assignment]]:
    """Map every module-level name to what is assigned to it last; None where that is not a plain assignment."""
    names: Dict[str, Optional[_Assignment]] = {}
    for node in module.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                names.update(_pairs(target, node.value, node.lineno))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if node.value is not None:
                names[node.target.id] = _Assignment(node.value, node.lineno)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.update({name: _Assignment(value, line) for name, value, line in _hidden(node)})
    return names


def _pairs(target: ast.expr, value: ast.expr, line: int) -> Dict[str, Optional[_Assignment]]:
    if isinstance(target, ast.Name):
        return {target.id: _Assignment(value, line)}
    if not isinstance(target, (ast.Tuple, ast.List)):
        return {}
    values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
    if len(values) != len(target.elts):
        values = [value] * len(target.elts)
        values = [ast.Call(func=value, args=[], keywords=[])] * len(target.elts)
    pairs: Dict[str, Optional[_Assignment]] = {}
    for name, part in zip(target.elts, values):
        pairs.update(_pairs(name, part, line))
    return pairs


def _hidden(node: ast.stmt) -> list[tuple[str, ast.expr, int]]:
    """Find identifiers bound inside `if`, `try`, `with`, an import or an augmented assignment: not literals."""
    found = []
    for inner in ast.walk(node):
        name = getattr(inner, "id", None) if isinstance(getattr(inner, "ctx", None), ast.Store) else None
        if isinstance(inner, ast.alias):
            name = inner.asname or inner.name
        if name in IDENTIFIERS:
            found.append((name, ast.Name(id="", ctx=ast.Load()), getattr(inner, "lineno", node.lineno)))
    return found


def _strings(name: str, names: Dict[str, Optional[_Assignment]]) -> tuple[str, ...]:
    assignment = names[name]
    if assignment is None:
        raise _Unreadable(name, 1)
    value = _literal(name, assignment, names, depth=0)
    if value is None or value == "":
        return ()
    parts = (value,) if isinstance(value, str) else value
    if not isinstance(parts, (tuple, list, set, frozenset)) or not all(isinstance(part, str) for part in parts):
        raise _Unreadable(name, assignment.line)
    # Alembic's util.dedupe_tuple: a parent named twice counts once.
    return tuple(dict.fromkeys(sorted(parts) if isinstance(parts, (set, frozenset)) else parts))


def _literal(name: str, assignment: _Assignment, names: Dict[str, Optional[_Assignment]], depth: int) -> object:
    value = assignment.value
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, MemoryError, RecursionError):
        pass
    if isinstance(value, (ast.Tuple, ast.List)):
        return tuple(_literal(name, _Assignment(part, assignment.line), names, depth + 1) for part in value.elts)
    other = names.get(value.id) if isinstance(value, ast.Name) else None
    if other is None or depth > len(names):
        raise _Unreadable(name, assignment.line)
    return _literal(name, other, names, depth + 1)


def _broken(source: bytes, path: str, error: Union[SyntaxError, ValueError]) -> Obstacle:
    marker = CONFLICT.search(source)
    if marker:
        line = source.count(b"\n", 0, marker.start()) + 1
        hint = "resolve the conflict, then `git add` the file"
        return Obstacle("DBS102", "conflict markers in a revision file", hint, path, line)
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    line = (error.lineno or 1) if isinstance(error, SyntaxError) else 1
    return Obstacle("DBS101", f"the revision file is not valid Python: {reason}", "correct the file", path, line)

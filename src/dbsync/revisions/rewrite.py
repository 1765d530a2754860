"""Writing other parents into a revision file: its `down_revision` literal and the docstring's `Revises:` line.

Everything else stays as it is to the byte: encoding, line ends, quotes and layout.
"""

from __future__ import annotations

import ast
import re
from tokenize import detect_encoding
from typing import TYPE_CHECKING, NamedTuple

from dbsync.errors import Obstacle
from dbsync.revisions.parse import syntax_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "down_revision"
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
# A string constant as most write it: what stands between the quotes is the id itself.
QUOTED = re.compile(r"""([uU]?)(["'])([^"'\\\r\n]*)\2\Z""")
OPENING = re.compile(r"""[rRuU]*(\"{3}|'{3}|"|')""")
REVISES = re.compile(r"(?:\A|(?<=[\r\n]))([ \t]*Revises:)([ \t]*)([^\r\n]*)")
LISTED = re.compile(r"\S*(?:[ \t]*,[ \t]*\S+)*[ \t]*\Z")
# Ids that mean themselves between any quotes.
PLAIN = re.compile(r"[\w.:~=]+\Z", re.ASCII)


class _Edit(NamedTuple):
    start: int
    end: int
    text: str


def with_down_revision(source: bytes, path: str, parents: Sequence[str]) -> bytes | Obstacle:
    """Return the source of a revision with other parents, or why they cannot be written there.

    Where as many are named as before, only the ids that differ are replaced.
    """
    try:
        module = syntax_tree(source)
        encoding, _ = detect_encoding(iter(source.splitlines(keepends=True)).__next__)
        text = source.decode(encoding)
        if text.encode(encoding) != source:
            return _not_literal(path, 1)
        return _rewritten(module, text, parents).encode(encoding)
    except _NotLiteralError as error:
        return _not_literal(path, error.line)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Obstacle("DBS101", "the revision file is not valid Python", "correct the file", path, 1)


class _NotLiteralError(Exception):
    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def _not_literal(path: str, line: int) -> Obstacle:
    message = f"`{NAME}` is not assigned a plain literal: dbsync cannot write another parent there"
    return Obstacle("DBS103", message, f"write `{NAME} = '…'` yourself", path, line)


def _rewritten(module: ast.Module, text: str, parents: Sequence[str]) -> str:
    places = _Places(text)
    edits = [*_in_assignment(_assigned(module), places, parents), *_in_docstring(module, places, parents)]
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


class _Places:
    """From the syntax tree's lines and UTF-8 columns to places in the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [found.start() for found in LINE.finditer(text)]

    def span(self, node: ast.expr) -> tuple[int, int]:
        """Return where an expression begins and ends."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self._at(node.lineno, node.col_offset), self._at(end_line, end_column)

    def _at(self, line: int, column: int) -> int:
        start = self._starts[line - 1]
        # A character takes a byte at least.
        return start + len(self.text[start : start + column].encode()[:column].decode())


def _assigned(module: ast.Module) -> ast.expr:
    """Return what is assigned to `down_revision` last."""
    found = [value for node in module.body for value in _values(node)]
    if not found:
        raise _NotLiteralError(1)
    return found[-1]


def _values(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        targets, value = [node.target], node.value
    else:
        return []
    return [value] if any(isinstance(one, ast.Name) and one.id == NAME for one in targets) else []


def _in_assignment(value: ast.expr, places: _Places, parents: Sequence[str]) -> list[_Edit]:
    constants = _constants(value)
    if constants and len(constants) == len(parents) and not isinstance(value, ast.Set):
        pairs = [(node, new) for node, new in zip(constants, parents) if node.value != new]
        return [_Edit(*places.span(node), _quoted(new, _written(node, places))) for node, new in pairs]
    like = _written(constants[0], places) if constants else ""
    listed = [_quoted(one, like) for one in parents]
    literal = f"({', '.join(listed)})" if len(listed) > 1 else "".join(listed) or "None"
    return [_Edit(*places.span(value), literal)]


def _constants(value: ast.expr) -> list[ast.Constant]:
    """Return the strings that a literal consists of."""
    if isinstance(value, ast.Constant) and value.value is None:
        return []
    parts = value.elts if isinstance(value, (ast.Tuple, ast.List, ast.Set)) else [value]
    constants = [part for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    if len(constants) != len(parts):
        raise _NotLiteralError(value.lineno)
    return constants


def _written(node: ast.expr, places: _Places) -> str:
    start, end = places.span(node)
    return places.text[start:end]


def _quoted(new: str, like: str) -> str:
    """Return an id as a string constant, with the quotes of the one it replaces."""
    found = QUOTED.match(like)
    if found is None or not PLAIN.match(new):
        return ascii(new)
    return f"{found[1]}{found[2]}{new}{found[2]}"


def _in_docstring(module: ast.Module, places: _Places, parents: Sequence[str]) -> list[_Edit]:
    """Return the edit of the line that Alembic's template writes: `Revises: a, b`. Prose is left as it is."""
    first = module.body[0].value if module.body and isinstance(module.body[0], ast.Expr) else None
    if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
        return []
    start, end = places.span(first)
    opening = OPENING.match(places.text, start)
    if opening is None or not all(PLAIN.match(one) for one in parents):
        return []
    found = REVISES.search(places.text[opening.end() : end - len(opening[1])])
    if found is None or not LISTED.match(found[3]):
        return []
    said = f"{found[2] or ' '}{', '.join(parents)}"
    after_colon = opening.end() + found.end(1)
    return [_Edit(after_colon, opening.end() + found.start(3) + len(found[3].rstrip()), said)]

"""What may hurt in a new revision, named before it is shared. Warnings: it may be just what is wanted."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from dbsync.checks.finding import Finding, waives
from dbsync.errors import Obstacle
from dbsync.plan.ordinary import reaches_outside
from dbsync.plan.way_back import lacks_way_back, raises_on_the_way_back
from dbsync.revisions.touches import Operation, keyword, operations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dbsync.revisions.revision import Revision


def dangers(revisions: Mapping[str, Revision], sources: Mapping[str, bytes]) -> list[Finding]:
    """Return what is dangerous in some revisions, given with their sources by id."""
    found = []
    for one, source in sources.items():
        for code, message, hint, line in _of(one, source):
            if not waives(source, code):
                found.append(Finding(Obstacle(code, message, hint, revisions[one].path, line), stops=False))
    return found


def _of(one: str, source: bytes) -> Iterator[tuple[str, str, str, int | None]]:
    if lacks_way_back(source):
        yield "DBS211", f"the downgrade of {one} does nothing", "write it: without it a switch cannot go back", None
    elif raises_on_the_way_back(source):
        yield "DBS211", f"the downgrade of {one} always raises", "write it: without it a switch cannot go back", None
    for operation in operations(source):
        yield from _of_operation(one, operation)
    reason = reaches_outside(source)
    if reason:
        yield "DBS214", f"revision {one} {reason}", "hooks leave it to `dbsync sync`; `# dbsync: safe` clears it", None


def _of_operation(one: str, operation: Operation) -> Iterator[tuple[str, str, str, int | None]]:
    line = operation.call.lineno
    what = f"{operation.table}.{operation.column}" if operation.column else operation.table or "a table"
    if operation.name in ("drop_table", "drop_column"):
        kind = "table" if operation.name == "drop_table" else "column"
        yield "DBS212", f"revision {one} drops the {kind} {what} with what is in it", "is it backed up?", line
    elif operation.name == "alter_column" and _narrows(operation.call):
        yield "DBS212", f"revision {one} makes {what} narrower", "what is longer is cut off or refused", line
    if operation.name == "add_column" and _demands_a_value(operation.call):
        hint = "give it a server_default, or fill it before"
        yield "DBS213", f"revision {one} adds {what}, NOT NULL and without default: it fails on rows", hint, line
    if operation.name == "alter_column" and _is(keyword(operation.call, "nullable"), value=False):
        yield "DBS213", f"revision {one} makes {what} NOT NULL: it fails where a row holds none", "fill it before", line


def _demands_a_value(call: ast.Call) -> bool:
    column = next((one for one in call.args if isinstance(one, ast.Call)), None)
    if column is None or not _is(keyword(column, "nullable"), value=False):
        return False
    parts = {one.func.attr for one in column.args if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)}
    return keyword(column, "server_default") is None and not parts & {"Computed", "Identity"}


def _narrows(call: ast.Call) -> bool:
    new, old = _length(keyword(call, "type_")), _length(keyword(call, "existing_type"))
    return new is not None and (old is None or new < old) and keyword(call, "existing_type") is not None


def _length(node: ast.expr | None) -> int | None:
    if not isinstance(node, ast.Call):
        return None
    given = node.args[0] if node.args else keyword(node, "length")
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, int) else None


def _is(node: ast.expr | None, *, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value

"""Re-parented revisions that need not go down: what is missing is run, the version table says the rest. Pure."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from dbsync.plan.planner import Plan, Step

if TYPE_CHECKING:
    from dbsync.revisions.revision_map import RevisionMap

# Whose names do nothing to rows by being called, as types and defaults; what another module does is not known.
KNOWN = frozenset(
    (
        *("__future__", "alembic", "datetime", "enum", "geoalchemy2", "pgvector", "sqlalchemy", "sqlalchemy_utils"),
        *("sqlmodel", "typing", "typing_extensions", "uuid"),
    )
)
# How a revision reaches rows: what `op` has for it, and what a connection, a session or a table has.
REACHING = frozenset(
    (
        *("bulk_insert", "commit", "connection", "delete", "exec_driver_sql", "execute", "get_bind", "get_context"),
        *("impl", "insert", "invoke", "merge", "query", "run_async", "scalar", "scalars", "select", "update"),
    )
)


def stay_in_place(plan: Plan, applied: RevisionMap, target: RevisionMap) -> Plan | None:
    """Return the plan that takes down only what is another revision now; None where nothing is merely re-parented."""
    found = plan.difference
    leaving = applied.descendants([*found.phantom, *found.rewritten])
    in_place = tuple(one for one in found.re_parented if one not in leaving)
    if not in_place:
        return None
    down = [Step("down", one) for one in reversed(applied.ordered(leaving))]
    up = [Step("up", one) for one in target.ordered(set(target.revisions) - (set(applied.revisions) - leaving))]
    return Plan((*down, *up), target.heads, found, in_place)


def concerned(plan: Plan, applied: RevisionMap, target: RevisionMap) -> list[str]:
    """Return what runs, or ran, in another order than the target's: what stays, and what now belongs before it."""
    before = set(target.ancestors(plan.in_place)) - set(applied.ancestors(plan.in_place))
    return target.ordered({*plan.up, *target.descendants(plan.in_place), *before})


def has_data_step(source: bytes) -> bool:
    """Say whether a revision may read or write rows, as far as its source says: in doubt it does."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    return any(_reaches(node) for node in ast.walk(module))


def _reaches(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in REACHING
    if isinstance(node, ast.Import):
        return any(alias.name.partition(".")[0] not in KNOWN for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return bool(node.level) or (node.module or "").partition(".")[0] not in KNOWN
    return False

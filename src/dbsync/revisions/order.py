"""The order in which Alembic takes revisions down: `RevisionMap._topological_sort`, without its ancestor sets.

A moved database is compared with what `alembic upgrade heads` builds, so independent branches come in its order too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence


def newest_first(tips: Iterable[str], parents: Mapping[str, Sequence[str]]) -> list[str]:
    """Return every key of `parents`, each before its parents, beginning at the tips in their order.

    `parents` is an acyclic graph that names keys only, and the tips are what no key has for a parent. A branch is
    followed down to where another one needs what comes next; then that other one is.
    """
    children = _children(parents)
    waiting = {one: len(above) for one, above in children.items()}
    above: dict[str, set[str]] = {}
    walking, at = list(tips), 0
    order: dict[str, None] = {}
    reached = set(walking)
    while walking:
        current = walking[at]
        if waiting[current]:
            if current not in above:
                above[current] = _above(current, children, order)
            at = next(place for place, one in enumerate(walking) if one in above[current])
            continue
        order[current] = None
        for parent in parents[current]:
            waiting[parent] -= 1
        below = [parent for parent in parents[current] if parent not in reached]
        reached.update(below)
        walking[at : at + 1] = below[:1]
        walking += below[1:]
        at = at if below else max(at - 1, 0)
    return list(order)


def _children(parents: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {one: [] for one in parents}
    for one, below in parents.items():
        for parent in below:
            children[parent].append(one)
    return children


def _above(current: str, children: Mapping[str, Sequence[str]], done: Container[str]) -> set[str]:
    """Return what builds on a revision and is not done yet."""
    above: set[str] = set()
    stack = [current]
    while stack:
        waiting = [one for one in children[stack.pop()] if one not in done and one not in above]
        above.update(waiting)
        stack.extend(waiting)
    return above

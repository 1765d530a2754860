"""Which parents revisions need so that they stand on top of others. Pure: the graph alone decides."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from dbsync.revisions.revision_map import RevisionMap

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_Edges = dict[str, list[str]]


class Unclear(NamedTuple):
    """A revision that could go onto each of several heads, all of which build on its parent."""

    revision: str
    parent: str
    heads: tuple[str, ...]


class OnTop(NamedTuple):
    """The `down_revision` that each revision to be moved is to have, and the heads there are then.

    `apart` are heads that stay side by side although nothing says that they should.
    """

    parents: dict[str, tuple[str, ...]]
    unclear: tuple[Unclear, ...]
    heads: tuple[str, ...]
    apart: tuple[str, ...]

    @property
    def settles(self) -> bool:
        """Whether all that is left side by side is meant to be."""
        return not (self.unclear or self.apart)


def put_on_top(graph: RevisionMap, theirs: Collection[str]) -> OnTop:
    """Put every revision that is not one of `theirs` above the head of theirs that builds on its parent.

    The least is moved: not what stands above that head already, and not what a later revision joins with it: of that
    one the older head is replaced. A parent that is left out may let another revision stand apart: until none does.
    """
    found = _put_once(graph, theirs)
    if not found.parents:
        return found
    again = put_on_top(with_parents(graph, found.parents), theirs)
    return again._replace(parents={**found.parents, **again.parents})


def _put_once(graph: RevisionMap, theirs: Collection[str]) -> OnTop:
    sides = _Sides(graph, theirs)
    moved: dict[str, dict[str, str]] = {}
    unclear: list[Unclear] = []
    for revision, parent, heads in sides.crossings():
        if not all(sides.stands_apart(revision, head) for head in heads):
            continue
        if len(heads) > 1:
            unclear.append(Unclear(revision, parent, heads))
        elif heads != (parent,):
            moved.setdefault(revision, {})[parent] = heads[0]
    parents = _without_needless(graph, theirs, _with_moved(graph, moved)) if moved else {}
    after = with_parents(graph, parents)
    return OnTop(parents, tuple(unclear), after.declared_heads, heads_apart(after))


def with_parents(graph: RevisionMap, parents: Mapping[str, tuple[str, ...]]) -> RevisionMap:
    """Return the graph with another `down_revision` of some revisions."""
    revisions = graph.revisions.values()
    return RevisionMap(one._replace(down_revision=parents.get(one.id, one.down_revision)) for one in revisions)


def heads_apart(graph: RevisionMap) -> tuple[str, ...]:
    """Return the heads that build on one revision and that no branch labels tell apart."""
    down = _down(graph)
    below = {head: _reached([head], down) for head in graph.declared_heads}
    labels = {
        head: {label for one in found for label in graph.revisions[one].branch_labels} for head, found in below.items()
    }
    pairs = [pair for pair in combinations(below, 2) if below[pair[0]] & below[pair[1]]]
    return tuple(sorted({one for pair in pairs if labels[pair[0]] == labels[pair[1]] for one in pair}))


class _Sides:
    """The graph by `down_revision`, parted in theirs and ours."""

    def __init__(self, graph: RevisionMap, theirs: Collection[str]) -> None:
        self._down = _down(graph)
        self._up: _Edges = {one: [] for one in self._down}
        for one, parents in self._down.items():
            for parent in parents:
                self._up[parent].append(one)
        self._theirs = theirs
        self._their_up = {one: [child for child in self._up[one] if child in theirs] for one in theirs if one in graph}

    def crossings(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return each revision of ours with a parent that is theirs, and the heads of theirs above that."""
        ours = [one for one in self._down if one not in self._theirs]
        pairs = [(one, parent) for one in ours for parent in self._down[one] if parent in self._theirs]
        return [(one, parent, self._heads_above(parent)) for one, parent in pairs]

    def stands_apart(self, revision: str, head: str) -> bool:
        """Say whether a way up from the revision ends without meeting another one that is joined with the head."""
        stack, seen = [revision], {revision}
        while stack:
            above = self._up[stack.pop()]
            if not above:
                return True
            free = [one for one in above if one not in seen and not self._joins(one, head)]
            seen.update(free)
            stack.extend(free)
        return False

    def _joins(self, revision: str, head: str) -> bool:
        theirs = [parent for parent in self._down[revision] if parent in self._theirs]
        return any(head in self._heads_above(parent) for parent in theirs)

    def _heads_above(self, revision: str) -> tuple[str, ...]:
        return tuple(sorted(one for one in _reached([revision], self._their_up) if not self._their_up[one]))


def _with_moved(graph: RevisionMap, moved: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    return {
        one: tuple(dict.fromkeys(heads.get(parent, parent) for parent in graph.revisions[one].down_revision))
        for one, heads in moved.items()
    }


def _without_needless(
    graph: RevisionMap, theirs: Collection[str], parents: dict[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Leave out parents of theirs that another parent builds on since the move: Alembic's version table errs there."""
    before, after = _down(graph), _down(with_parents(graph, parents))
    found = dict(parents)
    for one, listed in after.items():
        if one in theirs or len(listed) == 1:
            continue
        needless = _needless(listed, after) - _needless(before[one], before)
        kept = tuple(parent for parent in listed if parent not in needless or parent not in theirs)
        if kept != tuple(before[one]):
            found[one] = kept
    return found


def _needless(parents: Sequence[str], down: Mapping[str, Sequence[str]]) -> set[str]:
    below = {parent: _reached(down[parent], down) for parent in parents}
    return {one for one in parents if any(one in found for parent, found in below.items() if parent != one)}


def _down(graph: RevisionMap) -> dict[str, list[str]]:
    revisions = graph.revisions.values()
    return {one.id: [parent for parent in one.down_revision if parent in graph] for one in revisions}


def _reached(ids: Iterable[str], edges: Mapping[str, Sequence[str]]) -> set[str]:
    reached: set[str] = set()
    stack = list(ids)
    while stack:
        one = stack.pop()
        if one not in reached:
            reached.add(one)
            stack.extend(edges[one])
    return reached

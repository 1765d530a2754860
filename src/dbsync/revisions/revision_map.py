"""The graph of a set of revisions: heads, bases, ancestors and order, with what is wrong in it as obstacles.

Alembic's `RevisionMap` is the model and, in the tests, the judge. It differs in one point: what makes Alembic raise
(a missing parent, a duplicate, a cycle) is an obstacle here, and the rest of the graph can still be asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from dbsync.errors import Obstacle
from dbsync.revisions.order import newest_first

if TYPE_CHECKING:
    from dbsync.revisions.revision import Revision

_Edges = Mapping[str, Sequence[str]]
NAMED_IN_A_CYCLE = 10


class RevisionMap:
    """Revisions by id, with parents resolved: those of `down_revision` and those that `depends_on` names.

    Ids that are not in the map are left out of every answer about sets of ids.
    """

    def __init__(self, revisions: Iterable[Revision] = ()) -> None:
        self.revisions: dict[str, Revision] = {}
        self.obstacles: list[Obstacle] = []
        for revision in revisions:
            self._add(revision)
        self._labels: dict[str, str] = {}
        for revision in self.revisions.values():
            self._add_labels(revision)
        self._place = {one: place for place, one in enumerate(self.revisions)}
        self._down = {one.id: self._resolve(one, "down_revision") for one in self.revisions.values()}
        self._dependencies = {one.id: self._resolve(one, "depends_on") for one in self.revisions.values()}
        self._parents = {one: tuple(dict.fromkeys((*self._down[one], *self._dependencies[one]))) for one in self._place}
        self._children = self._invert()
        self._stuck = _unreachable(self._parents, self._children)
        self._report_cycle()

    def __contains__(self, revision_id: object) -> bool:
        return revision_id in self.revisions

    def __len__(self) -> int:
        return len(self.revisions)

    @property
    def heads(self) -> tuple[str, ...]:
        """The ids that no other one names as parent or dependency: the version table's rows when all is applied."""
        return tuple(sorted(one for one in self.revisions if not self._children[one]))

    @property
    def bases(self) -> tuple[str, ...]:
        """The ids without a `down_revision`."""
        return tuple(sorted(one.id for one in self.revisions.values() if not one.down_revision))

    @property
    def declared_heads(self) -> tuple[str, ...]:
        """The heads as `alembic heads` lists them: the ids that no other revision names as `down_revision`."""
        named = {parent for one in self.revisions.values() for parent in one.down_revision}
        return tuple(sorted(one for one in self.revisions if one not in named))

    def parents(self, revision_id: str) -> tuple[str, ...]:
        """Return what must be applied before a revision: its down revisions, then its dependencies."""
        return self._parents[revision_id]

    def direct_parents(self, revision_id: str) -> tuple[str, ...]:
        """Return the parents that no other parent builds on.

        Alembic's HeadMaintainer keeps the version table right only where a revision names no others: of a parent that
        is another parent's ancestor it writes a second row, or deletes one that is not there.
        """
        parents = self._parents[revision_id]
        return tuple(one for one in parents if one in self.maximal(parents)) if len(parents) > 1 else parents

    def ancestors(self, ids: Iterable[str]) -> set[str]:
        """Return the revisions given and all that lies below them."""
        return _closure(ids, self._parents)

    def lineage(self, ids: Iterable[str]) -> set[str]:
        """Return the revisions given and all that they descend from by `down_revision` alone."""
        return _closure(ids, self._down)

    def descendants(self, ids: Iterable[str]) -> set[str]:
        """Return the revisions given and all that builds on them."""
        return _closure(ids, self._children)

    def maximal(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Return those of the ids that no other of them builds on: the version table's rows for this set."""
        chosen = self._known(ids)
        below = self.ancestors({parent for one in chosen for parent in self._parents[one]})
        return tuple(sorted(chosen - below))

    def ordered(self, ids: Iterable[str]) -> list[str]:
        """Return the ids, each after everything of them that it builds on, in the order of `alembic upgrade heads`.

        Reversed it is the order in which Alembic takes them down. Among independent branches the order of the
        revisions given to the map decides, as in Alembic. What is in a cycle, or builds on one, comes last.
        """
        chosen = self._known(ids)
        between = (self.ancestors(chosen) & self.descendants(chosen)) - self._stuck
        graph = {one: [below for below in self._walked(one) if below in between] for one in between}
        tips = sorted(self.maximal(between), key=self._place.__getitem__)
        order = [one for one in reversed(newest_first(tips, graph)) if one in chosen]
        return order + sorted(chosen & self._stuck, key=self._place.__getitem__)

    def _walked(self, revision_id: str) -> tuple[str, ...]:
        """Return the parents that Alembic walks to: without dependencies that an ancestor has as well.

        The rule of Alembic's `_normalize_depends_on`, which puts what remains of several in an order of chance.
        """
        down = self._down[revision_id]
        own = [one for one in self._dependencies[revision_id] if one not in down]
        if not own:
            return down
        inherited = {one for ancestor in _closure(down, self._down) for one in self._dependencies[ancestor]}
        return (*down, *(one for one in own if one not in inherited))

    def _known(self, ids: Iterable[str]) -> set[str]:
        return {one for one in ids if one in self.revisions}

    def _add(self, revision: Revision) -> None:
        known = self.revisions.setdefault(revision.id, revision)
        if known is not revision:
            message = f"revision {revision.id} is in two files: {known.path} and {revision.path}"
            self.obstacles.append(Obstacle("DBS105", message, "give one of them another id", revision.path, 1))

    def _add_labels(self, revision: Revision) -> None:
        for label in revision.branch_labels:
            user = label if label in self.revisions else self._labels.setdefault(label, revision.id)
            if user != revision.id or label in self.revisions:
                message = f"branch label {label} of {revision.id} is already used by {user}"
                self.obstacles.append(Obstacle("DBS105", message, "give it another label", revision.path, 1))

    def _resolve(self, revision: Revision, key: str) -> tuple[str, ...]:
        """Return the ids that a revision names, labels resolved: whole names only, and labels in depends_on only."""
        named = revision.down_revision
        if key == "depends_on":
            named = tuple(self._labels.get(one, one) for one in revision.depends_on)
        for one in named:
            if one not in self.revisions:
                message = f"{key} of {revision.id} names {one}, which is in no file"
                hint = f"`dbsync explain {one}` says where it is"
                self.obstacles.append(Obstacle("DBS106", message, hint, revision.path, 1))
        return tuple(dict.fromkeys(one for one in named if one in self.revisions))

    def _invert(self) -> dict[str, list[str]]:
        children: dict[str, list[str]] = {one: [] for one in self.revisions}
        for one, parents in self._parents.items():
            for parent in parents:
                children[parent].append(one)
        return children

    def _report_cycle(self) -> None:
        # What also has nothing but stuck revisions above it is in a cycle, or between two.
        children = {one: [child for child in self._children[one] if child in self._stuck] for one in self._stuck}
        parents = {one: [parent for parent in self._parents[one] if parent in self._stuck] for one in self._stuck}
        cycle = sorted(_unreachable(children, parents))
        if cycle:
            more = f" and {len(cycle) - NAMED_IN_A_CYCLE} more" if len(cycle) > NAMED_IN_A_CYCLE else ""
            message = f"the revisions {', '.join(cycle[:NAMED_IN_A_CYCLE])}{more} are in a cycle"
            path = self.revisions[cycle[0]].path
            self.obstacles.append(Obstacle("DBS107", message, "correct one `down_revision`", path, 1))


def _unreachable(before: _Edges, after: _Edges) -> set[str]:
    """Return the cycles and what follows them: take away what has nothing before it until nothing moves (Kahn)."""
    waiting = {one: len(edges) for one, edges in before.items()}
    ready = [one for one, count in waiting.items() if not count]
    while ready:
        for one in after[ready.pop()]:
            waiting[one] -= 1
            if not waiting[one]:
                ready.append(one)
    return {one for one, count in waiting.items() if count}


def _closure(ids: Iterable[str], edges: _Edges) -> set[str]:
    reached: set[str] = set()
    stack = [one for one in ids if one in edges]
    while stack:
        one = stack.pop()
        if one not in reached:
            reached.add(one)
            stack.extend(edges[one])
    return reached

"""The graph of a set of revisions: heads, bases, ancestors and order, with what is wrong in it as obstacles.

Alembic's `RevisionMap` is the model and, in the tests, the judge. It differs in one point: what makes Alembic raise
(a missing parent, a duplicate, a cycle) is an obstacle here, and the rest of the graph can still be asked.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Set

from dbsync.errors import Obstacle
from dbsync.revisions.revision import Revision


class RevisionMap:
    """Revisions by id, with parents resolved: those of `down_revision` and those that `depends_on` names."""

    def __init__(self, revisions: Iterable[Revision] = ()) -> None:
        self.revisions: Dict[str, Revision] = {}
        self.obstacles: List[Obstacle] = []
        for revision in revisions:
            self._add(revision)
        self._labels = {label: one.id for one in self.revisions.values() for label in one.branch_labels}
        self._parents = {one.id: self._resolve(one) for one in self.revisions.values()}
        self._children = self._invert()
        self._find_cycle()

    def __contains__(self, revision_id: object) -> bool:
        return revision_id in self.revisions

    def __len__(self) -> int:
        return len(self.revisions)

    @property
    def heads(self) -> tuple[str, ...]:
        """The ids that no other revision names as parent or dependency: the version table's rows when all is applied."""
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

    def ancestors(self, ids: Iterable[str]) -> Set[str]:
        """Return the revisions given and all that lies below them."""
        return self._closure(ids, self._parents)

    def descendants(self, ids: Iterable[str]) -> Set[str]:
        """Return the revisions given and all that builds on them."""
        return self._closure(ids, self._children)

    def maximal(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Return those of the ids that no other of them builds on: the version table's rows for this set."""
        chosen = set(ids)
        below = self.ancestors({parent for one in chosen for parent in self._parents[one]})
        return tuple(sorted(chosen - below))

    def ordered(self, ids: Iterable[str]) -> List[str]:
        """Return the ids, each after everything of them that it builds on; a branch is finished before the next."""
        chosen = set(ids)
        order: Dict[str, None] = {}
        for start in sorted(chosen, key=self._place().__getitem__):
            self._visit(start, chosen, order)
        return list(order)

    def _visit(self, start: str, chosen: Set[str], order: Dict[str, None]) -> None:
        """Depth first, without recursion: a chain of ten thousand revisions is an ordinary chain."""
        stack = [(start, iter(self._parents[start]))]
        while stack:
            current, parents = stack[-1]
            parent = next((one for one in parents if one in chosen and one not in order), None)
            if parent is None:
                order.setdefault(current)
                stack.pop()
            else:
                stack.append((parent, iter(self._parents[parent])))

    def _place(self) -> Dict[str, int]:
        return {one: place for place, one in enumerate(self.revisions)}

    def _add(self, revision: Revision) -> None:
        known = self.revisions.get(revision.id)
        if known is None:
            self.revisions[revision.id] = revision
            return
        message = f"revision {revision.id} is in two files: {known.path} and {revision.path}"
        self.obstacles.append(Obstacle("DBS105", message, "give one of them another id", revision.path, 1))

    def _resolve(self, revision: Revision) -> tuple[str, ...]:
        named = [(one, "down_revision") for one in revision.down_revision]
        named += [(self._labels.get(one, one), "depends_on") for one in revision.depends_on]
        for one, key in named:
            if one not in self.revisions:
                message = f"{key} of {revision.id} names {one}, which is in no file"
                hint = f"`dbsync explain {one}` says where it is"
                self.obstacles.append(Obstacle("DBS106", message, hint, revision.path, 1))
        return tuple(dict.fromkeys(one for one, _ in named if one in self.revisions))

    def _invert(self) -> Dict[str, List[str]]:
        children: Dict[str, List[str]] = {one: [] for one in self.revisions}
        for one, parents in self._parents.items():
            for parent in parents:
                children[parent].append(one)
        return children

    def _find_cycle(self) -> None:
        """Take away what has no unapplied parent until nothing moves (Kahn); what stays is a cycle or above one."""
        waiting = {one: len(parents) for one, parents in self._parents.items()}
        ready = [one for one, count in waiting.items() if not count]
        while ready:
            for child in self._children[ready.pop()]:
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)
        stuck = {one for one, count in waiting.items() if count}
        cycle = sorted(one for one in stuck if self._reaches_itself(one, stuck))
        if cycle:
            message = f"the revisions {', '.join(cycle)} are in a cycle"
            path = self.revisions[cycle[0]].path
            self.obstacles.append(Obstacle("DBS107", message, "correct one `down_revision`", path, 1))

    def _reaches_itself(self, start: str, stuck: Set[str]) -> bool:
        parents = {one: tuple(p for p in self._parents[one] if p in stuck) for one in stuck}
        return start in self._closure(parents[start], parents)

    @staticmethod
    def _closure(ids: Iterable[str], edges: Dict[str, "tuple[str, ...]"] | Dict[str, List[str]]) -> Set[str]:
        reached: Set[str] = set()
        stack = [one for one in ids if one in edges]
        while stack:
            one = stack.pop()
            if one not in reached:
                reached.add(one)
                stack.extend(edges[one])
        return reached

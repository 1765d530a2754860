"""What is wanted: the work tree's revisions, or another ref's while the database is held there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.environment.script_directory import read_sources
from dbsync.errors import Obstacle
from dbsync.plan.planner import part
from dbsync.revisions.compare import same_body, same_upgrade
from dbsync.revisions.forks import above_forks, without_new_above
from dbsync.revisions.revision import path_order
from dbsync.revisions.revision_map import RevisionMap

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from dbsync.config.environment import Environment
    from dbsync.git.objects import Tree
    from dbsync.ledger.entry import Entry
    from dbsync.revisions.revision import Revision
    from dbsync.sync.project import Project

    Same = Callable[[bytes, bytes], bool]

FORKED = "DBS320"


class Target(NamedTuple):
    """The wanted graph of one environment, the tree its sources are in, and why it may not be followed.

    `above` are the revisions above a fork of unwanted revision heads. Where what was applied before is wanted again,
    `recorded` holds the ledger's entries by id, and the tree is only the one whose env.py runs.
    """

    environment: Environment
    map: RevisionMap
    tree: Tree
    obstacles: list[Obstacle]
    strays: list[Revision]
    above: frozenset[str] = frozenset()
    recorded: Mapping[str, Entry] | None = None

    def within_forks(self, applied: Collection[str]) -> RevisionMap:
        """Return what a sync makes: all, but above a fork of unwanted heads only what is applied already.

        Which of the heads is to come first is for people to say, and the next sync would have to undo a guess.
        """
        return part(self.map, without_new_above(self.map, set(self.above), applied)) if self.above else self.map

    def less_held_back(self, applied: Collection[str]) -> Target:
        """Return the target that a sync makes where this much is applied."""
        return self._replace(map=self.within_forks(applied), above=frozenset())

    def held_back(self, applied: Collection[str]) -> Obstacle | None:
        """Return why some of the revisions are not applied, None where all are."""
        if len(self.within_forks(applied)) == len(self.map):
            return None
        below = {parent for one in self.above for parent in self.map.parents(one)} - self.above
        fork = ", ".join(self.map.maximal(below)) or "the base"
        heads = ", ".join(self.map.declared_heads)
        message = f"{heads} fork at {fork}: above it nothing more is applied"
        return Obstacle(FORKED, message, "`dbsync rebase` puts yours on top, `dbsync merge` joins them")

    def sources(self, project: Project, ids: list[str]) -> dict[str, bytes]:
        """Return the sources of some of the revisions."""
        if self.recorded is not None:
            return {one: self.recorded[one].source for one in ids}
        return read_sources(project.repository, self.tree, [self.map.revisions[one] for one in ids])

    def same_source(self, project: Project, entries: list[Entry]) -> Callable[[str], bool]:
        """Return the test of whether a revision is wanted as it was applied; sources are read when ids differ."""
        return self._compared(project, entries, same_upgrade)

    def has_another_downgrade(self, project: Project, entries: list[Entry]) -> bool:
        """Say whether some revision was written anew that does the same upwards: the ledger is to know its new text."""
        same = self._compared(project, entries, same_body)
        return not all(same(entry.revision.id) for entry in entries if entry.revision.id in self.map)

    def _compared(self, project: Project, entries: list[Entry], compare: Same) -> Callable[[str], bool]:
        applied = {entry.revision.id: entry for entry in entries}

        def same(one: str) -> bool:
            if applied[one].revision.oid == self.map.revisions[one].oid:
                return True
            return compare(applied[one].source, self.sources(project, [one]).get(one, b""))

        return same


def read_target(project: Project, environment: Environment, commit: str | None = None) -> Target:
    """Return what an environment's database should be at: the work tree's revisions, or those of a commit."""
    tree: Tree = project.commit_tree(commit) if commit else project.work_tree
    graph = project.graph(environment, tree)
    above = above_forks(graph.map, project.settings.heads)
    return Target(environment, graph.map, tree, graph.obstacles, graph.strays, frozenset(above))


def recorded_target(project: Project, environment: Environment, entries: list[Entry]) -> Target:
    """Return what was applied once as what is wanted, with the sources it was applied with."""
    found = RevisionMap(sorted((one.revision for one in entries), key=lambda one: path_order(one.path)))
    return Target(environment, found, project.work_tree, [], [], recorded={one.revision.id: one for one in entries})


def blocks(obstacles: list[Obstacle], *, anything_applied: bool) -> list[Obstacle]:
    """Return those obstacles that forbid a sync. A script directory without revisions is one once some are applied."""
    return [one for one in obstacles if one.code != "DBS108" or anything_applied]

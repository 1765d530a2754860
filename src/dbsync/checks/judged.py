"""What is judged: one environment in one tree, beside the tree it is compared with and what is published."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.environment.script_directory import read_sources
from dbsync.git.upstream import merge_base, published
from dbsync.store.trust import read_remotes

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.environment.script_directory import Graph
    from dbsync.git.objects import CommitTree
    from dbsync.revisions.revision import Revision
    from dbsync.sync.project import Project

    Published = tuple[CommitTree, Graph]


class Subject(NamedTuple):
    """A tree to judge, given by its id or a commit's, and the commit it is compared with ("" for none).

    `relative`: only what it brings beyond the base stops, and beyond `other`, the commit that is being merged, if one
    is. `commits` are where it comes from, for naming authors.
    """

    tree: str
    base: str
    relative: bool
    commits: tuple[str, ...] = ()
    other: str = ""


class Judged(NamedTuple):
    """One environment of a subject, with its graphs; `published` is the merge base's, `upstream` the upstream tip's.

    `base` is the tree that `base_graph` is of.
    """

    project: Project
    environment: Environment
    tree: CommitTree
    graph: Graph
    base_graph: Graph | None
    relative: bool
    commits: tuple[str, ...]
    upstream_name: str = ""
    published: Published | None = None
    upstream: Published | None = None
    base: CommitTree | None = None

    @property
    def wanted_heads(self) -> int:
        """How many revision heads the project wants."""
        return self.project.settings.heads

    def sources(self, ids: list[str]) -> dict[str, bytes]:
        """Return the sources of some of the revisions."""
        return read_sources(self.project.repository, self.tree, [self.graph.map.revisions[one] for one in ids])

    def new(self) -> dict[str, Revision]:
        """Return the revisions that the base does not have, or has with other content."""
        before = self.base_graph.map.revisions if self.base_graph else {}
        found = self.graph.map.revisions
        return {one: found[one] for one in found if one not in before or before[one].oid != found[one].oid}


def judged(project: Project, subject: Subject) -> list[Judged]:
    """Return every environment of a subject."""
    tree = project.commit_tree(subject.tree)
    base = project.commit_tree(subject.base) if subject.base else None
    name, published, tip = _published(project, subject)
    return [
        Judged(
            project,
            environment,
            tree,
            project.graph(environment, tree),
            project.graph(environment, base) if base else None,
            subject.relative,
            subject.commits,
            name,
            (published, project.graph(environment, published)) if published else None,
            (tip, project.graph(environment, tip)) if tip else None,
            base,
        )
        for environment in project.environments(tree)[0]
    ]


def _published(project: Project, subject: Subject) -> tuple[str, CommitTree | None, CommitTree | None]:
    repository = project.repository
    upstream = published(repository, read_remotes(repository).tracked)
    start = (*subject.commits, subject.base)[0]
    if upstream is None or not start:
        return "", None, None
    tip = upstream.commits[0]
    base = merge_base(repository, start, tip)
    return upstream.name, project.commit_tree(base) if base else None, project.commit_tree(tip)

"""`dbsync heads`: the revision heads of the work tree, the index, or any ref. Runs nothing of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.commands.context import Report
from dbsync.errors import EXIT_OK, EXIT_USAGE, DbsyncError, Obstacle
from dbsync.git.objects import IndexTree

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context
    from dbsync.config.environment import Environment
    from dbsync.environment.script_directory import Graph
    from dbsync.git.objects import Tree
    from dbsync.sync.project import Project


class Heads(NamedTuple):
    """The graphs of every environment of one tree; `tree_id` is "" where the tree may change."""

    ref: str
    graphs: list[tuple[Environment, Graph]]
    obstacles: list[Obstacle]
    tree_id: str = ""
    common_dir: str = ""

    @property
    def is_lasting(self) -> bool:
        """Whether the answer is whole and belongs to a tree that has an id."""
        return bool(self.tree_id) and not self.obstacles and not any(graph.obstacles for _, graph in self.graphs)

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form (version 1)."""
        return {
            "version": 1,
            "ref": self.ref,
            "environments": [_environment_json(*pair) for pair in self.graphs],
            "obstacles": [one.as_json() for one in self.obstacles],
        }


def run(context: Context, options: Namespace) -> Report:
    """Read the graph; `options` holds `ref` (None: the work tree) and `staged`."""
    project = context.project()
    tree = _tree(project, options.ref, staged=options.staged)
    environments, obstacles = project.environments(tree)
    graphs = [(one, project.graph(one, tree)) for one in environments]
    code = EXIT_USAGE if not environments and obstacles else EXIT_OK
    tree_id = (
        project.repository.line("rev-parse", "--verify", "--quiet", f"{options.ref}^{{tree}}") if options.ref else ""
    )
    ref = options.ref or tree.name
    return Report(code, Heads(ref, graphs, obstacles, tree_id, project.repository.common_dir))


def _tree(project: Project, ref: str | None, *, staged: bool) -> Tree:
    if staged:
        return IndexTree(project.repository)
    if ref is None:
        return project.work_tree
    commit = project.repository.commit_of(ref)
    if commit is None:
        raise DbsyncError(f"{ref!r} names no commit", "`git branch --all` lists the branches", exit_code=EXIT_USAGE)
    return project.commit_tree(commit)


def _environment_json(environment: Environment, graph: Graph) -> dict[str, Any]:
    return {
        "name": environment.name,
        "config": environment.config_path,
        "revisions": len(graph.map),
        "heads": list(graph.map.declared_heads),
        "obstacles": [one.as_json() for one in graph.obstacles],
    }

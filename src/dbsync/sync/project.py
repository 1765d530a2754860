"""The repository that dbsync works for in this run, with all that is read from it once."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from dbsync.config.environment import discover
from dbsync.config.settings import read_settings
from dbsync.environment.script_directory import Graph, read_graph
from dbsync.git.objects import CommitTree, WorkTree
from dbsync.store.layout import Layout
from dbsync.store.revision_cache import RevisionCache

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dbsync.config.environment import Environment
    from dbsync.config.settings import Settings
    from dbsync.environment.server import OwnServer
    from dbsync.errors import Obstacle
    from dbsync.git.objects import Tree
    from dbsync.git.repository import Repository


class Project:
    """A repository with its settings, its environments and the caches of one run.

    `environ` is the caller's environment, `main_top` the work tree of the main checkout where this is a linked one,
    `run` what tells this run of dbsync from others, `judge_until` when judging is given up, by time.monotonic():
    git waits for it.
    """

    def __init__(self, repository: Repository, environ: Mapping[str, str]) -> None:
        self.repository = repository
        self.environ = environ
        self.layout = Layout(repository.state_dir)
        self.work_tree = WorkTree(repository)
        self.cache = RevisionCache(self.layout)
        self.own_server: OwnServer | None = None
        self.run = f"{os.getpid()}-{time.time_ns()}"
        self.judge_until: float | None = None
        self._settings: Settings | None = None
        self._found: dict[str, tuple[list[Environment], list[Obstacle]]] = {}
        self._graphs: dict[tuple[str, str], Graph] = {}
        self._trees: dict[str, CommitTree] = {}

    @property
    def settings(self) -> Settings:
        """The settings, of the work tree."""
        if self._settings is None:
            self._settings = read_settings(self.repository, self.work_tree)
        return self._settings

    @property
    def scratch_url(self) -> str | None:
        """The server for scratch databases where the project's own is not to be used, or was found not to do."""
        return self.settings.shadow_url or (self.own_server.url if self.own_server else None)

    @property
    def main_top(self) -> str:
        """The top of the main work tree; this one's where the repository has an unusual layout."""
        common = self.repository.common_dir
        return os.path.dirname(common) if os.path.basename(common) == ".git" else self.repository.top

    @property
    def tops(self) -> list[str]:
        """Where the work tree lies: here, and for the runners that see it elsewhere."""
        values = self.repository.settings()
        return [self.repository.top, *(found[-1] for key, found in values.items() if key.endswith(".runnertop"))]

    def environments(self, tree: Tree | None = None) -> tuple[list[Environment], list[Obstacle]]:
        """Return the migration environments of a tree (the work tree's by default), and why some cannot be read."""
        of = tree or self.work_tree
        if of.name not in self._found:
            self._found[of.name] = discover(of, self.settings)
        return self._found[of.name]

    def commit_tree(self, commit: str) -> CommitTree:
        """Return the tree of a commit, given by its full id; the same object each time, so that it is listed once."""
        return self._trees.setdefault(commit, CommitTree(self.repository, commit))

    def graph(self, environment: Environment, tree: Tree | None = None) -> Graph:
        """Return an environment's graph in a tree, as that tree's own configuration describes it."""
        of = tree or self.work_tree
        key = (environment.name, of.name)
        if key not in self._graphs:
            here = environment if of is self.work_tree else self.environment_in(environment, of)
            self._graphs[key] = read_graph(self.repository, of, here, self.cache)
        return self._graphs[key]

    def environment_in(self, environment: Environment, tree: Tree) -> Environment:
        """Return the same environment as another tree describes it; where that has none of the name, as given."""
        found, _ = self.environments(tree)
        return next((one for one in found if one.name == environment.name), environment)

    def limit_judging(self) -> None:
        """Give judging up after the time that is set: git waits for it."""
        seconds = self.settings.check_timeout
        self.judge_until = time.monotonic() + seconds if seconds else None

    def forget(self) -> None:
        """Read everything again: files may have changed."""
        self._found.clear()
        self._graphs.clear()


def own_interpreter() -> str:
    """Return the interpreter that dbsync itself runs in."""
    return sys.executable

"""A repository that holds just the files a test writes, and discovery in each of its trees."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dbsync.config.environment import Environment, discover
from dbsync.config.settings import Settings, read_settings
from dbsync.git.objects import CommitTree, IndexTree, Tree, WorkTree
from dbsync.git.repository import Repository
from tests.support.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from dbsync.errors import Obstacle

INI = "[alembic]\nscript_location = {}\n"
FLASK_ENV = b"from flask import current_app\nfrom alembic import context\n"


class Files(Project):
    """A repository made of named files."""

    @classmethod
    def create(cls, top: str | os.PathLike[str], **_: str) -> Files:
        files = cls(top)
        files.top.mkdir(parents=True, exist_ok=True)
        files.git("init", "--quiet")
        return files

    def put(self, **files: str | bytes) -> Files:
        """Write files named by keyword; spelled with a dict where a name is no identifier."""
        for name, text in files.items():
            self.write(name, text)
        return self

    @property
    def repository(self) -> Repository:
        return Repository.discover(str(self.top), os.environ)

    @property
    def work_tree(self) -> WorkTree:
        return WorkTree(self.repository)

    @property
    def index_tree(self) -> IndexTree:
        self.git("add", "--all")
        return IndexTree(self.repository)

    @property
    def commit_tree(self) -> CommitTree:
        return CommitTree(self.repository, self.commit("Files", allow_empty=True))

    def settings(self, tree: Tree | None = None) -> Settings:
        return read_settings(self.repository, tree or self.work_tree)

    def discover(self, tree: Tree | None = None) -> tuple[list[Environment], list[Obstacle]]:
        tree = tree or self.work_tree
        return discover(tree, self.settings(tree))

    def only(self) -> Environment:
        """Return the one environment that is found, without any obstacle."""
        environments, obstacles = self.discover()
        assert obstacles == []
        assert len(environments) == 1
        return environments[0]

    def obstacle(self) -> Obstacle:
        """Return the one obstacle where nothing else is found."""
        environments, obstacles = self.discover()
        assert environments == []
        assert len(obstacles) == 1
        return obstacles[0]

    def script(self, folder: str, env: str | bytes = b"") -> Files:
        """Write a script directory with one revision."""
        prefix = f"{folder}/" if folder else ""
        self.write(f"{prefix}env.py", env)
        self.write(f"{prefix}script.py.mako", "")
        self.write(f"{prefix}versions/r1.py", "revision = 'r1'\ndown_revision = None\n")
        return self


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Give an empty repository."""
    return Files.create(tmp_path / "repo")

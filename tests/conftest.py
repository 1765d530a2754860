"""Isolation of the whole run, and the fixtures every test may ask for."""

from __future__ import annotations

import os
import shutil
import tempfile
from binascii import crc32
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

pytest.register_assert_rewrite("tests.support.schema")

from tests.support.isolation import isolate  # noqa: E402 - after the rewriting of asserts is asked for
from tests.support.mariadb import FOLDER, PID, mariadb, mariadb_database  # noqa: E402
from tests.support.postgres import (  # noqa: E402
    Database,
    postgres,
    postgres_database,
    server_folder,
)
from tests.support.project import Project  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.mariadb import Database as MariaDatabase

__all__ = ["mariadb", "mariadb_database", "postgres", "postgres_database"]

run = pytest.StashKey[ExitStack]()
SLOW = (
    "tests/engines/",
    "tests/commands/",
    "tests/faults/",
    "tests/hooks/test_pre_commit.py",
    "tests/scenarios/test_check_drift.py",
    "tests/scenarios/test_check_static.py",
    "tests/scenarios/test_check_trees.py",
    "tests/scenarios/test_check_without_start.py",
    "tests/scenarios/test_guard.py",
    "tests/scenarios/test_merge.py",
    "tests/scenarios/test_operations.py",
    "tests/scenarios/test_per_branch.py",
    "tests/scenarios/test_plugin.py",
    "tests/scenarios/test_re_parented.py",
    "tests/scenarios/test_rebase.py",
    "tests/scenarios/test_rebuild.py",
    "tests/scenarios/test_shapes.py",
    "tests/scenarios/test_snapshot.py",
    "tests/scenarios/test_runner.py",
    "tests/scenarios/test_trust.py",
    "tests/scenarios/test_undo.py",
    "tests/scenarios/test_verify.py",
    "tests/scenarios/test_worktrees.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Isolate this process, and name the servers' folders once for all workers."""
    stack = config.stash[run] = ExitStack()
    home = tempfile.mkdtemp(prefix="dbsync-home-")
    stack.callback(shutil.rmtree, home, ignore_errors=True)
    isolate(home)
    if not hasattr(config, "workerinput"):
        stack.enter_context(server_folder())
        stack.enter_context(server_folder(FOLDER, PID))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what the run started."""
    config.stash[run].close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a part of the slow tests, which start real interpreters many times; DBSYNC_TESTS_SLOW="2/8" names part 2 of 8.

    Which part a test is in hangs on its name alone, so that running all parts runs all tests.
    """
    part, _, parts = os.environ.get("DBSYNC_TESTS_SLOW", "0/1").partition("/")
    left_out = [
        item
        for item in items
        if item.nodeid.startswith(SLOW) and crc32(item.nodeid.encode()) % int(parts) != int(part) % int(parts)
    ]
    if left_out:
        items[:] = [item for item in items if item not in set(left_out)]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a project on SQLite: a repository with an Alembic environment and no revision."""
    return Project.create(tmp_path / "project")


@pytest.fixture
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Project]:
    """Give a function that makes a project; it takes what Project takes."""

    def make(**options: str) -> Project:
        return Project.create(tmp_path_factory.mktemp("project"), **options)

    return make


@pytest.fixture
def postgres_project(tmp_path: Path, postgres_database: Database) -> Project:
    """Give a project whose dev database is an empty one on PostgreSQL."""
    return Project.create(tmp_path / "project", url=postgres_database.url)


@pytest.fixture
def mariadb_project(tmp_path: Path, mariadb_database: MariaDatabase) -> Project:
    """Give a project whose dev database is an empty one on MariaDB."""
    return Project.create(tmp_path / "project", url=mariadb_database.url)

"""Killed while one database takes the place of another, the next command finishes or rolls back."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.engines.branches import branch, start
from tests.support.following import follow, sql
from tests.support.kept import clear_up, write
from tests.support.killing import SITECUSTOMIZE
from tests.support.project import Project
from tests.support.schema import assert_in_sync, connect, is_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.postgres import Server

POINTS = 12
SWITCH = ("git", "switch", "main")
UNDO = (sys.executable, "-P", "-m", "dbsync", "undo")


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[Project]:
    """Give a project that was moved to a branch whose revision changed rows in place; a clone is kept."""
    database = postgres.create()
    project = Project.create(tmp_path_factory.mktemp("swap") / "project", url=database.url)
    start(project)
    change = 'op.execute("UPDATE users SET name = upper(name)")'
    branch(project, "loud", "r2", change, "pass")
    write(project.url, "INSERT INTO users (name) VALUES ('ada')")
    project.switch("loud")
    yield project
    clear_up(project, postgres)
    postgres.drop(database.name)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("python")
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    return folder


@pytest.fixture(scope="module")
def lines(moved: Project, python: Path) -> dict[str, int]:
    """Return how many lines each process runs for an undo, by tens."""

    def counted(whom: str) -> int:
        found = count(moved, python, whom, *UNDO)
        moved.dbsync("sync")
        return found

    return {whom: counted(whom) for whom in ("dbsync", "worker")}


def count(project: Project, python: Path, whom: str, *argv: str) -> int:
    said = python / f"{project.top.parent.name}-{whom}"
    run(project, python, *argv, at="-1", whom=whom, said=str(said))
    return int(said.read_text())


def run(project: Project, python: Path, *argv: str, **killing: str) -> None:
    environ = {f"KILL_{name.upper()}": value for name, value in killing.items()}
    project.run(*argv, env={**environ, "PYTHONPATH": str(python)})


@pytest.mark.postgres
@pytest.mark.parametrize("whom", ["dbsync", "worker"])
@pytest.mark.parametrize("point", range(POINTS))
def test_during_an_undo(moved: Project, python: Path, lines: dict[str, int], point: int, whom: str):
    run(moved, python, *UNDO, at=str(1 + point * lines[whom] // POINTS), whom=whom, said="")

    moved.dbsync("ensure", check=False)
    moved.dbsync("sync")

    assert_in_sync(moved)
    with connect(moved.url) as connection:
        assert connection.execute("SELECT name FROM users").fetchall() == [("ADA",)]


def per_branch(project: Project) -> Project:
    """Make a project on feature in which each git branch has rows of its own; those of main are kept."""
    project.path("pyproject.toml").write_text('[tool.dbsync]\ndata = "per-branch"\n')
    project.table("r1")
    project.commit("Add r1")
    follow(project, warm=False)
    execute(project, "INSERT INTO t_r1 (name) VALUES ('main')")
    project.switch("-c", "feature")
    project.table("f2", "r1")
    project.commit("Add f2")
    execute(project, "UPDATE t_r1 SET name = 'feature'", "INSERT INTO t_f2 (name) VALUES ('new')")
    project.switch("main")
    project.switch("feature")
    return project


def execute(project: Project, *statements: str) -> None:
    if is_postgres(project.database):
        write(project.url, *statements)
    else:
        sql(project, *statements)


def rows(project: Project, table: str) -> list[str]:
    select = f"SELECT name FROM {table} ORDER BY id"
    if not is_postgres(project.database):
        return [name for (name,) in sql(project, select)]
    with connect(project.url) as connection:
        return [name for (name,) in connection.execute(select)]


def assert_comes_through(project: Project) -> None:
    """Assert that the next command and the way back bring the rows of each branch."""
    project.dbsync("ensure")
    assert_in_sync(project)
    assert rows(project, "t_r1") == ["main"]
    project.switch("feature")
    assert_in_sync(project)
    assert (rows(project, "t_r1"), rows(project, "t_f2")) == (["feature"], ["new"])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return per_branch(Project.create(tmp_path_factory.mktemp("files") / "project"))


@pytest.fixture(scope="module")
def lines_of_files(files: Project, python: Path) -> int:
    found = count(files, python, "dbsync", *SWITCH)
    files.switch("feature")
    return found


@pytest.mark.parametrize("point", range(40))
def test_during_an_exchange_of_files(files: Project, python: Path, lines_of_files: int, point: int):
    run(files, python, *SWITCH, at=str(1 + point * lines_of_files // 40), whom="dbsync", said="")
    assert_comes_through(files)
    assert len(list(files.path(".git/dbsync/branches").rglob("*.sqlite"))) == 1


@pytest.mark.parametrize("point", range(40))
def test_during_an_exchange_of_a_file_that_is_open(files: Project, python: Path, lines_of_files: int, point: int):
    with closing(sqlite3.connect(files.path("dev.db"))) as app:
        app.execute("SELECT 1 FROM t_r1").fetchone()
        run(files, python, *SWITCH, at=str(1 + point * lines_of_files // 40), whom="dbsync", said="")
    assert_comes_through(files)


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[Project]:
    database = postgres.create()
    project = per_branch(Project.create(tmp_path_factory.mktemp("databases") / "project", url=database.url))
    yield project
    clear_up(project, postgres)
    postgres.drop(database.name)


@pytest.fixture(scope="module")
def lines_of_databases(databases: Project, python: Path) -> dict[str, int]:
    found = {}
    for whom in ("dbsync", "worker"):
        found[whom] = count(databases, python, whom, *SWITCH)
        databases.switch("feature")
    return found


@pytest.mark.postgres
@pytest.mark.parametrize("whom", ["dbsync", "worker"])
@pytest.mark.parametrize("point", range(POINTS))
def test_during_an_exchange_of_databases(
    databases: Project, python: Path, lines_of_databases: dict[str, int], point: int, whom: str
):
    run(databases, python, *SWITCH, at=str(1 + point * lines_of_databases[whom] // POINTS), whom=whom, said="")
    assert_comes_through(databases)

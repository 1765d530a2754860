"""Killed while one database takes the place of another on a server, the next command finishes or rolls back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.engines.branches import branch, start
from tests.support.kept import clear_up, write
from tests.support.killing import SITECUSTOMIZE
from tests.support.project import Project
from tests.support.schema import assert_in_sync, connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.postgres import Server

pytestmark = pytest.mark.postgres

POINTS = 12
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
    found = {}
    for whom in ("dbsync", "worker"):
        said = python / whom
        run(moved, python, at="-1", whom=whom, said=str(said))
        moved.dbsync("sync")
        found[whom] = int(said.read_text())
    return found


def run(project: Project, python: Path, **killing: str) -> None:
    environ = {f"KILL_{name.upper()}": value for name, value in killing.items()}
    project.run(*UNDO, env={**environ, "PYTHONPATH": str(python)})


@pytest.mark.parametrize("whom", ["dbsync", "worker"])
@pytest.mark.parametrize("point", range(POINTS))
def test_during_an_undo(moved: Project, python: Path, lines: dict[str, int], point: int, whom: str):
    run(moved, python, at=str(1 + point * lines[whom] // POINTS), whom=whom, said="")

    moved.dbsync("ensure", check=False)
    moved.dbsync("sync")

    assert_in_sync(moved)
    with connect(moved.url) as connection:
        assert connection.execute("SELECT name FROM users").fetchall() == [("ADA",)]

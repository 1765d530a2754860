"""Killed at any line of dbsync or of its worker, the next command finishes or rolls back, and no row is lost."""

from __future__ import annotations

import sys

import pytest

from tests.support.following import assert_follows, dump, follow, sql
from tests.support.killing import Mortal
from tests.support.project import Project

POINTS = 40
SWITCH = ("git", "switch", "main")
UNDO = (sys.executable, "-P", "-m", "dbsync", "undo")
ROWS = ("SELECT name FROM t_r1", "SELECT name, more FROM t_f2")


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Give a project on feature (r1, f2, f3) with rows, and main with r1 and m2; its database follows Git."""
    project = Project.create(tmp_path_factory.mktemp("killed") / "project")
    project.table("r1")
    project.commit("Add r1")
    project.table("m2", "r1")
    project.commit("Add m2")
    project.switch("--quiet", "-c", "feature", "HEAD~1")
    project.table("f2", "r1")
    project.column("f3", "f2", "t_f2", "more")
    project.commit("Add f2 and f3")
    follow(project, warm=False)
    sql(project, "INSERT INTO t_r1 (name) VALUES ('old')", "INSERT INTO t_f2 (name, more) VALUES ('new', 'value')")
    return project


@pytest.fixture(scope="module")
def switching(forked: Project, tmp_path_factory: pytest.TempPathFactory) -> Mortal:
    return Mortal(forked, tmp_path_factory.mktemp("saved") / "saved")


@pytest.fixture(scope="module")
def switched(switching: Mortal, tmp_path_factory: pytest.TempPathFactory) -> Mortal:
    """Give the same on main, moved there from feature, so that there is something to undo."""
    switching.put_back()
    switching.project.switch("main")
    return Mortal(switching.project, tmp_path_factory.mktemp("saved") / "saved")


@pytest.fixture(scope="module")
def lines(switching: Mortal) -> dict[str, int]:
    """Return how many lines each process runs for a switch."""
    return {whom: switching.lines(whom, *SWITCH) for whom in ("dbsync", "worker")}


def rows(project: Project) -> list[list[tuple[str, ...]]]:
    return [sql(project, select) for select in ROWS]


@pytest.mark.parametrize("whom", ["dbsync", "worker"])
@pytest.mark.parametrize("point", range(POINTS))
def test_during_a_switch(switching: Mortal, lines: dict[str, int], point: int, whom: str):
    project = switching.project
    switching.put_back()
    everything, feature = rows(project), dump(project)

    switching.kill(whom, 1 + point * lines[whom] // POINTS, *SWITCH)

    assert (dump(project) == feature) == has(project, "t_f2")  # all of it, or nothing
    project.dbsync("ensure")
    assert_follows(project)
    assert sql(project, ROWS[0]) == everything[0]
    project.switch("feature")
    assert_follows(project)
    assert rows(project) == everything


@pytest.mark.parametrize("point", range(POINTS))
def test_during_an_undo(switched: Mortal, point: int):
    project = switched.project
    lines = switched.lines("dbsync", *UNDO)
    before = dump(project)

    switched.kill("dbsync", 1 + point * lines // POINTS, *UNDO)

    assert (dump(project) == before) == has(project, "t_m2")
    project.dbsync("sync")
    assert_follows(project)
    assert dump(project) == before
    project.switch("feature")
    assert_follows(project)
    assert rows(project) == [[("old",)], [("new", "value")]]


def has(project: Project, table: str) -> bool:
    """Say whether a table is there."""
    return bool(sql(project, f"SELECT 1 FROM sqlite_master WHERE name = '{table}'"))

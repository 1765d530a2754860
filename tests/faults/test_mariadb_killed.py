"""Killed before any statement that is sent to MariaDB, nothing is lost: undone by itself, done, or put back when asked."""

from __future__ import annotations

import signal

import pytest

from tests.engines.branches import hooks_off
from tests.support.mariadb_schema import assert_in_sync, dump, name_of

pytestmark = pytest.mark.mariadb

POINTS = 24
STATEMENTS = 144  # of this switch
# What the driver sends is counted; before the statement of that number both processes are killed.
COUNTING = """
import os, pathlib, pymysql
count, until, execute = [0], int(os.environ.get("KILL_AT", 0)), pymysql.cursors.Cursor.execute
def counted(self, *arguments):
    count[0] += 1
    if count[0] == until:
        os.kill(os.getppid(), 9)
        os.kill(os.getpid(), 9)
    if "COUNT" in os.environ:
        pathlib.Path(os.environ["COUNT"]).write_text(str(count[0]))
    return execute(self, *arguments)
pymysql.cursors.Cursor.execute = counted
"""


@pytest.fixture
def moving(mariadb_project, mariadb):
    """Give a project on main whose database is at feature's revisions, with rows: r1, f2, f3; main has r1 and m2."""
    project = mariadb_project
    env = project.path("migrations/env.py")
    env.write_text(COUNTING + env.read_text())
    project.table("r1")
    project.commit("Add r1")
    project.dbsync("init", "--yes")
    project.switch("-c", "feature")
    project.table("f2", "r1")
    project.column("f3", "f2", "t_r1", "more")
    project.commit("Add f2 and f3", verify=False)
    for statement in (
        "INSERT INTO t_r1 (name, more) VALUES ('old', 'value')",
        "INSERT INTO t_f2 (name) VALUES ('new')",
    ):
        mariadb.query(statement, name_of(project))
    with hooks_off(project):
        project.switch("-c", "other", "main")
        project.table("m2", "r1")
        project.commit("Add m2", verify=False)
    return project


@pytest.mark.parametrize("point", range(POINTS))
def test_before_any_statement(moving, mariadb, tmp_path, point):
    database = name_of(moving)
    feature = dump(mariadb, database)
    at = 1 + point * STATEMENTS // POINTS

    killed = moving.dbsync("sync", check=False, env={"KILL_AT": str(at)})

    assert killed.rc == -signal.SIGKILL, killed.err
    if moving.dbsync("repair", check=False).rc:
        moving.dbsync("repair", "--restore", check=False, env={"KILL_AT": str(at // 2 + 1)})
        moving.dbsync("repair", "--restore")
        assert dump(mariadb, database) == feature
    moving.dbsync("sync")
    assert_in_sync(moving, mariadb, tmp_path)
    moving.switch("feature")
    assert dump(mariadb, database) == feature

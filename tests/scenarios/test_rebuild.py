"""The second way back: a revision whose downgrade is missing or fails is left out of a schema that is built anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_follows, codes, dump, follow, sql

if TYPE_CHECKING:
    from tests.support.project import Project

BODIES = {
    "empty": "pass",
    "raises": 'raise NotImplementedError("no way back")',
    "fails": 'op.drop_table("nowhere")',
    "too much": 'op.drop_table("t2"); op.drop_column("t_r1", "more"); op.drop_column("t_r1", "name")',
}


@pytest.fixture(params=BODIES)
def one_way(project: Project, request: pytest.FixtureRequest) -> Project:
    """Give a project that follows Git on feature, whose f2 has no good downgrade; rows in both of its tables."""
    project.table("r1")
    project.commit("Add r1")
    project.switch("--quiet", "-c", "feature")
    up = 'op.create_table("t2", sa.Column("id", sa.Integer)); op.add_column("t_r1", sa.Column("more", sa.String(9)))'
    project.revision("f2", "r1", up, BODIES[request.param])
    project.commit("Add f2")
    follow(project)
    sql(project, "INSERT INTO t_r1 (name, more) VALUES ('Ada', 'x')", "INSERT INTO t2 VALUES (7)")
    return project


def test_it_is_offered_where_the_downgrade_does_not_do(one_way: Project):
    before = dump(one_way)
    done = one_way.switch("main")
    assert "dbsync sync --rebuild" in done.err
    assert dump(one_way) == before


def test_it_carries_the_rows_that_both_sides_hold_and_can_be_undone(one_way: Project):
    before = dump(one_way)
    one_way.switch("main")

    done = one_way.dbsync("sync", "--rebuild")

    assert "built anew without f2  f2 -> r1" in done.err
    assert "t_r1.more, t2 had no place" in done.err
    assert sql(one_way, "SELECT name FROM t_r1") == [("Ada",)]
    assert_follows(one_way)

    one_way.dbsync("undo")
    assert dump(one_way) == before
    one_way.switch("feature")
    one_way.dbsync("sync")
    assert_follows(one_way)


def test_what_is_pending_goes_up_as_always(one_way: Project):
    one_way.git("switch", "--quiet", "main", env={"DBSYNC": "off"})
    one_way.revision("r2", "r1", 'op.execute("UPDATE t_r1 SET name = upper(name)")', "pass")

    one_way.dbsync("sync", "--rebuild")

    assert sql(one_way, "SELECT name FROM t_r1") == [("ADA",)]
    assert_follows(one_way)


def test_tables_that_no_revision_made_come_along(one_way: Project):
    sql(
        one_way,
        "CREATE TABLE mine (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT)",
        "CREATE INDEX ix_mine ON mine (what)",
        "INSERT INTO mine (what) VALUES ('kept')",
    )
    one_way.switch("main")

    one_way.dbsync("sync", "--rebuild")

    assert sql(one_way, "SELECT id, what FROM mine") == [(1, "kept")]
    assert sql(one_way, "SELECT count(*) FROM sqlite_master WHERE name = 'ix_mine'") == [(1,)]


def test_rows_without_a_place_stop_it_and_nothing_is_changed(project: Project):
    project.revision(
        "r1", None, 'op.create_table("t", sa.Column("a", sa.String(9), unique=True))', 'op.drop_table("t")'
    )
    project.commit("Add r1")
    project.switch("--quiet", "-c", "feature")
    up = 'op.execute("ALTER TABLE t RENAME TO old"); op.execute("CREATE TABLE t (a VARCHAR(9))"); op.drop_table("old")'
    project.revision("f2", "r1", up, 'raise NotImplementedError("no way back")')
    project.commit("Add f2")
    follow(project)
    sql(project, "INSERT INTO t VALUES ('twice')", "INSERT INTO t VALUES ('twice')")
    before = dump(project)
    project.switch("main")

    done = project.dbsync("sync", "--rebuild", check=False)

    assert (done.rc, "the rows of t have no place" in done.err) == (1, True)
    assert dump(project) == before


def test_nothing_to_take_down_is_an_ordinary_sync(one_way: Project):
    before = dump(one_way)
    done = one_way.dbsync("sync", "--rebuild")
    assert (codes(done), dump(one_way)) == ([], before)

"""The second way back: a revision whose downgrade is missing or fails is left out of a schema that is built anew."""

from __future__ import annotations

import sqlite3
from contextlib import closing
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


def test_what_had_no_place_is_kept_when_the_copies_of_later_moves_take_its_place(one_way: Project):
    one_way.switch("main")
    done = one_way.dbsync("sync", "--rebuild")
    (kept,) = one_way.path(".git/dbsync/kept").iterdir()
    assert f"how it was is kept in {kept}" in done.err
    for copy in one_way.path(".git/dbsync/copies").iterdir():
        copy.unlink()
    with closing(sqlite3.connect(kept)) as db:
        assert db.execute("SELECT t2.id, more FROM t2, t_r1").fetchall() == [(7, "x")]


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


MINE = {
    "a name that only looks like SQLite's own": ("sqlite3_log", "CREATE TABLE sqlite3_log (a)"),
    "a name that every revision has in it": ("schema", "CREATE TABLE schema (a)"),
    "a table that the revision refers to": ("refd", "CREATE TABLE refd (a PRIMARY KEY)"),
    "another full-text index": ("docs", "CREATE VIRTUAL TABLE docs USING fts5(a)"),
    "reserved words": ("order", 'CREATE TABLE "order" (a)'),
    "a key that is none": ("child", "CREATE TABLE parent (b); CREATE TABLE child (a REFERENCES parent (b))"),
}


@pytest.fixture
def referring(project: Project) -> Project:
    """Give a project on feature, whose f2 has no downgrade, makes a table by a computed name, and refers to `refd`."""
    up = """
        op.execute("CREATE TABLE T_Plain (What TEXT)")
        op.execute("CREATE TABLE once (a INTEGER UNIQUE ON CONFLICT IGNORE)")
        op.execute("CREATE VIRTUAL TABLE words USING fts5(a)")
        """
    project.revision("r1", None, up, "pass")
    project.commit("Add r1", verify=False)
    project.switch("--quiet", "-c", "feature")
    up = """
        prefix = "f2"
        op.execute(f"CREATE TABLE {prefix}_log (a REFERENCES refd (a))")
        op.execute("ALTER TABLE T_Plain RENAME COLUMN What TO what")
        op.execute("ALTER TABLE T_Plain RENAME TO x")
        op.execute("ALTER TABLE x RENAME TO t_plain")
        op.execute("ALTER TABLE once RENAME TO x")
        op.execute("CREATE TABLE once (a TEXT)")
        op.execute("DROP TABLE x")
        """
    project.revision("f2", "r1", up, 'raise NotImplementedError("no way back")')
    project.commit("Add f2", verify=False)
    return follow(project)


@pytest.mark.parametrize("which", MINE)
def test_what_no_revision_made_comes_along(referring: Project, which: str):
    name, made = MINE[which]
    sql(referring, *made.split(";"), f"INSERT INTO \"{name}\" VALUES ('kept')")
    referring.switch("main")

    done = referring.dbsync("sync", "--rebuild")

    assert "had no place" not in done.err
    assert sql(referring, f'SELECT a FROM "{name}"') == [("kept",)]
    assert sql(referring, "SELECT count(*) FROM sqlite_master WHERE name = 'f2_log'") == [(0,)]


def test_a_filled_table_that_may_be_somebody_elses_stops_it(project: Project):
    project.table("r1")
    project.commit("Add r1")
    project.switch("--quiet", "-c", "feature")
    project.revision("f2", "r1", 'op.add_column("legacy", sa.Column("b", sa.Integer))', "raise NotImplementedError")
    project.commit("Add f2", verify=False)
    sql(project, "CREATE TABLE legacy (a)", "INSERT INTO legacy VALUES (1)")
    follow(project)
    before = dump(project)
    project.switch("main")

    done = project.dbsync("sync", "--rebuild", check=False)

    assert (done.rc, "whether legacy is somebody else's" in done.err, dump(project)) == (1, True, before)


def test_views_triggers_indexes_and_what_the_application_wrote_into_the_header_come_along(referring: Project):
    sql(
        referring,
        "PRAGMA user_version = 42",
        "CREATE TABLE mine (a)",
        "CREATE TRIGGER tr AFTER INSERT ON mine BEGIN DELETE FROM mine WHERE a = 9; END",
        "CREATE INDEX ix ON once (a)",
        "CREATE VIEW v AS SELECT a FROM mine",
        "CREATE VIEW of_f2 AS SELECT a FROM f2_log",
    )
    referring.switch("main")

    done = referring.dbsync("sync", "--rebuild")

    assert "note: of_f2 had no place" in done.err
    found = sql(referring, "SELECT name FROM sqlite_master WHERE name IN ('tr', 'ix', 'v', 'of_f2') ORDER BY name")
    assert found == [("ix",), ("tr",), ("v",)]
    assert sql(referring, "PRAGMA user_version") == [(42,)]


def test_names_in_another_case_are_the_same_and_rows_keep_their_numbers(referring: Project):
    sql(referring, "INSERT INTO t_plain VALUES ('a'), ('b')", "DELETE FROM t_plain WHERE what = 'a'")
    referring.switch("main")
    referring.dbsync("sync", "--rebuild")
    assert sql(referring, "SELECT rowid, what FROM t_plain") == [(2, "b")]
    assert_follows(referring)


def test_a_full_text_index_is_whole_afterwards(referring: Project):
    sql(referring, "INSERT INTO words VALUES ('hello world'), ('good bye')")
    referring.switch("main")
    referring.dbsync("sync", "--rebuild")
    assert sql(referring, "SELECT a FROM words WHERE words MATCH 'hello'") == [("hello world",)]
    sql(referring, "INSERT INTO words (words) VALUES ('integrity-check')")
    assert_follows(referring)


def test_a_constraint_that_would_leave_rows_out_stops_it(referring: Project):
    sql(referring, "INSERT INTO once VALUES ('1'), ('1')")
    before = dump(referring)
    referring.switch("main")
    done = referring.dbsync("sync", "--rebuild", check=False)
    assert (done.rc, "the rows of once have no place" in done.err, dump(referring)) == (1, True, before)


def test_a_value_that_another_type_changes_is_named(referring: Project):
    sql(referring, "INSERT INTO once VALUES ('007'), ('8')")
    referring.switch("main")
    done = referring.dbsync("sync", "--rebuild")
    assert "note: once.a had no place" in done.err
    assert sql(referring, "SELECT a FROM once") == [(7,), (8,)]


def test_a_file_of_another_encoding_and_page_size_stays_so(project: Project):
    project.table("r1")
    project.commit("Add r1")
    project.switch("--quiet", "-c", "feature")
    project.revision("f2", "r1", 'op.create_table("t2", sa.Column("id", sa.Integer))', "raise NotImplementedError")
    project.commit("Add f2", verify=False)
    own = (
        "PRAGMA encoding = 'UTF-16le'",
        "PRAGMA page_size = 8192",
        "CREATE TABLE mine (a)",
        "INSERT INTO mine VALUES ('é')",
    )
    sql(project, *own)
    sql(project, "PRAGMA journal_mode = WAL")
    follow(project)
    project.switch("main")

    project.dbsync("sync", "--rebuild")

    assert sql(project, "PRAGMA encoding") + sql(project, "PRAGMA page_size") == [("UTF-16le",), (8192,)]
    assert sql(project, "PRAGMA journal_mode") + sql(project, "SELECT a FROM mine") == [("wal",), ("é",)]


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

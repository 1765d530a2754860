"""Rows of MariaDB that a downgrade takes away, and that return with the revision, joined with what changed meanwhile."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.support.following import codes, database_status
from tests.support.mariadb_schema import assert_in_sync, dump, name_of

pytestmark = pytest.mark.mariadb

TYPES = """
op.execute('''CREATE TABLE kinds (id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, f FLOAT, d DOUBLE, n DECIMAL(30,9),
    v VARCHAR(50) CHARACTER SET latin1, t LONGTEXT, b BLOB, fixed BINARY(4), bits BIT(12), e ENUM('a','b'), s SET('x','y'),
    j JSON, at TIMESTAMP NULL, dt DATETIME(6), day DATE, clock TIME(3), y YEAR, yes BOOL,
    parent BIGINT UNSIGNED, FOREIGN KEY (parent) REFERENCES kinds (id), UNIQUE (v))''')
"""
VALUES = (
    "INSERT INTO kinds VALUES (18446744073709551615, 0.1, 0.1, 123456789012345678901.123456789, 'käse',"
    " '\\' \\\\ 😀 %s :x', x'00ff27', x'00010203', b'101', 'b', 'x,y', '{\"a\": 1}', '2020-01-01 01:02:03',"
    " '2020-01-01 01:02:03.000004', '0001-01-01', '-12:00:00.5', 1999, 1, NULL), (1, 16777217, 1e300, 0, '', '', '',"
    " '', 0, 'a', '', NULL, NULL, NULL, NULL, NULL, NULL, 0, 18446744073709551615), (7, NULL, NULL, NULL, NULL, NULL,"
    " NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 7)"
)


@pytest.fixture
def forked(mariadb_project, mariadb):
    """Give a project on feature: t_r1 with rows is main's, a column of it and the tables kinds and child feature's."""
    mariadb_project.table("r1")
    mariadb_project.commit("Add r1")
    mariadb_project.dbsync("init", "--yes")
    mariadb_project.switch("-c", "feature")
    mariadb_project.column("r2", "r1", "t_r1", "more")
    mariadb_project.revision("r3", "r2", TYPES, "op.drop_table('kinds')")
    mariadb_project.revision(
        "r4",
        "r3",
        "op.create_table('child', sa.Column('id', sa.Integer, primary_key=True),"
        " sa.Column('r', sa.Integer, sa.ForeignKey('t_r1.id')), sa.Column('f', sa.Float))",
        "op.drop_table('child')",
    )
    mariadb_project.commit("Add r2 to r4", verify=False)
    run(
        mariadb,
        mariadb_project,
        "INSERT INTO t_r1 (id, name, more) VALUES (1, 'ada', 'a'), (2, 'bob', NULL), (3, 'cy', 'c')",
        VALUES,
        "INSERT INTO child VALUES (1, 1, 0.1), (2, NULL, NULL)",
    )
    return mariadb_project


def run(mariadb, project, *statements):
    for statement in statements:
        found = mariadb.query(statement, name_of(project))
    return found


def test_away_and_back_is_as_before(forked, mariadb, tmp_path):
    before = dump(mariadb, name_of(forked))

    done = forked.switch("main")
    assert codes(done) == []
    assert "2 tables, 1 column, 7 rows shelved" in done.err
    assert_in_sync(forked, mariadb, tmp_path)
    done = forked.switch("feature")

    assert "7 rows back" in done.err
    assert dump(mariadb, name_of(forked)) == before
    assert database_status(forked)["state"] == "in_sync"


def test_what_changed_meanwhile_stays_changed(forked, mariadb):
    forked.switch("main")
    run(
        mariadb,
        forked,
        "DELETE FROM t_r1 WHERE id = 1",
        "UPDATE t_r1 SET name = 'carl' WHERE id = 3",
        "INSERT INTO t_r1 (id, name) VALUES (9, 'new')",
    )

    done = forked.switch("feature")

    rows = run(mariadb, forked, "SELECT id, name, more FROM t_r1 ORDER BY id")
    assert rows == [(2, "bob", None), (3, "carl", None), (9, "new", None)]
    assert run(mariadb, forked, "SELECT id FROM child") == [(2,)]
    assert "rows stay on the shelf" in done.err
    shown = forked.dbsync("shelf").out
    assert "t_r1" in shown or "r2" in shown


def test_strangers_get_nothing(forked, mariadb):
    forked.switch("main")
    run(mariadb, forked, "TRUNCATE t_r1", "INSERT INTO t_r1 (id, name) VALUES (1, 'x'), (2, 'y'), (3, 'z')")

    forked.switch("feature")

    assert run(mariadb, forked, "SELECT more FROM t_r1") == [(None,)] * 3


def test_rows_that_a_downgrade_deletes_return(forked, mariadb):
    forked.revision("r5", "r4", "pass", "op.execute(\"DELETE FROM t_r1 WHERE name = 'ada' AND id NOT IN (SELECT 2)\")")
    forked.commit("Add r5", verify=False)
    run(mariadb, forked, "DELETE FROM child")
    before = dump(mariadb, name_of(forked))

    assert codes(forked.switch("main")) == []
    assert run(mariadb, forked, "SELECT id FROM t_r1") == [(2,), (3,)]
    forked.switch("feature")

    assert dump(mariadb, name_of(forked)) == before


def test_an_undo_brings_the_rows_back(forked, mariadb):
    before = dump(mariadb, name_of(forked))
    forked.switch("main")

    done = forked.dbsync("undo")

    assert "undone: post-checkout" in done.err
    assert dump(mariadb, name_of(forked)) == before


def test_a_failure_after_rows_were_taken_puts_all_back_and_takes_them_from_the_shelf(forked, mariadb):
    before = dump(mariadb, name_of(forked))
    forked.switch("--quiet", "-c", "other", "main", check=False)
    forked.switch("feature")
    assert dump(mariadb, name_of(forked)) == before
    forked.environ["DBSYNC"] = "off"
    forked.switch("other")
    forked.revision("x", "r1", "op.execute('no sql')")
    del forked.environ["DBSYNC"]

    done = forked.dbsync("sync", check=False)

    assert (done.rc, codes(done)) == (1, ["DBS413"]), done.err
    assert dump(mariadb, name_of(forked)) == before
    assert [line for line in forked.dbsync("shelf").out.splitlines() if "all rows back" not in line] == []


def test_rows_without_a_key_are_not_lost_silently(forked, mariadb):
    forked.revision(
        "r5",
        "r4",
        "op.execute('CREATE TABLE bare (a INT)'); op.add_column('bare', sa.Column('b', sa.Integer))\n"
        "op.execute('INSERT INTO bare VALUES (1, 2)')",
        "op.drop_column('bare', 'b'); op.drop_table('bare') if False else None",
    )
    forked.commit("Add r5", verify=False)
    forked.revision("r5", "r4", "op.execute('CREATE TABLE bare (a INT)')", "op.drop_table('bare')")
    before = dump(mariadb, name_of(forked))

    done = forked.dbsync("sync", check=False)

    assert (done.rc, codes(done)) == (1, ["DBS305"]), done.err
    assert dump(mariadb, name_of(forked)) == before
    done = forked.dbsync("sync", "--yes")
    with closing(sqlite3.connect(done.err.partition("is kept in ")[2].splitlines()[0])) as kept:
        assert kept.execute("SELECT a, b FROM bare").fetchall() == [("1", "2")]

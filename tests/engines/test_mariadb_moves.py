"""MariaDB follows Git although nothing is rolled back there: what was kept before a move is put back where it fails."""

from __future__ import annotations

import pytest

from tests.engines.branches import hooks_off
from tests.support.following import codes, database_status
from tests.support.mariadb_schema import assert_in_sync, dump, name_of

pytestmark = pytest.mark.mariadb

FAILS = {
    "SQL": "op.execute('no sql')",
    "constraint": "op.execute('INSERT INTO t_r1 (id) VALUES (1), (1)')",
    "Python": "raise RuntimeError('no')",
    "connection": "op.execute('KILL CONNECTION_ID()')",
    "end of the process": "import os; os._exit(3)",
}


@pytest.fixture
def adopted(mariadb_project):
    """Give a project on main (r1) with rows, whose database follows it."""
    mariadb_project.table("r1")
    mariadb_project.commit("Add r1")
    mariadb_project.dbsync("init", "--yes")
    return mariadb_project


def run(mariadb, project, *statements):
    for statement in statements:
        found = mariadb.query(statement, name_of(project))
    return found


def test_init_moves_and_a_switch_goes_there_and_back(adopted, mariadb, tmp_path):
    assert_in_sync(adopted, mariadb, tmp_path)
    adopted.switch("-c", "feature")
    adopted.revision(
        "r2",
        "r1",
        'op.add_column("t_r1", sa.Column("age", sa.Integer)); op.create_index("ix", "t_r1", ["name"])\n'
        'op.create_table("o", sa.Column("id", sa.Integer, primary_key=True),'
        ' sa.Column("r", sa.Integer, sa.ForeignKey("t_r1.id")))',
        'op.drop_table("o"); op.drop_index("ix", "t_r1"); op.drop_column("t_r1", "age")',
    )
    adopted.commit("Add r2", verify=False)
    assert_in_sync(adopted, mariadb, tmp_path)
    done = adopted.switch("main")
    assert "-1 +0  r2 -> r1" in done.err, done.err
    assert_in_sync(adopted, mariadb, tmp_path)
    adopted.switch("feature")
    assert_in_sync(adopted, mariadb, tmp_path)
    assert database_status(adopted)["state"] == "in_sync"
    assert not list(adopted.path(".git/dbsync/dumps").iterdir())


def test_what_a_downgrade_leaves_is_cleared(adopted, mariadb, tmp_path):
    adopted.switch("-c", "feature")
    adopted.table("r2", "r1", "o")
    path = adopted.revision(
        "r3",
        "r2",
        'op.add_column("o", sa.Column("r", sa.Integer)); op.create_foreign_key("fk", "o", "t_r1", ["r"], ["id"])',
        'op.drop_constraint("fk", "o", type_="foreignkey"); op.drop_index("fk", "o")',
    )
    adopted.commit("Add r2", verify=False)
    assert_in_sync(adopted, mariadb, tmp_path)
    path.unlink()

    done = adopted.dbsync("sync")

    assert "cleared away what downgrades left behind: column o.r" in done.err

    assert_in_sync(adopted, mariadb, tmp_path)


@pytest.mark.parametrize("how", FAILS)
def test_a_step_that_fails_leaves_all_as_it_was(adopted, mariadb, how):
    run(
        mariadb,
        adopted,
        "ALTER TABLE t_r1 ADD COLUMN f FLOAT, ADD COLUMN b BLOB, ADD COLUMN at TIMESTAMP NULL, ADD COLUMN d DECIMAL(30,9),"
        " ADD COLUMN e ENUM('a','b'), ADD COLUMN bits BIT(12), ADD COLUMN twice INT AS (length(name) * 2) STORED,"
        " ADD COLUMN j JSON, ADD COLUMN g POINT",
        "INSERT INTO t_r1 (name, f, b, at, d, e, bits, j, g) VALUES ('käse \\' \\\\ 😀 %s', 0.1, x'00ff27',"
        " '2020-01-01 01:02:03', 123456789012345678901.123456789, 'b', b'101', '{\"a\": 1}', POINT(1, 2)),"
        " (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        "CREATE VIEW v AS SELECT id FROM t_r1",
        "CREATE VIEW a_w AS SELECT id FROM v",
        "CREATE SEQUENCE s START WITH 5",
        "SELECT NEXTVAL(s)",
        "CREATE TRIGGER tr BEFORE INSERT ON t_r1 FOR EACH ROW SET NEW.name = 'by trigger'",
    )
    before = dump(mariadb, name_of(adopted))
    with hooks_off(adopted):
        adopted.switch("-c", "feature")
        adopted.column("r2", "r1", "t_r1", "more")
        adopted.revision(
            "r3", "r2", "op.execute(\"UPDATE t_r1 SET name = 'lost'\"); op.drop_column('t_r1', 'f')\n" + FAILS[how]
        )
        adopted.commit("Fails", verify=False)

    done = adopted.dbsync("sync", check=False)

    assert (done.rc, len(codes(done))) == (1, 1), done.err
    assert "what was there before was put back" in done.err, done.err
    assert dump(mariadb, name_of(adopted)) == before
    assert database_status(adopted)["state"] == "behind"
    assert not list(adopted.path(".git/dbsync/dumps").iterdir())
    adopted.dbsync("sync", check=False)
    assert dump(mariadb, name_of(adopted)) == before


@pytest.mark.parametrize("statement", ["INSERT INTO {other}.t VALUES (1)", "DROP TABLE {other}.t", "USE {other}"])
def test_a_revision_does_not_reach_another_database(adopted, mariadb, tmp_path, statement):
    """What is there was not kept, and could not be put back."""
    other = mariadb.create()
    mariadb.query("CREATE TABLE t (id INT)", other.name)
    up = f'op.create_table("o", sa.Column("id", sa.Integer))\nop.execute("{statement.format(other=other.name)}")'
    adopted.revision("r2", "r1", up, 'op.drop_table("o")')
    before = dump(mariadb, name_of(adopted))

    adopted.commit("Add r2", verify=False)
    done = adopted.dbsync("sync", check=False)

    assert (done.rc, codes(done)) == (1, ["DBS406"]), done.err
    assert dump(mariadb, name_of(adopted)) == before
    assert mariadb.query("SELECT COUNT(*) FROM t", other.name) == [(0,)]

"""Each new revision up, down and up again on MariaDB, where what fails half-way cannot be rolled back."""

from __future__ import annotations

import json

import pytest

from dbsync.worker.engines.mysql_copy import copy_of
from dbsync.worker.engines.mysql_schema import schema
from dbsync.worker.failures import Stop
from tests.engines.env_files import CONNECT, edit_env, use_template, use_url

pytestmark = pytest.mark.mariadb

USERS = """
op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(50)),
    sa.Column("at", sa.DateTime, nullable=False), sa.Column("doc", sa.JSON, nullable=False))
"""
ORDERS = """
op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False),
    sa.Column("status", sa.Enum("open", "done"), nullable=False))
"""
LEFT = 'op.create_index("ix_name", "users", ["name"])'


@pytest.fixture
def users(mariadb_project):
    """Give a project whose history has a revision that makes the table users."""
    mariadb_project.revision("r1", None, USERS, 'op.drop_table("users")')
    mariadb_project.commit("Users")
    mariadb_project.commit("Nothing", allow_empty=True)
    return mariadb_project


def verify(project, *args):
    done = project.dbsync("verify", "--json", *args, check=False)
    assert done.out, done.err
    found = json.loads(done.out)
    return done.rc, found["revisions"], found["findings"]


def noted(path):
    """Return code of a revision that writes down which database it is in."""
    return f'\nopen({str(path)!r}, "w").write(op.get_bind().scalar(sa.text("SELECT DATABASE()")))'


def is_dropped(mariadb, path):
    """Whether the scratch database that was written down is there no more: other tests have theirs meanwhile."""
    assert path.read_text().startswith("dbsync_shadow_")
    return path.read_text() not in [row[0] for row in mariadb.query("SHOW DATABASES")]


def test_a_push_of_a_revision_that_does_not_go_back_is_stopped(users, tmp_path):
    users.git("init", "--quiet", "--bare", str(tmp_path / "upstream"))
    users.git("remote", "add", "origin", str(tmp_path / "upstream"))
    users.git("push", "--quiet", "--set-upstream", "origin", "main")
    users.dbsync("init", "--yes")
    users.revision("r2", "r1", LEFT)
    users.commit("Index")

    done = users.git("push", "--quiet", check=False)

    assert done.rc != 0
    assert "the downgrade of r2 does not go back" in done.err
    assert "+ index ix_name on users (name)" in done.err
    assert users.rev("origin/main") == users.rev("HEAD~1")
    users.revision("r2", "r1", LEFT, 'op.drop_index("ix_name", "users")')
    users.git("commit", "-qa", "--amend", "--no-edit")
    assert users.git("push", "--quiet", check=False).rc == 0


def test_what_fails_half_way_is_put_back_and_what_follows_is_tried(users, mariadb, tmp_path):
    half = 'op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))\nop.execute("DELETE FROM users")\n'
    users.revision("r2", "r1", ORDERS + noted(tmp_path / "name"), half + "raise NotImplementedError")
    users.revision("r3", "r2", half + 'raise RuntimeError("no")', "pass")
    users.column("r4", "r2", "orders", "note")

    _, revisions, found = verify(users)

    assert sorted(revisions) == ["r2", "r3", "r4"]
    assert [one["code"] for one in found] == ["DBS231", "DBS230"]
    assert is_dropped(mariadb, tmp_path / "name")


@pytest.mark.parametrize("way", ["aiomysql", "a transaction around everything"])
def test_in_other_forms_of_env_py(users, mariadb, mariadb_database, tmp_path, way):
    if way == "aiomysql":
        use_template(users, "async")
        use_url(users, mariadb.tcp(mariadb_database.name, "aiomysql"))
    else:
        edit_env(users, (CONNECT, CONNECT.replace("connect()", "begin()")))
    users.commit("Another form")
    users.commit("Nothing", allow_empty=True)
    users.revision("r2", "r1", ORDERS, 'op.drop_table("orders")\nraise NotImplementedError')
    users.revision("r3", "r2", LEFT + noted(tmp_path / "name"))
    users.column("r4", "r3", "orders", "note")

    _, revisions, found = verify(users)

    assert (revisions, [one["code"] for one in found]) == (["r2", "r3", "r4"], ["DBS231", "DBS232", "DBS233"])
    assert is_dropped(mariadb, tmp_path / "name")


def test_values_that_are_missing_stop_it(users):
    users.revision("r2", "r1", 'op.execute("UPDATE users SET at = NULL")')

    (found,) = verify(users)[2]

    assert (found["code"], found["level"]) == ("DBS230", "error")


THINGS = """
CREATE TABLE kinds (id INT PRIMARY KEY AUTO_INCREMENT, b BLOB, v VARBINARY(4), bits BIT(9), f FLOAT, d DOUBLE,
  n DECIMAL(20,6), t TIME(3), at DATETIME(6), y YEAR, e ENUM('x','y''z'), s SET('p','q'), j JSON, g POINT, u UUID,
  c VARCHAR(20) COLLATE utf8mb4_bin CHECK (c <> 'no'), twice DOUBLE AS (d * 2) STORED, FULLTEXT (c));
CREATE TABLE child (id INT PRIMARY KEY, kind INT, UNIQUE (kind), CONSTRAINT own FOREIGN KEY (kind) REFERENCES kinds (id)
  ON DELETE CASCADE) COMMENT 'of `kinds`';
INSERT INTO kinds VALUES (7, x'00ff27', x'5c', b'100000001', 0.1, 1e-30, 12.5, '-11:00:00.5', '2020-01-02 03:04:05.678',
  2020, 'y''z', 'p,q', '{"a": ["é", 1.50]}', POINT(1, 2), '123e4567-e89b-12d3-a456-426614174000', 'é\\\\''%', DEFAULT);
INSERT INTO kinds (id) VALUES (9);
INSERT INTO child VALUES (0, 7);
CREATE SEQUENCE numbers START WITH 5;
CREATE FUNCTION doubled(x INT) RETURNS INT DETERMINISTIC RETURN x * 2;
CREATE VIEW zz_first AS SELECT id, doubled(id) AS d FROM kinds;
CREATE VIEW a_second AS SELECT d FROM zz_first;
CREATE TRIGGER changes BEFORE INSERT ON child FOR EACH ROW SET NEW.id = NEW.id + 100
"""


@pytest.fixture
def scratch(mariadb):
    """Give the name of an empty scratch database."""
    name = "dbsync_shadow_of_a_copy"
    mariadb.query(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield name
    mariadb.drop(name)


def test_a_copy_is_put_back_with_every_kind_of_thing_and_value(mariadb, scratch):
    with mariadb.connect(scratch) as connection:
        for statement in THINGS.split(";\n"):
            connection.cursor().execute(statement)
        before, lines = rows(connection), schema(connection, "alembic_version")

        restore = copy_of(connection)
        for statement in ("DROP TABLE child", "DELETE FROM kinds", "DROP FUNCTION doubled", "DROP SEQUENCE numbers"):
            connection.cursor().execute(statement)
        restore()

        assert rows(connection) == before
        assert schema(connection, "alembic_version") == lines
        assert "index c on kinds (c)" in " ".join(lines)


def test_only_a_scratch_database_is_ever_put_back(mariadb, mariadb_database):
    with mariadb.connect(mariadb_database.name) as connection, pytest.raises(Stop):
        copy_of(connection)


def rows(connection):
    found = []
    for table in ("kinds", "child", "a_second"):
        cursor = connection.cursor()
        cursor.execute(f"SELECT * FROM {table}")
        found.append(cursor.fetchall())
    return found

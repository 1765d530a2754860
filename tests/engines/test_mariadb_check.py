"""The commit gate on MariaDB: a scratch database on the same server, and the real ones untouched."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from dbsync.worker.engines.mysql import strays
from tests.engines.env_files import CONFIGURE, CONNECT, edit_env, use_template, use_url
from tests.support.following import codes
from tests.support.models import model, with_models

pytestmark = pytest.mark.mariadb

AGE = "age = sa.Column(sa.Integer)"
TYPES = """
kind = sa.Column(sa.Enum("a", "b"), nullable=False, server_default="a")
data = sa.Column(sa.JSON)
flag = sa.Column(sa.Boolean)
price = sa.Column(sa.Numeric(10, 2), sa.CheckConstraint("price > 0", name="positive"))
at = sa.Column(sa.DateTime, server_default=sa.func.now())
big = sa.Column(sa.BigInteger, sa.Identity())
body = sa.Column(sa.Text, comment="what it says")
key = sa.Column(sa.Uuid)
"""


@pytest.fixture
def modelled(mariadb_project):
    """Give a project with models whose database on MariaDB was given to dbsync."""
    with_models(mariadb_project)
    mariadb_project.alembic("upgrade", "heads")
    mariadb_project.dbsync("init", "--yes")
    return mariadb_project


def commit(project, *args):
    project.git("add", ".")
    return project.git("commit", "-m", "change", *args, check=False)


def test_a_model_change_without_a_revision_stops_the_commit(modelled, mariadb, mariadb_database):
    model(modelled, columns=AGE)

    done = commit(modelled)

    assert (done.rc, "+ column users.age INTEGER" in done.err) == (1, True), done.err
    up = 'op.add_column("users", sa.Column("age", sa.Integer))'
    modelled.revision("r2", "r1", up, 'op.drop_column("users", "age")')
    assert commit(modelled).rc == 0
    columns = [row[0] for row in mariadb.query("SHOW COLUMNS FROM users", mariadb_database.name)]
    assert columns == ["id", "name", "age"]


def test_what_autogenerate_writes_is_quiet(modelled):
    model(modelled, columns=TYPES)
    modelled.alembic("revision", "--autogenerate", "-m", "types", "--rev-id", "r2")

    done = commit(modelled)

    assert (done.rc, "[DBS2" in done.err) == (0, False), done.err


HIDDEN = {
    "a CHECK": ('n = sa.Column(sa.Integer, sa.CheckConstraint("n > {}", name="c"))', "0", "1"),
    "the values of an enum": ('n = sa.Column(sa.Enum("a", {}))', '"b"', '"b", "c"'),
    "a server default": ('n = sa.Column(sa.Integer, server_default="{}")', "1", "2"),
    "a collation": ('n = sa.Column(sa.String(9, collation="utf8mb4_{}"))', "bin", "unicode_ci"),
    "the kind of an index": (
        'n = sa.Column(sa.Text)\n__table_args__ = (sa.Index("ix", "name", {}),)',
        'mysql_using="btree"',
        'mysql_prefix="FULLTEXT"',
    ),
}


@pytest.mark.parametrize("what", HIDDEN)
def test_what_autogenerate_does_not_see_is_seen(modelled, what):
    text, before, after = HIDDEN[what]
    model(modelled, columns=text.format(before))
    commit(modelled, "--no-verify")
    model(modelled, columns=text.format(after))

    done = commit(modelled)

    seen = "[DBS201]" if what == "a collation" else "[DBS202]"  # the type of a new column names its collation
    assert (done.rc, seen in done.err) == (1, True), done.err


@pytest.mark.parametrize("way", ["dev", "other"])
def test_a_revision_that_names_a_database_does_not_reach_it(modelled, mariadb, mariadb_database, way):
    modelled.git("config", "dbsync.auto", "never")
    other = mariadb.create() if way == "other" else mariadb_database
    model(modelled, columns="def one(self): return 1")
    up = f'op.create_table("reached", sa.Column("id", sa.Integer), schema="{other.name}")'
    modelled.revision("r2", "r1", up, f'op.drop_table("reached", schema="{other.name}")')

    done = commit(modelled)
    verified = modelled.dbsync("verify", "HEAD", check=False)

    said = f"a revision names another database than its own, so a scratch one is not enough: {other.name}"
    assert (done.rc, said in done.err) == (0, True), done.err
    assert said in verified.err
    assert "reached" not in [row[0] for row in mariadb.query("SHOW TABLES", other.name)]


LEAVING = {
    "ALTER TABLE `{other}`.t ADD x INT": True,
    "INSERT INTO t SELECT * FROM {other} . t": True,
    "USE {other}": True,
    "DROP DATABASE {own}": True,
    "create schema if not exists new": True,
    "CREATE TABLE {own}.t (id INT)": False,
    "INSERT INTO t VALUES ('it\\'s in {other}. ', '{other}.t')": False,
    "UPDATE t SET {other} = 1.5": False,
}


def test_which_statements_leave_their_database(mariadb, mariadb_database):
    names = {"own": "dbsync_shadow_of_this_test", "other": mariadb_database.name}
    mariadb.query("CREATE DATABASE dbsync_shadow_of_this_test")
    engine = sa.create_engine(mariadb.url(names["own"]))
    with engine.connect() as connection:
        found = {one: bool(strays(connection, one.format(**names))) for one in LEAVING}
        connection.connection.cursor().execute(f"USE {names['other']}")
        assert strays(connection, "UPDATE t SET x = 1") == names["other"]
    engine.dispose()
    mariadb.drop(names["own"])

    assert found == LEAVING


def test_env_py_makes_no_database(modelled, mariadb):
    edit_env(modelled, (CONNECT, CONNECT + "        connection.exec_driver_sql('CREATE SCHEMA IF NOT EXISTS made')\n"))

    done = modelled.dbsync("sync", check=False)

    assert (done.rc, codes(done)) == (1, ["DBS405"])
    assert mariadb.query("SHOW DATABASES LIKE 'made'") == []


def test_a_listener_that_goes_to_the_real_database_is_noticed(modelled, mariadb, mariadb_database):
    leading = f"""from alembic import context
from sqlalchemy import event
from sqlalchemy.engine import Engine

event.listen(Engine, "connect", lambda dbapi, record: dbapi.cursor().execute("USE {mariadb_database.name}"))
"""
    modelled.git("config", "dbsync.auto", "never")
    edit_env(modelled, ("from alembic import context\n", leading))
    model(modelled, columns=AGE)
    modelled.revision("r2", "r1", 'op.create_table("made", sa.Column("id", sa.Integer))', 'op.drop_table("made")')

    done = commit(modelled)

    assert (done.rc, "[DBS221]" in done.err) == (0, True), done.err
    assert mariadb.query("SHOW TABLES LIKE 'made'", mariadb_database.name) == []


def test_other_databases_of_the_server_are_no_difference(modelled):
    edit_env(modelled, (CONFIGURE, CONFIGURE.replace("target_metadata\n", "target_metadata, include_schemas=True\n")))
    model(modelled, columns="def one(self): return 1")

    done = commit(modelled)

    assert (done.rc, "DBS" in done.err) == (0, False), done.err


def test_without_the_right_to_create_databases_another_server_may_be_named(
    modelled, mariadb, mariadb_database, tmp_path
):
    use_url(modelled, mariadb.tcp(mariadb_database.name, user="frugal:little"))
    model(modelled, columns=AGE)

    done = commit(modelled)
    assert (done.rc, "no scratch database can be made: (1044" in done.err) == (0, True), done.err
    assert "dbsync.shadowUrl" in done.err

    modelled.git("config", "dbsync.shadowUrl", mariadb_database.url)
    modelled.git("reset", "--soft", "HEAD~1")
    done = commit(modelled)
    assert (done.rc, "[DBS201]" in done.err) == (1, True), done.err


def test_a_server_that_is_down_stops_no_commit(modelled):
    use_url(modelled, "mysql+pymysql://a:b@127.0.0.1:1/gone")
    model(modelled, columns=AGE)

    done = commit(modelled)

    assert (done.rc, "warning: not judged" in done.err) == (0, True), done.err


def test_an_asynchronous_env_py(mariadb_project, mariadb, mariadb_database):
    use_template(mariadb_project, "async")
    use_url(mariadb_project, mariadb.tcp(mariadb_database.name, "aiomysql"))
    with_models(mariadb_project)
    mariadb_project.dbsync("init", "--yes")

    model(mariadb_project, columns=AGE)

    assert "+ column users.age" in commit(mariadb_project).err

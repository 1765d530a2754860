"""SQLite, and env.py in the forms that projects have it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.engines.branches import adopt, branch, hooks_off, start
from tests.engines.env_files import (
    CONFIGURE,
    CONNECT,
    RUN,
    edit_env,
    multidb_revision,
    use_databases,
    use_template,
    use_url,
)
from tests.support.schema import assert_in_sync, state_of

BEGIN = """    from sqlalchemy import event

    @event.listens_for(connectable, "connect")
    def connected(dbapi_connection, record):
        dbapi_connection.isolation_level = None

    @event.listens_for(connectable, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN")

"""
FOREIGN_KEYS = """    from sqlalchemy import event

    @event.listens_for(connectable, "connect")
    def connected(dbapi_connection, record):
        dbapi_connection.execute("PRAGMA foreign_keys=ON")

"""
PER_MIGRATION = CONFIGURE.replace("\n        )\n", ", transaction_per_migration=True\n        )\n")
NOT_TRANSACTIONAL = CONFIGURE.replace("\n        )\n", ", transactional_ddl=False\n        )\n")
BATCH = CONFIGURE.replace("\n        )\n", ", render_as_batch=True\n        )\n")
PRAGMA = '        connection.exec_driver_sql("PRAGMA journal_mode=WAL")\n        connection.commit()\n'
AUTOCOMMIT = CONNECT.replace("connectable.", 'connectable.execution_options(isolation_level="AUTOCOMMIT").')
NO_AUTOCOMMIT = """\
        **({"connect_args": {"autocommit": False}} if __import__("sys").version_info >= (3, 12) else {}),
"""
POOL = "        poolclass=pool.NullPool,\n"

FORMS = {
    "stock": (),
    "own BEGIN events": ((CONNECT, BEGIN + CONNECT),),
    "foreign keys on": ((CONNECT, FOREIGN_KEYS + CONNECT),),
    "AUTOCOMMIT": ((CONNECT, AUTOCOMMIT),),
    "engine.begin()": ((CONNECT, CONNECT.replace("connect()", "begin()")),),
    "engine.begin() alone": (
        (CONNECT, CONNECT.replace("connect()", "begin()")),
        (RUN, "        context.run_migrations()\n"),
    ),
    "a commit of its own": ((RUN, "        context.run_migrations()\n        connection.commit()\n"),),
    "a transaction a migration": ((CONFIGURE, PER_MIGRATION),),
    "transactional_ddl=False": ((CONFIGURE, NOT_TRANSACTIONAL),),
    "batch mode, a pragma first": ((CONFIGURE, BATCH), (CONNECT, CONNECT + PRAGMA)),
    "pooled": ((POOL, ""),),
    "autocommit=False": ((POOL, f"{POOL}{NO_AUTOCOMMIT}"),),
}


UP = """
op.create_table("child", sa.Column("id", sa.Integer, primary_key=True), sa.Column("user", sa.Integer, sa.ForeignKey("users.id")))
with op.batch_alter_table("users") as batch:
    batch.add_column(sa.Column("mail", sa.String(20)))
"""
DOWN = """
with op.batch_alter_table("users") as batch:
    batch.drop_column("mail")
op.drop_table("child")
"""
FAILING = """
op.create_table("left", sa.Column("id", sa.Integer))
op.execute("UPDATE users SET name = 'changed'")
op.execute("INSERT INTO nowhere VALUES (1)")
"""


@pytest.mark.parametrize("form", FORMS)
def test_every_form_follows_and_rolls_back_whole(project, form):
    edit_env(project, *FORMS[form])
    start(project)
    branch(project, "feature", "f2", UP, DOWN)
    branch(project, "broken", "b2", FAILING)
    with closing(sqlite3.connect(project.path("dev.db"))) as db, db:
        db.execute("INSERT INTO users (id, name) VALUES (1, 'ada')")

    assert "error" not in project.switch("feature").err
    assert_in_sync(project)
    before = state_of(project.database)
    said = project.switch("broken").err
    assert "the upgrade of b2 failed and was rolled back" in said
    assert state_of(project.database) == before
    with closing(sqlite3.connect(project.path("dev.db"))) as db:
        assert db.execute("SELECT id, name FROM users").fetchall() == [(1, "ada")]
    assert "error" not in project.switch("main").err
    assert_in_sync(project)


def test_aiosqlite_follows_and_rolls_back_whole(project):
    use_template(project, "async")
    use_url(project, "sqlite+aiosqlite:///dev.db")
    project.url = "sqlite:///dev.db"
    start(project)
    branch(project, "feature", "f2", UP, DOWN)
    branch(project, "broken", "b2", FAILING)

    assert "error" not in project.switch("feature").err
    before = state_of(project.database)
    assert "the upgrade of b2 failed and was rolled back" in project.switch("broken").err
    assert state_of(project.database) == before
    assert "error" not in project.switch("main").err
    assert_in_sync(project)


def test_an_env_py_that_does_not_commit_is_told_so(project):
    start(project)
    edit_env(project, (RUN, "        context.run_migrations()\n"))
    project.table("r2", "r1")
    before = state_of(project.database)

    done = project.dbsync("sync", check=False)

    assert done.rc == 1
    assert "DBS412" in done.err
    assert state_of(project.database) == before


def test_two_version_tables_in_one_transaction_are_all_or_nothing(project):
    both = """        for table in ("first", "second"):
            context.configure(connection=connection, version_table=table)
            context.run_migrations()
"""
    edit_env(project, (CONNECT, CONNECT.replace("connect()", "begin()")), (CONFIGURE, ""), (RUN, both))
    once = 'op.execute("CREATE TABLE IF NOT EXISTS users (id INTEGER)")'
    project.revision("r1", None, once)
    project.commit("Users")
    adopt(project)
    up = 'op.execute("CREATE TABLE thing AS SELECT 1" if not op.get_bind().dialect.has_table(op.get_bind(), "thing")'
    up += ' else "INSERT INTO nowhere VALUES (1)")'
    branch(project, "half", "h2", up)
    before = state_of(project.database, version_table="first")

    said = project.switch("half").err

    assert "no such table: nowhere" in said
    assert state_of(project.database, version_table="first") == before


def test_two_files_in_one_env_py(project):
    use_databases(project, users="sqlite:///users.db", billing="sqlite:///billing.db")
    multidb_revision(project, "r1", None)
    project.commit("Tables")
    assert adopt(project).err.count("follows Git now") == 2
    with hooks_off(project):
        project.switch("-c", "feature")
        multidb_revision(project, "r2", "r1")
        project.commit("More")
        project.switch("main")

    for name, versions in (("feature", ("r2",)), ("main", ("r1",))):
        assert "error" not in project.switch(name).err
        for file in ("users", "billing"):
            state = state_of(str(project.path(f"{file}.db")))
            assert state.versions == versions
            assert (f"table t_r2_{file}" in state.schema) == (name == "feature")

    project.dbsync("undo")
    assert [state_of(str(project.path(f"{file}.db"))).versions for file in ("users", "billing")] == [("r2",)] * 2


def test_two_version_tables_in_one_file_are_undone_together(project):
    both = """        for table in ("first", "second"):
            context.configure(connection=connection, version_table=table)
            context.run_migrations()
"""
    edit_env(project, (CONNECT, CONNECT.replace("connect()", "begin()")), (CONFIGURE, ""), (RUN, both))
    project.revision("r1", None, 'op.execute("CREATE TABLE IF NOT EXISTS users (id INTEGER)")')
    project.commit("Users")
    adopt(project)
    up, down = ('op.execute("CREATE TABLE IF NOT EXISTS more (id INTEGER)")', 'op.execute("DROP TABLE IF EXISTS more")')
    branch(project, "feature", "f2", up, down)
    project.switch("feature")
    before = [state_of(project.database, version_table=name) for name in ("first", "second")]
    project.switch("main")
    assert [state_of(project.database, version_table=name).versions for name in ("first", "second")] == [("r1",)] * 2

    project.dbsync("undo")

    assert [state_of(project.database, version_table=name) for name in ("first", "second")] == before


def test_a_path_with_every_character_is_kept_too(make_project, tmp_path):
    folder = tmp_path / "a b?'c"
    folder.mkdir()
    project = make_project()
    project = type(project).create(folder / "project")
    start(project)
    branch(project, "feature", "f2", UP, DOWN)
    project.switch("feature")
    with closing(sqlite3.connect(project.path("dev.db"))) as db, db:
        db.execute("INSERT INTO child VALUES (1, NULL)")

    assert "1 table, 1 row shelved" in project.switch("main").err
    assert_in_sync(project)
    assert "undone" in project.dbsync("undo").err
    assert "built anew" in project.dbsync("sync", "--rebuild").err
    assert_in_sync(project)
    project.dbsync("undo")
    project.dbsync("sync")
    assert "1 row back" in project.switch("feature").err

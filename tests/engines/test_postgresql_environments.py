"""PostgreSQL through every driver, and env.py in the forms that projects have it."""

from __future__ import annotations

import pytest

from tests.engines.branches import adopt, branch, grow, hooks_off, scratch_databases, start
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
from tests.support.schema import assert_in_sync, connect, state_of

pytestmark = pytest.mark.postgres


def tables(url: str) -> set[str]:
    """Return `schema.table` of every table."""
    query = (
        "SELECT schemaname || '.' || tablename FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    with connect(url) as connection:
        return {name for (name,) in connection.execute(query)}


def rows(url: str, table: str) -> set[str]:
    """Return the ids in a version table."""
    with connect(url) as connection:
        return {one for (one,) in connection.execute(f"SELECT version_num FROM {table}")}


# drivers


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg", ""])
@pytest.mark.parametrize("way", ["socket", "loopback"])
def test_sync_drivers(postgres_project, postgres, postgres_database, driver, way):
    if way == "socket":
        url = postgres.url(postgres_database.name, driver)
    else:
        url = postgres.tcp(postgres_database.name, driver)
    use_url(postgres_project, url)
    grow(postgres_project)

    for name in ("feature", "main"):
        assert "error" not in postgres_project.switch(name).err
        assert_in_sync(postgres_project)


def asynchronous(project, postgres, database):
    use_template(project, "async")
    use_url(project, postgres.tcp(database.name, "asyncpg"))
    grow(project)


def test_asyncpg_there_and_back(postgres_project, postgres, postgres_database):
    asynchronous(postgres_project, postgres, postgres_database)

    for name in ("feature", "main"):
        assert "error" not in postgres_project.switch(name).err
        assert_in_sync(postgres_project)


def test_asyncpg_rolls_back_and_names_the_step(postgres_project, postgres, postgres_database):
    project = postgres_project
    asynchronous(project, postgres, postgres_database)
    branch(project, "broken", "b2", 'op.create_table("a", sa.Column("id", sa.Integer))\nop.execute("SELECT nowhere()")')
    project.switch("feature")
    before = state_of(project.url)

    said = project.switch("broken").err

    assert "the upgrade of b2 failed and was rolled back" in said
    assert "nowhere() does not exist" in said
    assert state_of(project.url) == before


def test_asyncpg_names_who_holds_a_lock(postgres_project, postgres, postgres_database):
    project = postgres_project
    asynchronous(project, postgres, postgres_database)
    with postgres.connect(postgres_database.name) as other:
        other.execute("SET application_name = 'shop web'")
        other.execute("BEGIN")
        other.execute("LOCK TABLE users IN ROW EXCLUSIVE MODE")

        said = project.switch("feature").err

        assert "DBS404" in said
        assert f"{other.info.backend_pid} shop web" in said


def test_asyncpg_keeps_rows_before_they_go(postgres_project, postgres, postgres_database):
    project = postgres_project
    asynchronous(project, postgres, postgres_database)
    project.switch("feature")
    with postgres.connect(postgres_database.name) as other:
        other.execute("INSERT INTO orders (id, name) VALUES (1, 'one')")

    assert "1 table, 1 row shelved" in project.switch("main").err
    assert_in_sync(project)
    assert "1 row back" in project.switch("feature").err
    with postgres.connect(postgres_database.name) as other:
        assert other.execute("SELECT id, name FROM orders").fetchall() == [(1, "one")]


def test_asyncpg_keeps_rows_of_two_tables_of_one_revision(postgres_project, postgres, postgres_database):
    project = postgres_project
    asynchronous(project, postgres, postgres_database)
    both = (
        'op.add_column("users", sa.Column("note", sa.String))',
        'op.create_table("tags", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String))',
    )
    branch(project, "both", "b2", "\n".join(both), 'op.drop_table("tags")\nop.drop_column("users", "note")')
    project.switch("both")
    with postgres.connect(postgres_database.name) as other:
        other.execute("INSERT INTO tags (id, name) VALUES (1, 'one')")
        other.execute("INSERT INTO users (id, name, note) VALUES (1, 'Ada', 'first')")

    assert "1 table, 1 column, 2 rows shelved" in project.switch("main").err
    assert_in_sync(project)
    assert "2 rows back" in project.switch("both").err
    with postgres.connect(postgres_database.name) as other:
        assert other.execute("SELECT id, name, note FROM users").fetchall() == [(1, "Ada", "first")]
        assert other.execute("SELECT id, name FROM tags").fetchall() == [(1, "one")]


# where the version table is


def test_a_version_table_of_another_name_in_a_schema_that_env_py_creates(postgres_project):
    project = postgres_project
    create = (
        '        connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS bookkeeping")\n        connection.commit()\n'
    )
    options = ', version_table="schema migrations", version_table_schema="bookkeeping"\n        )\n'
    edit_env(project, (CONNECT, CONNECT + create), (CONFIGURE, CONFIGURE.replace("\n        )\n", options)))
    grow(project)
    table = 'bookkeeping."schema migrations"'

    project.switch("feature")
    assert rows(project.url, table) == {"r3"}
    assert "public.orders" in tables(project.url)
    assert "public.alembic_version" not in tables(project.url)

    project.switch("main")
    assert rows(project.url, table) == {"r1"}
    assert "public.orders" not in tables(project.url)
    (database,) = project.dbsync("status", "--json").out and [
        one for env in status(project)["environments"] for one in env["databases"]
    ]
    assert database["version_table"] == "schema migrations"
    assert database["schema"] == "bookkeeping"
    assert database["state"] == "in_sync"


def status(project):
    import json

    return json.loads(project.dbsync("status", "--json").out)


@pytest.mark.parametrize("name", ["v", 'say "no"', "it's"])
def test_a_version_table_of_any_name(postgres_project, name):
    project = postgres_project
    edit_env(project, (CONFIGURE, CONFIGURE.replace("\n        )\n", f", version_table={name!r}\n        )\n")))
    grow(project)

    assert "error" not in project.switch("feature").err
    quoted = '"' + name.replace('"', '""') + '"'
    assert rows(project.url, quoted) == {"r3"}
    assert "error" not in project.switch("main").err
    assert tables(project.url) == {"public.users", f"public.{name}"}


TENANTS = """\
        for tenant in ("tenant_a", "tenant_b"):
            connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {tenant}")
            connection.exec_driver_sql(f"SET search_path TO {tenant}")
            connection.commit()
            connection.dialect.default_schema_name = tenant
            context.configure(connection=connection, target_metadata=target_metadata%s)
            with context.begin_transaction():
                context.run_migrations()
"""


@pytest.mark.parametrize("options", ["", ", version_table_schema=tenant"])
def test_a_loop_over_tenant_schemas(postgres_project, options):
    project = postgres_project
    edit_env(project, (CONFIGURE, ""), (RUN, TENANTS % options))
    grow(project)

    assert "error" not in project.switch("feature").err
    for tenant in ("tenant_a", "tenant_b"):
        assert {f"{tenant}.users", f"{tenant}.orders", f"{tenant}.alembic_version"} <= tables(project.url)
    assert "error" not in project.switch("main").err
    assert tables(project.url) == {
        f"{one}.{name}" for one in ("tenant_a", "tenant_b") for name in ("users", "alembic_version")
    }
    databases = status(project)["environments"][0]["databases"]
    assert [(one["schema"], one["state"]) for one in databases] == [("tenant_a", "in_sync"), ("tenant_b", "in_sync")]


def test_a_tenant_that_fails_leaves_those_before_it_moved_and_known(postgres_project):
    project = postgres_project
    edit_env(project, (CONFIGURE, ""), (RUN, TENANTS % ", version_table_schema=tenant"))
    start(project)
    up = """
    op.create_table("extra", sa.Column("id", sa.Integer))
    op.execute("SELECT CASE current_schema() WHEN 'tenant_b' THEN 1 / (SELECT count(*) FROM extra) END")
    """
    branch(project, "half", "h2", up, 'op.drop_table("extra")')

    said = project.switch("half").err

    assert "division by zero" in said
    assert "tenant_a.extra" in tables(project.url)
    assert "tenant_b.extra" not in tables(project.url)
    databases = status(project)["environments"][0]["databases"]
    assert [one["current"] for one in databases] == [["h2"], ["r1"]]
    assert [one["state"] for one in databases] == ["in_sync", "behind"]
    assert "error" not in project.switch("main").err
    assert "tenant_a.extra" not in tables(project.url)


# several databases


@pytest.fixture
def second(postgres):
    """Give a second empty database."""
    database = postgres.create()
    yield database
    postgres.drop(database.name)


@pytest.fixture
def two_databases(postgres_project, postgres_database, second):
    """Give a project with two databases in one env.py, r1 applied to both; and their URLs."""
    project = postgres_project
    use_databases(project, users=postgres_database.url, billing=second.url)
    multidb_revision(project, "r1", None)
    project.commit("Tables")
    said = adopt(project).err
    assert said.count("follows Git now") == 2
    assert "note: its schema" not in said
    return project, postgres_database.url, second.url


def test_two_databases_follow_together(two_databases):
    project, users, billing = two_databases
    project.switch("-c", "feature")
    multidb_revision(project, "r2", "r1")
    project.commit("More tables")

    project.switch("main")
    assert "public.t_r2_users" not in tables(users)
    assert "public.t_r2_billing" not in tables(billing)
    project.switch("feature")
    assert "public.t_r2_users" in tables(users)
    assert "public.t_r2_billing" in tables(billing)


def test_where_the_second_database_fails_the_first_is_rolled_back_and_the_ledger_knows(two_databases):
    project, users, billing = two_databases
    up = """
    op.create_table("extra", sa.Column("id", sa.Integer))
    if engine_name == "billing":
        op.execute("SELECT nowhere()")"""
    with hooks_off(project):
        project.switch("-c", "broken")
        multidb_revision(project, "b2", "r1", up)
        project.commit("Broken")
        project.switch("main")
    before = state_of(users), state_of(billing)

    said = project.switch("broken").err

    assert "the upgrade of b2 failed" in said
    assert (state_of(users), state_of(billing)) == before
    states = [(one["current"], one["state"]) for one in status(project)["environments"][0]["databases"]]
    assert states == [(["r1"], "behind")] * 2
    project.switch("main")
    assert {one["state"] for one in status(project)["environments"][0]["databases"]} == {"in_sync"}


# transactions


@pytest.mark.parametrize(
    "connect_line",
    [
        '    with connectable.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:\n',
        '    with connectable.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:\n',
    ],
)
def test_autocommit_is_refused_before_anything_runs(postgres_project, connect_line):
    project = postgres_project
    project.table("r1", name="users")
    edit_env(project, (CONNECT, connect_line))
    project.commit("Users")

    said = project.dbsync("init", "--yes", check=False).err

    assert "DBS408" in said
    assert "AUTOCOMMIT" in said
    assert "public.users" not in tables(project.url)


@pytest.mark.parametrize(
    ("connect_line", "run"),
    [
        (CONNECT.replace("connect()", "begin()"), RUN),
        (CONNECT.replace("connect()", "begin()"), "        context.run_migrations()\n"),
        (CONNECT, RUN + "        connection.commit()\n"),
    ],
)
def test_whoever_begins_the_transaction(postgres_project, connect_line, run):
    edit_env(postgres_project, (CONNECT, connect_line), (RUN, run))
    grow(postgres_project)

    for name in ("feature", "main"):
        assert "error" not in postgres_project.switch(name).err
        assert_in_sync(postgres_project)


def test_a_transaction_a_migration_becomes_one_for_all(postgres_project):
    project = postgres_project
    one_each = CONFIGURE.replace("\n        )\n", ", transaction_per_migration=True\n        )\n")
    edit_env(project, (CONFIGURE, one_each))
    start(project)
    branch(project, "a", "a2", 'op.create_table("a", sa.Column("id", sa.Integer))')
    with hooks_off(project):
        project.switch("a")
        project.revision("a3", "a2", 'op.execute("SELECT nowhere()")')
        project.commit("Broken on top")
        project.switch("main")
    before = state_of(project.url)

    said = project.switch("a").err

    assert "the upgrade of a3 failed and was rolled back" in said
    assert state_of(project.url) == before


def test_an_env_py_that_does_not_commit_is_told_so(postgres_project):
    project = postgres_project
    start(project)
    edit_env(project, (RUN, "        context.run_migrations()\n"))
    project.table("r2", "r1")
    before = state_of(project.url)

    done = project.dbsync("sync", check=False)

    assert done.rc == 1
    assert "DBS412" in done.err
    assert state_of(project.url) == before


def test_a_pooled_engine_and_its_scratch_database(postgres_project, postgres):
    project = postgres_project
    edit_env(project, ("        poolclass=pool.NullPool,\n", ""))

    said = start(project).err

    assert "not compared" not in said
    assert scratch_databases(postgres) == set()


def test_connections_that_env_py_makes_itself_are_seen_all_the_same(postgres_project, postgres, postgres_database):
    project = postgres_project
    engine = f"""    import psycopg
    from sqlalchemy import create_engine
    connectable = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(
        host={postgres.folder!r}, port={postgres.port}, user="postgres", dbname={postgres_database.name!r}))
"""
    text = project.path("migrations/env.py").read_text()
    begin, end = text.index("    connectable = engine_from_config("), text.index(CONNECT)
    project.write("migrations/env.py", text[:begin] + engine + "\n" + text[end:])

    said = start(project).err
    assert "follows Git now" in said
    assert "not compared" in said

    project.switch("-c", "feature")
    project.table("r2", "r1")
    project.dbsync("sync")
    assert "public.t_r2" in tables(project.url)

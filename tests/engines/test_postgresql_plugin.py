"""Plain Alembic on PostgreSQL is recorded while it runs; there is no stamp of the schema that could tell it afterwards."""

from __future__ import annotations

import pytest

from tests.engines.branches import adopt
from tests.engines.env_files import edit_env, use_template, use_url
from tests.support.following import codes, database_status
from tests.support.plugin import entries, recorded, with_plugin
from tests.support.schema import assert_in_sync, connect, state_of

pytestmark = pytest.mark.postgres

DRIVERS = ("psycopg", "psycopg2", "asyncpg")
FAILING = 'op.create_table("half", sa.Column("id", sa.Integer))\nraise RuntimeError("no")'


@pytest.fixture
def plugged(postgres_project):
    """A project at r1 that follows Git and has the plugin."""
    with_plugin(postgres_project)
    postgres_project.table("r1")
    postgres_project.commit("Add r1")
    adopt(postgres_project)
    return postgres_project


@pytest.mark.parametrize("driver", DRIVERS)
def test_up_down_and_stamp_are_recorded_with_every_driver(plugged, driver):
    project = plugged
    if driver == "asyncpg":
        use_template(project, "async")
        with_plugin(project)
    use_url(project, project.url.replace("+psycopg:", f"+{driver}:"))
    path = project.table("u2", "r1")
    project.alembic("upgrade", "head")
    entry = entries(project)["u2"]
    assert (entry.source, entry.observed, entry.branch) == (path.read_bytes(), False, "main")
    project.alembic("downgrade", "-1")
    assert list(entries(project)) == ["r1"]
    project.alembic("stamp", "head")
    assert {one: entry.observed for one, entry in entries(project).items()} == {"r1": False, "u2": True}
    assert recorded(project)["heads"] == ["u2"]


def test_a_revision_edited_between_downgrade_and_upgrade_is_known_as_it_ran(plugged):
    path = plugged.column("u2", "r1", "t_r1", "before")
    plugged.alembic("upgrade", "head")
    plugged.alembic("downgrade", "-1")
    applied = path.read_text().replace("before", "afterwards")
    path.write_text(applied)
    plugged.alembic("upgrade", "head")
    assert entries(plugged)["u2"].source == applied.encode()
    assert database_status(plugged)["state"] == "in_sync"
    path.write_text(applied.replace("afterwards", "before"))
    assert database_status(plugged)["rewritten"] == ["u2"]
    plugged.dbsync("sync")
    assert_in_sync(plugged)


def test_an_untracked_revision_comes_down_when_its_file_is_gone(plugged):
    path = plugged.table("u2", "r1")
    plugged.alembic("upgrade", "head")
    path.unlink()
    assert codes(plugged.switch("-c", "other")) == []
    assert_in_sync(plugged)
    assert state_of(plugged.url).versions == ("r1",)


def test_nothing_is_recorded_of_what_was_rolled_back(plugged):
    plugged.table("u2", "r1")
    plugged.revision("u3", "u2", FAILING)
    assert plugged.alembic("upgrade", "head", check=False).rc == 1
    assert state_of(plugged.url).versions == ("r1",)
    assert list(entries(plugged)) == ["r1"]


def test_with_a_transaction_for_each_migration_what_was_committed_is_recorded(plugged):
    call = "target_metadata=target_metadata\n        )"
    edit_env(plugged, (call, call.replace("\n", ", transaction_per_migration=True\n", 1)))
    plugged.table("u2", "r1")
    plugged.revision("u3", "u2", FAILING)
    assert plugged.alembic("upgrade", "head", check=False).rc == 1
    assert state_of(plugged.url).versions == ("u2",)
    assert list(entries(plugged)) == ["r1", "u2"]


def test_a_commit_that_fails_is_not_recorded(plugged):
    """A constraint that waits for the commit fails there."""
    parent = 'op.execute("CREATE TABLE p (id int PRIMARY KEY)")\n'
    child = 'op.execute("CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)")\n'
    plugged.revision("u2", "r1", parent + child + 'op.execute("INSERT INTO c VALUES (1)")')
    assert plugged.alembic("upgrade", "head", check=False).rc == 1
    assert list(entries(plugged)) == ["r1"]


def test_a_migration_with_an_autocommit_block_is_recorded(plugged):
    up = 'with op.get_context().autocommit_block():\n    op.execute("CREATE INDEX CONCURRENTLY i ON t_r1 (name)")'
    plugged.revision("u2", "r1", up, 'op.drop_index("i")')
    plugged.table("u3", "u2")
    plugged.alembic("upgrade", "head")
    assert [one.observed for one in entries(plugged).values()] == [False] * 3


def test_a_role_that_may_not_ask_for_the_server_is_left_in_peace(plugged):
    with connect(plugged.url) as connection:
        connection.read_only = False
        connection.autocommit = True
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        connection.execute("DROP ROLE IF EXISTS plain")
        connection.execute("CREATE ROLE plain LOGIN SUPERUSER")
        connection.execute("ALTER ROLE plain NOSUPERUSER")
        connection.execute("GRANT ALL ON SCHEMA public TO plain")
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain")
    use_url(plugged, plugged.url.replace("postgres@", "plain@"))
    plugged.table("u2", "r1")
    done = plugged.alembic("upgrade", "head")
    assert "dbsync" not in done.out + done.err
    assert state_of(plugged.url).versions == ("u2",)
    assert list(entries(plugged)) == ["r1"]


def test_the_output_is_what_it_is_without_it(plugged):
    plugged.table("u2", "r1")
    plugged.revision("u3", "u2", FAILING)
    ended = {}
    for recording in (False, True):
        plugged.recorded = recording
        done = [plugged.alembic(*words, check=False) for words in (["upgrade", "head"], ["current"], ["upgrade", "u2"])]
        done.append(plugged.alembic("downgrade", "-1"))
        ended[recording] = [(one.rc, one.out, one.err) for one in done]
    assert ended[True] == ended[False]

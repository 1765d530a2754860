"""Which PostgreSQL database it is, what an interrupted move came to, and the scratch database of `init`."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.engines.branches import adopt, branch, grow, hooks_off, scratch_databases, start
from tests.engines.env_files import edit_env, use_url
from tests.support.postgres import find_programs, free_port, unprivileged, wait_until
from tests.support.schema import assert_in_sync, connect, state_of

pytestmark = pytest.mark.postgres


def state(project):
    (environment,) = json.loads(project.dbsync("status", "--json").out)["environments"]
    return environment["databases"][0]["state"]


# recreated, replaced


def recreate(postgres, database):
    postgres.drop(database.name)
    with postgres.connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database.name)))


def test_status_notices_a_database_that_was_dropped_and_created_again(postgres_project, postgres, postgres_database):
    start(postgres_project)
    recreate(postgres, postgres_database)

    said = postgres_project.dbsync("status").out

    assert "recreated since" in said
    assert state(postgres_project) == "behind"


def test_ensure_builds_a_database_that_was_dropped_and_created_again(postgres_project, postgres, postgres_database):
    start(postgres_project)
    recreate(postgres, postgres_database)

    done = postgres_project.dbsync("ensure")

    assert done.rc == 0
    assert_in_sync(postgres_project)
    assert "recreated" not in postgres_project.dbsync("status").out


def test_a_database_that_was_dropped_is_said_to_be_missing(postgres_project, postgres, postgres_database):
    start(postgres_project)
    postgres.drop(postgres_database.name)

    done = postgres_project.dbsync("sync", check=False)

    assert done.rc == 1
    assert "DBS403" in done.err
    assert postgres_database.name in done.err
    assert state(postgres_project) == "no_database"


@pytest.fixture
def serve():
    """Give a function that runs a new server on a port, with one empty database, in the place of the one before."""
    folder = Path(tempfile.mkdtemp(prefix="dbsync-other-"))
    folder.chmod(0o755)
    user, programs = unprivileged(), find_programs(str(folder))
    if user:
        shutil.chown(folder, user)
    with ExitStack() as running:

        def anew(port: int, name: str) -> None:
            running.close()
            data = str(folder / "data")
            shutil.rmtree(data, ignore_errors=True)
            make = [f"{programs}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions"]
            subprocess.run(make, user=user, cwd=folder, check=True, capture_output=True)
            command = [f"{programs}/postgres", "-D", data, f"--port={port}", f"--unix_socket_directories={folder}"]
            server = subprocess.Popen(
                [*command, "--fsync=off", "--listen_addresses=127.0.0.1"],
                user=user,
                cwd=folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            running.callback(server.wait, 20)
            running.callback(server.send_signal, signal.SIGINT)
            assert wait_until(lambda: create_database(port, name), 30)

        yield anew
    shutil.rmtree(folder)


def create_database(port: int, name: str) -> bool:
    try:
        with psycopg.connect(host="127.0.0.1", port=port, user="postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.OperationalError:
        return False
    return True


def test_another_server_in_the_old_ones_place_is_refused(project, serve):
    """As after `docker compose down -v`: same host, port and name, another system identifier."""
    port = free_port()
    url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/shop"
    serve(port, "shop")
    use_url(project, url)
    start(project)
    serve(port, "shop")
    project.table("r2", "r1")

    done = project.dbsync("sync", check=False)

    assert done.rc == 1
    assert "DBS505" in done.err
    assert "dbsync init" in done.err
    assert state(project) == "refused"
    assert not [name for name in state_of(url).schema if name.startswith("table")]
    project.dbsync("init", "--yes")
    assert_in_sync(project)


# interrupted

KILL = 'if os.path.exists("die"): os.killpg(0, signal.SIGKILL)\n'


def kill_at(project, moment):
    """Let env.py kill dbsync and its worker, before or after the commit."""
    commit = "        with context.begin_transaction():\n            context.run_migrations()\n"
    at = {
        "before the commit": commit + f"            {KILL}",
        "after the commit": commit + f"        {KILL}",
    }[moment]
    edit_env(
        project, ("from alembic import context\n", "from alembic import context\nimport os, signal\n"), (commit, at)
    )


@pytest.mark.parametrize(("moment", "committed"), [("before the commit", False), ("after the commit", True)])
def test_what_became_of_a_killed_move_is_asked_of_the_server(postgres_project, moment, committed):
    """The revision is rewritten, so the version table reads the same before and after."""
    project = postgres_project
    kill_at(project, moment)
    project.table("r1", name="users")
    project.revision("r2", "r1", 'op.create_table("old", sa.Column("id", sa.Integer))', 'op.drop_table("old")')
    project.commit("Old")
    adopt(project)
    project.revision("r2", "r1", 'op.create_table("new", sa.Column("id", sa.Integer))', 'op.drop_table("new")')
    project.write("die", "")
    command = [sys.executable, "-P", "-m", "dbsync", "sync"]
    killed = subprocess.run(
        command, cwd=project.top, env=project.environment(), start_new_session=True, capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    project.remove("die")
    assert (
        "table public.new" in str(state_of(project.url).schema) or "new" in str(state_of(project.url).schema)
    ) == committed

    assert state(project) == "interrupted"
    project.dbsync("sync")

    assert_in_sync(project)
    assert state(project) == "in_sync"


# the scratch database of init


def test_init_compares_with_a_scratch_database_and_drops_it(postgres_project, postgres):
    project = postgres_project
    project.table("r1", name="users")
    project.commit("Users")
    project.alembic("upgrade", "heads")
    with connect(project.url) as connection:
        connection.read_only = False
        connection.execute("ALTER TABLE users ADD COLUMN by_hand integer")

    said = project.dbsync("init", "--yes").err

    assert "+ column public.users.by_hand integer" in said
    assert scratch_databases(postgres) == set()


def test_a_schema_made_by_its_revisions_compares_equal_whatever_is_in_it(postgres_project):
    project = postgres_project
    everything = """
    op.execute("CREATE TYPE mood AS ENUM ('calm', 'loud')")
    op.execute("CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood DEFAULT 'calm' NOT NULL,"
               " two int GENERATED ALWAYS AS (1 + 1) STORED, CHECK (id > 0))")
    op.execute("CREATE TABLE b (a int REFERENCES a ON DELETE CASCADE, n numeric(5,2)) PARTITION BY RANGE (a)")
    op.execute("CREATE INDEX b_partial ON a (m) WHERE id > 5")
    op.execute("CREATE VIEW v AS SELECT id FROM a")
    op.execute("CREATE MATERIALIZED VIEW mv AS SELECT id FROM a")
    op.execute("CREATE SCHEMA other")
    op.execute("CREATE SEQUENCE other.s")
    op.execute("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
    op.execute("CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()")
    """
    project.revision("r1", None, everything)
    project.commit("Everything")

    said = adopt(project).err

    assert "note: its schema" not in said


def test_the_scratch_database_is_dropped_when_its_build_fails(postgres_project, postgres):
    project = postgres_project
    project.revision(
        "r1", None, "if not op.get_bind().engine.url.database.startswith('t'): raise ValueError('not here')"
    )
    project.revision("r2", "r1", 'op.execute("SELECT 1 / count(*) FROM handmade")')
    project.commit("Needs what was made by hand")
    with connect(project.url) as connection:
        connection.read_only = False
        connection.execute("CREATE TABLE handmade AS SELECT 1")

    said = adopt(project).err

    assert "not compared with a fresh build" in said
    assert "handmade" in said
    assert scratch_databases(postgres) == set()


def test_without_the_right_to_create_databases_adoption_goes_on(postgres_project, postgres, postgres_database):
    project = postgres_project
    with postgres.connect(postgres_database.name) as connection:
        connection.execute("DROP ROLE IF EXISTS modest")
        connection.execute("CREATE ROLE modest LOGIN")
        connection.execute("GRANT ALL ON SCHEMA public TO modest")
    use_url(project, postgres.tcp(postgres_database.name, user="modest"))
    try:
        said = start(project).err

        assert "follows Git now" in said
        assert "not compared with a fresh build: no scratch database can be made" in said
        assert "permission denied to create database" in said
        project.switch("-c", "feature")
        project.table("r2", "r1")
        project.dbsync("sync")
        assert_in_sync(project)
    finally:
        with postgres.connect(postgres_database.name) as connection:
            connection.execute("DROP OWNED BY modest CASCADE")
            connection.execute("DROP ROLE modest")


def test_init_shows_who_else_is_connected(postgres_project, postgres, postgres_database):
    with postgres.connect(postgres_database.name) as other:
        other.execute("SET application_name = 'shop web'")

        said = start(postgres_project).err

        assert f"{other.info.backend_pid} shop web" in said


def test_a_second_init_changes_nothing(postgres_project):
    project = postgres_project
    grow(project)
    before = state_of(project.url)

    said = project.dbsync("init", "--yes").err

    assert "follows Git now" in said
    assert state_of(project.url) == before
    with hooks_off(project):
        project.switch("feature")
    project.dbsync("sync")
    assert_in_sync(project)


def test_init_on_a_revision_whose_file_is_gone_finds_it_in_git(postgres_project):
    project = postgres_project
    project.table("r1", name="users")
    project.commit("Users")
    project.switch("-c", "feature")
    project.table("r2", "r1", "orders")
    project.commit("Orders")
    project.alembic("upgrade", "heads")
    project.switch("main")

    said = project.dbsync("init", "--yes").err

    assert "at r2" in said
    assert_in_sync(project)
    branch(project, "other", "o2", 'op.create_table("o", sa.Column("id", sa.Integer))')
    project.switch("other")
    assert_in_sync(project)

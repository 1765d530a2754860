"""Locks on PostgreSQL: nobody comes between, nobody is waited for long, and nobody is thrown out."""

from __future__ import annotations

import re
import subprocess
import sys

import psycopg
import pytest

from tests.engines.branches import branch, grow, hooks_off, idle_transaction, start, stopwatch
from tests.support.schema import assert_in_sync, connect, fresh_build, state_of

pytestmark = pytest.mark.postgres

# lock_timeout is 3 s; the rest is git's, Python's and Alembic's start on a busy machine.
SOON = 12


@pytest.fixture
def application(postgres, postgres_database):
    """Give a session of the developer's application."""
    with psycopg.connect(
        host=postgres.folder,
        port=postgres.port,
        user="postgres",
        dbname=postgres_database.name,
        application_name="shop web",
        autocommit=True,
    ) as session:
        yield session


@pytest.mark.parametrize("held", ["users", "alembic_version"])
def test_a_checkout_does_not_wait_for_an_idle_transaction_and_names_it(postgres_project, application, held):
    project = postgres_project
    grow(project)
    before = state_of(project.url)

    with idle_transaction(application, f"LOCK TABLE {held} IN ROW EXCLUSIVE MODE"):
        seconds = stopwatch()
        done = project.switch("feature")
        assert seconds() < SOON
        assert state_of(project.url) == before

    assert done.rc == 0
    assert "DBS404" in done.err
    assert f"{application.info.backend_pid} shop web" in done.err
    assert "idle in transaction" in done.err
    assert f"LOCK TABLE {held}" in done.err
    assert "dbsync sync" in done.err
    project.dbsync("sync")
    assert_in_sync(project)


def test_a_downgrade_stops_at_a_table_that_cannot_even_be_read(postgres_project, application):
    project = postgres_project
    grow(project)
    project.switch("feature")
    before = state_of(project.url)

    with idle_transaction(application, "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"):
        done = project.switch("main")

    assert "DBS404" in done.err
    assert "shop web" in done.err
    assert state_of(project.url) == before


def test_sync_by_hand_ends_with_3_where_a_lock_is_held(postgres_project, application):
    project = postgres_project
    grow(project)

    with idle_transaction(application, "LOCK TABLE users IN ROW EXCLUSIVE MODE"):
        project.switch("feature")
        done = project.dbsync("sync", check=False)

    assert done.rc == 3
    assert "shop web" in done.err


def test_a_row_that_somebody_changes_is_waited_for_no_longer(postgres_project, application):
    project = postgres_project
    start(project)
    application.execute("INSERT INTO users (id, name) VALUES (1, 'ada')")
    branch(project, "feature", "f2", "op.execute(\"UPDATE users SET name = 'x'\")")
    before = state_of(project.url)

    with idle_transaction(application, "UPDATE users SET name = 'mine'"):
        done = project.switch("feature")

    assert "DBS404" in done.err
    assert "UPDATE users SET name = 'mine'" in done.err
    assert state_of(project.url) == before
    assert application.execute("SELECT name FROM users").fetchone() == ("ada",)


def test_env_py_itself_does_not_wait_for_ever(postgres_project, application):
    project = postgres_project
    start(project)
    env = project.path("migrations/env.py").read_text()
    assert "with connectable.connect() as connection:\n" in env
    schema = (
        '            connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS extra")\n            connection.commit()\n'
    )
    head, line, rest = env.partition("    with connectable.connect() as connection:\n")
    project.write("migrations/env.py", head + line + schema.replace("            ", "        ") + rest)
    project.table("r2", "r1")

    with idle_transaction(application, "CREATE SCHEMA extra"):
        seconds = stopwatch()
        done = project.dbsync("sync", check=False)
        assert seconds() < SOON

    assert done.rc != 0
    assert "lock timeout" in done.err or "DBS404" in done.err
    assert "Traceback" not in done.err


def test_a_session_that_only_reads_is_no_hindrance(postgres_project, application):
    project = postgres_project
    grow(project)

    with idle_transaction(application, "SELECT * FROM alembic_version"):
        done = project.switch("feature")

    assert "error" not in done.err
    assert_in_sync(project)


# at once

SLOW = 'op.execute("SELECT pg_sleep(0.7)")\n'
TABLE = 'op.create_table("slow", sa.Column("id", sa.Integer))'


def together(project, *commands: list[str]) -> list[subprocess.CompletedProcess]:
    """Run commands at the same moment and return how each ended."""
    running = [
        subprocess.Popen(
            command,
            cwd=project.top,
            env=project.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for command in commands
    ]
    return [
        subprocess.CompletedProcess(one.args, one.wait(), said)
        for one in running
        for said in one.communicate(timeout=90)[:1]
    ]


def dbsync(*words: str) -> list[str]:
    return [sys.executable, "-P", "-m", "dbsync", *words]


@pytest.fixture
def slow(postgres_project):
    """Give a project on `main` whose branch `slow` has a revision that takes a while both ways."""
    start(postgres_project)
    branch(postgres_project, "slow", "s2", SLOW + TABLE, SLOW + 'op.drop_table("slow")')
    return postgres_project


@pytest.mark.parametrize("trial", range(3))
def test_plain_alembic_in_the_other_direction_cannot_come_between(slow, trial):
    slow.switch("slow")
    assert_in_sync(slow)
    with hooks_off(slow):
        slow.switch("main")
        slow.git("worktree", "add", "elsewhere/tree", "slow")
    plain = [slow.python, "-m", "alembic", "-c", str(slow.path("elsewhere/tree/alembic.ini")), "upgrade", "heads"]

    ours, theirs = together(slow, dbsync("sync"), plain)

    assert ours.returncode in (0, 3), ours.stdout
    schema, versions = state_of(slow.url)
    assert ("table slow" in str(schema) or "slow" in str(schema)) == (versions == ("s2",)), (ours, theirs)


@pytest.mark.parametrize("trial", range(3))
def test_plain_alembic_in_the_same_direction_finds_the_work_done(slow, trial):
    with hooks_off(slow):
        slow.switch("slow")

    ours, _ = together(slow, dbsync("sync"), [slow.python, "-m", "alembic", "upgrade", "heads"])

    assert ours.returncode in (0, 3), ours.stdout
    assert_in_sync(slow)
    slow.dbsync("sync")
    assert slow.dbsync("status", "--exit-code").rc == 0


def test_many_dbsyncs_at_once_make_one_move(slow):
    with hooks_off(slow):
        slow.switch("slow")

    ended = together(slow, *[dbsync("ensure")] * 4)

    assert {one.returncode for one in ended} <= {0, 3}, ended
    assert sum("-0 +1" in one.stdout for one in ended) == 1, ended
    assert_in_sync(slow)


def test_two_clones_on_one_database_do_not_interleave(slow, tmp_path):
    """Each has a ledger and a file lock of its own: only what is taken in the database is shared."""
    other = type(slow)(tmp_path / "other", url=slow.url)
    slow.git("clone", "--quiet", str(slow.top), str(other.top))
    other.dbsync("init", "--yes")
    with hooks_off(slow):
        slow.switch("slow")

    ours, theirs = together(slow, dbsync("sync"), [*dbsync("sync")])
    assert {ours.returncode, theirs.returncode} <= {0, 3}
    first, second = together(slow, dbsync("sync"), ["git", "-C", str(other.top), "switch", "--detach", "origin/main"])

    assert re.search("slow", str(state_of(slow.url).schema)) is None or state_of(slow.url) == fresh_build(slow)
    assert first.returncode in (0, 3), first.stdout
    assert second.returncode == 0, second.stdout


def test_the_version_table_is_locked_while_steps_run(slow, application):
    with hooks_off(slow):
        slow.switch("slow")
    moving = subprocess.Popen(
        dbsync("sync"), cwd=slow.top, env=slow.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    query = "SELECT mode FROM pg_locks WHERE relation = 'alembic_version'::regclass AND granted"
    seen: set[str] = set()
    while moving.poll() is None:
        seen |= {mode for (mode,) in application.execute(query)}
    moving.communicate()

    assert "ShareRowExclusiveLock" in seen


def test_the_timeout_is_gone_with_the_session(slow):
    slow.switch("slow")

    with connect(slow.url) as connection:
        assert connection.execute("SHOW lock_timeout").fetchone() == ("0",)

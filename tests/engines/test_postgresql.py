"""The database on PostgreSQL follows the branch, whole or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.engines.branches import branch, grow, sessions, start
from tests.support.schema import assert_in_sync, connect, state_of

pytestmark = pytest.mark.postgres


def test_init_adopts_a_server_on_a_local_socket(postgres_project):
    said = start(postgres_project).err

    assert "follows Git now" in said
    assert "not compared" not in said
    assert "is not what its revisions make" not in said
    assert_in_sync(postgres_project)


def test_switching_goes_up_and_down_and_both(postgres_project):
    project = postgres_project
    grow(project)
    branch(project, "other", "o2", 'op.create_table("tags", sa.Column("id", sa.Integer))', 'op.drop_table("tags")')

    for name in ("feature", "main", "feature", "other", "feature", "other", "main"):
        said = project.switch(name).err
        assert "dbsync: " in said
        assert "error" not in said
        assert_in_sync(project)


def test_nothing_stays_connected_after_a_switch(postgres_project, postgres, postgres_database):
    grow(postgres_project)

    postgres_project.switch("feature")

    assert sessions(postgres, postgres_database.name) == []


FAILING = """
op.execute("CREATE TYPE colour AS ENUM ('red')")
op.add_column("users", sa.Column("colour", sa.Enum("red", name="colour", create_type=False)))
op.execute("UPDATE users SET name = 'changed'")
op.execute("SELECT no_such_function()")
"""


def test_a_failing_upgrade_rolls_back_schema_enums_rows_and_version(postgres_project):
    project = postgres_project
    start(project)
    with connect(project.url) as connection:
        connection.read_only = False
        connection.execute("INSERT INTO users (id, name) VALUES (1, 'ada')")
    branch(project, "broken", "b2", FAILING)
    before = state_of(project.url)

    said = project.switch("broken").err

    assert "the upgrade of b2 failed and was rolled back" in said
    assert "no_such_function" in said
    assert "b2_on_broken.py:" in said
    assert "Traceback" not in said
    assert state_of(project.url) == before
    with connect(project.url) as connection:
        assert connection.execute("SELECT id, name FROM users").fetchall() == [(1, "ada")]


def test_a_failing_upgrade_takes_the_downgrades_before_it_back(postgres_project):
    project = postgres_project
    grow(project)
    branch(project, "broken", "b2", FAILING)
    project.switch("feature")
    before = state_of(project.url)

    said = project.switch("broken").err

    assert "the upgrade of b2 failed" in said
    assert "stays at r3" in said
    assert state_of(project.url) == before
    project.switch("feature")
    assert_in_sync(project)


def test_a_failing_downgrade_rolls_back(postgres_project):
    project = postgres_project
    start(project)
    branch(
        project,
        "feature",
        "f2",
        'op.create_table("a", sa.Column("id", sa.Integer))',
        'op.drop_table("a")\nop.drop_table("never_there")',
    )
    project.switch("feature")
    before = state_of(project.url)

    said = project.switch("main").err

    assert "the downgrade of f2 failed and was rolled back" in said
    assert state_of(project.url) == before


def test_a_constraint_checked_at_the_commit_fails_the_step(postgres_project):
    project = postgres_project
    start(project)
    deferred = """
    op.execute("CREATE TABLE child (id int, parent int REFERENCES users DEFERRABLE INITIALLY DEFERRED)")
    op.execute("INSERT INTO child VALUES (1, 99)")
    """
    branch(project, "broken", "b2", deferred)
    before = state_of(project.url)

    said = project.switch("broken").err

    assert "the upgrade of b2 failed and was rolled back" in said
    assert "foreign key" in said
    assert "Traceback" not in said
    assert state_of(project.url) == before


# rows


@pytest.fixture
def with_rows(postgres_project):
    """Give a project on `feature` with rows in a table and a column that only `feature` has."""
    project = postgres_project
    grow(project)
    project.switch("feature")
    with connect(project.url) as connection:
        connection.read_only = False
        connection.execute("INSERT INTO users (id, name, mood) VALUES (1, 'ada', 'loud'), (2, 'bob', NULL)")
        connection.execute("INSERT INTO orders (id, name) VALUES (7, NULL), (8, E'two\\nlines \\\\ \"quoted\"')")
    return project


def rows(project):
    with connect(project.url) as connection:
        return [connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall() for table in ("users", "orders")]


def test_rows_of_a_table_and_of_an_enum_come_back(with_rows):
    before = rows(with_rows)

    said = with_rows.switch("main").err

    assert "1 table, 1 column, 3 rows shelved" in said
    assert_in_sync(with_rows)
    assert "3 rows back" in with_rows.switch("feature").err
    assert_in_sync(with_rows)
    assert rows(with_rows) == before


def test_what_is_kept_is_nobody_elses_to_read(with_rows):
    with_rows.switch("main")

    for path in (with_rows.path(".git/dbsync/shelf"), *with_rows.path(".git/dbsync/shelf").iterdir()):
        assert path.stat().st_mode & 0o077 == 0


# what cannot be rolled back

CONCURRENTLY = """
with op.get_context().autocommit_block():
    op.create_index("users_name", "users", ["name"], postgresql_concurrently=True)
"""
NOT_CONCURRENTLY = """
with op.get_context().autocommit_block():
    op.drop_index("users_name", "users", postgresql_concurrently=True)
"""


@pytest.fixture
def with_concurrent_index(postgres_project):
    """Give a project whose branch `index` builds an index CONCURRENTLY."""
    start(postgres_project)
    branch(postgres_project, "index", "i2", CONCURRENTLY, NOT_CONCURRENTLY)
    return postgres_project


def test_a_hook_leaves_a_revision_with_autocommit_to_the_person(with_concurrent_index):
    project = with_concurrent_index
    before = state_of(project.url)

    said = project.switch("index").err

    assert "DBS304" in said
    assert "autocommit_block" in said
    assert "dbsync sync" in said
    assert state_of(project.url) == before


def test_sync_without_yes_says_that_it_cannot_be_rolled_back(with_concurrent_index):
    project = with_concurrent_index
    before = state_of(project.url)
    project.switch("index")

    done = project.dbsync("sync", check=False)

    assert done.rc == 1
    assert "DBS410" in done.err
    assert "dbsync sync --yes" in done.err
    assert state_of(project.url) == before


def test_sync_yes_runs_it_there_and_back(with_concurrent_index):
    project = with_concurrent_index
    project.switch("index")

    project.dbsync("sync", "--yes")
    assert_in_sync(project)

    project.switch("main")
    project.dbsync("sync", "--yes")
    assert_in_sync(project)
    assert project.dbsync("status", "--exit-code").rc == 0


def test_a_failure_after_an_autocommit_block_is_still_told_right(with_concurrent_index):
    project = with_concurrent_index
    branch(project, "half", "h2", CONCURRENTLY + 'op.execute("SELECT no_such_function()")\n', NOT_CONCURRENTLY)
    project.switch("half")

    done = project.dbsync("sync", "--yes", check=False)

    assert done.rc == 1
    assert "no_such_function" in done.err
    assert "rolled back" not in done.err
    assert project.dbsync("status").rc == 0


def test_rows_are_kept_before_a_commit_in_the_middle_of_a_downgrade(with_concurrent_index):
    project = with_concurrent_index
    table = 'op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True))\n'
    branch(project, "notes", "n2", table + CONCURRENTLY, 'op.drop_table("notes")\n' + NOT_CONCURRENTLY)
    project.switch("notes")
    project.dbsync("sync", "--yes")
    with connect(project.url) as connection:
        connection.read_only = False
        connection.execute("INSERT INTO notes VALUES (7)")
    project.switch("main")

    said = project.dbsync("sync", "--yes").err

    assert_in_sync(project)
    path = next(line for line in said.splitlines() if "kept in" in line).partition("kept in ")[2]
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as kept:
        assert kept.execute("SELECT id FROM notes").fetchall() == [("7",)]

"""The oracle itself: it sees what differs, and nothing else."""

from __future__ import annotations

import sqlite3

import pytest

from tests.support.project import Project
from tests.support.schema import (
    BuildFailedError,
    assert_in_sync,
    fresh_build,
    schema_of,
    versions_of,
)


@pytest.fixture(params=["sqlite", "postgresql"])
def project(request, tmp_path):
    """A project on each engine, with two revisions and a database at the head."""
    url = "sqlite:///dev.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_database").url
    project = Project.create(tmp_path / "project", url=url)
    project.table("r1", None, "users")
    project.column("r2", "r1", "users", "email")
    project.commit("two revisions")
    project.alembic("upgrade", "heads")
    return project


def test_a_database_moved_by_alembic_is_in_sync(project):
    assert_in_sync(project)
    assert versions_of(project.database) == ("r2",)


def test_down_and_up_again_is_in_sync(project):
    project.alembic("downgrade", "base")
    project.alembic("upgrade", "heads")
    assert_in_sync(project)


def test_a_database_one_revision_behind_is_not(project):
    project.alembic("downgrade", "-1")
    with pytest.raises(AssertionError):
        assert_in_sync(project)


def test_a_stamped_database_is_not(project):
    project.alembic("downgrade", "base")
    project.alembic("stamp", "heads")
    with pytest.raises(AssertionError):
        assert_in_sync(project)


def test_a_commit_is_built_as_it_was(project):
    project.table("r3", "r2", "later")
    project.commit("a third")
    assert fresh_build(project, ref="HEAD~1").versions == ("r2",)
    assert fresh_build(project).versions == ("r3",)


def test_a_file_left_out_does_not_count(project):
    stray = project.table("r3", "gone", "stray")
    with pytest.raises(BuildFailedError, match="gone"):
        fresh_build(project)
    assert_in_sync(project, leave_out=[str(stray.relative_to(project.top))])


def test_a_failing_revision_is_reported_with_its_words(project):
    project.revision("r3", "r2", "raise ValueError('out of paint')")
    with pytest.raises(BuildFailedError, match="out of paint"):
        fresh_build(project)


def lite(path, *statements):
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.close()
    return str(path)


@pytest.mark.parametrize(
    "other",
    [
        "CREATE TABLE t (a INTEGER, b TEXT)",
        "CREATE TABLE t (a INTEGER NOT NULL, b VARCHAR(5))",
        "CREATE TABLE t (a INTEGER, b VARCHAR(5) DEFAULT 'x')",
        "CREATE TABLE t (a INTEGER, b VARCHAR(5), CHECK (a > 0))",
        "CREATE TABLE t (a INTEGER, b VARCHAR(5), UNIQUE (a))",
        "CREATE TABLE t (a INTEGER, b VARCHAR(5), FOREIGN KEY (a) REFERENCES t (b))",
        "CREATE TABLE t (b VARCHAR(5), a INTEGER)",
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR(5)) WITHOUT ROWID",
    ],
)
def test_what_differs_in_a_sqlite_table_is_seen(tmp_path, other):
    one = lite(tmp_path / "one.db", "CREATE TABLE t (a INTEGER, b VARCHAR(5))")
    assert schema_of(one) != schema_of(lite(tmp_path / "other.db", other))


def test_white_space_and_quotes_are_not(tmp_path):
    one = lite(tmp_path / "one.db", "CREATE TABLE t (a INTEGER, b VARCHAR(5), CHECK (a>0))")
    other = lite(
        tmp_path / "other.db",
        'CREATE TABLE "t" (\n\ta INTEGER, \n\t"b" VARCHAR(5),\n CHECK (a>0)\n)\n',
    )
    assert schema_of(one) == schema_of(other)


def test_the_order_of_columns_counts_unless_told(tmp_path):
    one = lite(tmp_path / "one.db", "CREATE TABLE t (a INTEGER, b TEXT)")
    other = lite(tmp_path / "other.db", "CREATE TABLE t (b TEXT, a INTEGER)")
    assert schema_of(one) != schema_of(other)
    assert schema_of(one, ignore_column_order=True) == schema_of(other, ignore_column_order=True)

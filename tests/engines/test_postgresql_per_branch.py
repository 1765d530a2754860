"""`data = "per-branch"` on PostgreSQL: each git branch has a database of its own, exchanged by two renames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engines.branches import hooks_off
from tests.support.following import codes
from tests.support.kept import clear_up, kept, there, write
from tests.support.schema import assert_in_sync, connect
from tests.support.warm_python import warm_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tests.support.postgres import Server
    from tests.support.project import Project

pytestmark = pytest.mark.postgres


@pytest.fixture
def both(postgres_project: Project, postgres: Server) -> Iterator[Project]:
    """Give a project in this mode on feature, which has a revision and rows of its own; main has a row."""
    project = postgres_project
    project.git("config", "dbsync.interpreter", warm_python(project.python))
    project.path("pyproject.toml").write_text('[tool.dbsync]\ndata = "per-branch"\n')
    project.table("r1")
    project.commit("Add r1")
    project.dbsync("init", "--yes")
    write(project.url, "INSERT INTO t_r1 (name) VALUES ('main')")
    project.switch("-c", "feature")
    project.table("f2", "r1")
    project.commit("Add f2")
    write(project.url, "UPDATE t_r1 SET name = 'feature'", "INSERT INTO t_f2 (name) VALUES ('more')")
    yield project
    clear_up(project, postgres)


def names(project: Project, table: str = "t_r1") -> list[str]:
    with connect(project.url) as connection:
        return [name for (name,) in connection.execute(f"SELECT name FROM {table} ORDER BY id")]


def test_each_branch_has_its_rows_and_they_come_back(both: Project, postgres: Server):
    done = both.switch("main")
    assert "rows of main" in done.err
    assert names(both) == ["main"]
    assert_in_sync(both)
    write(both.url, "INSERT INTO t_r1 (name) VALUES ('later')")

    both.switch("feature")
    assert (names(both), names(both, "t_f2")) == (["feature"], ["more"])
    assert_in_sync(both)
    both.switch("main")
    assert names(both) == ["main", "later"]
    assert_in_sync(both)
    assert len(there(postgres, kept(both))) == 1

    both.switch("-c", "same")
    write(both.url, "DELETE FROM t_r1")
    both.switch("main")
    assert names(both) == ["main", "later"]
    both.switch("same")
    assert names(both) == []


def test_who_is_connected_is_named_and_the_next_command_turns(both: Project, postgres: Server, postgres_database: Any):
    with postgres.connect(postgres_database.name) as other:
        other.execute("SET application_name = 'my editor'")
        done = both.switch("main")
        assert codes(done) == ["DBS330"]
        assert f"{other.info.backend_pid} my editor" in done.err
        assert (names(both), names(both, "t_f2")) == (["feature"], ["more"])
        assert other.execute("SELECT 1").fetchone() == (1,)
        assert both.dbsync("ensure", check=False).rc == 1
    both.dbsync("ensure")
    assert names(both) == ["main"]
    assert_in_sync(both)


def test_the_rows_of_a_deleted_branch_are_named_and_dropped(both: Project, postgres: Server):
    both.switch("main")
    both.git("branch", "-D", "feature")
    (name,) = kept(both)
    assert "the git branch feature is gone" in both.dbsync("doctor", check=False).out
    both.dbsync("doctor", "--fix", check=False)
    assert (kept(both), there(postgres, [name])) == ([], [])


def test_a_database_that_somebody_dropped_is_made_again_from_the_one_that_is_here(both: Project, postgres: Server):
    both.switch("main")
    with postgres.connect() as connection:
        connection.execute(f'DROP DATABASE "{kept(both)[0]}"')
    both.switch("feature")
    assert names(both) == ["main"]
    assert_in_sync(both)


def test_what_was_switched_without_hooks_is_noticed(both: Project):
    with hooks_off(both):
        both.switch("main")
    both.dbsync("sync")
    assert names(both) == ["main"]
    assert_in_sync(both)

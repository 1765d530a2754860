"""`dbsync undo` on PostgreSQL: the revisions go the other way, and the rows return from the shelf.

Where those would not bring all rows back, a clone of the database takes its place instead.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.engines.branches import branch, grow, start
from tests.engines.env_files import use_template
from tests.support.following import codes
from tests.support.kept import clear_up, kept, there, write
from tests.support.schema import assert_in_sync, connect, state_of
from tests.support.warm_python import warm_python

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.project import Project

pytestmark = pytest.mark.postgres


def moods(project) -> list[tuple[object, ...]]:
    with connect(project.url) as connection:
        return connection.execute("SELECT name, mood::text FROM users ORDER BY id").fetchall()


@pytest.fixture
def filled(postgres_project):
    """Give a project on feature with rows in what only feature has."""
    grow(postgres_project)
    postgres_project.switch("feature")
    with connect(postgres_project.url) as connection:
        connection.read_only = False
        connection.execute("INSERT INTO users (name, mood) VALUES ('ada', 'loud'), ('bob', NULL)")
        connection.execute("INSERT INTO orders (name) VALUES ('first')")
    return postgres_project


def test_a_switch_is_undone_with_its_rows_and_the_undo_too(filled):
    before = state_of(filled.url)
    filled.switch("main")

    done = filled.dbsync("undo")
    assert "undone: post-checkout" in done.err
    assert "it is held there" in done.err
    assert state_of(filled.url) == before
    assert moods(filled) == [("ada", "loud"), ("bob", None)]

    filled.dbsync("undo")
    assert_in_sync(filled)
    filled.switch("feature")
    assert_in_sync(filled)
    assert moods(filled) == [("ada", "loud"), ("bob", None)]


def test_what_was_written_since_is_kept(filled):
    filled.switch("main")
    with connect(filled.url) as connection:
        connection.read_only = False
        connection.execute("INSERT INTO users (name) VALUES ('eve')")

    filled.dbsync("undo")

    assert moods(filled) == [("ada", "loud"), ("bob", None), ("eve", None)]


def test_the_reflog_knows_it(filled):
    filled.switch("main")

    last = json.loads(filled.dbsync("reflog", "--json").out)["operations"][0]
    assert (last["by"], last["before"], last["after"], last["copy"]) == ("post-checkout", ["r3"], ["r1"], None)


SHOUT = 'op.execute("UPDATE users SET name = upper(name)")'
WHISPER = "op.execute(\"UPDATE users SET name = 'somebody'\")"


@pytest.fixture
def changing(postgres_project, postgres) -> Iterator[Project]:
    """Give a project on main, with a branch whose revision changes rows in place, both ways."""
    postgres_project.git("config", "dbsync.interpreter", warm_python(postgres_project.python))
    start(postgres_project)
    branch(postgres_project, "loud", "r2", SHOUT, WHISPER)
    write(postgres_project.url, "INSERT INTO users (name) VALUES ('ada'), ('bob')")
    yield postgres_project
    clear_up(postgres_project, postgres)


def names(project) -> list[str]:
    with connect(project.url) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM users ORDER BY id")]


def test_rows_changed_in_place_are_back_and_the_undo_is_undone(changing):
    changing.switch("loud")
    assert names(changing) == ["ADA", "BOB"]

    changing.dbsync("undo")
    assert names(changing) == ["ada", "bob"]
    changing.dbsync("undo")
    assert names(changing) == ["ADA", "BOB"]
    assert_in_sync(changing)

    changing.switch("main")
    assert names(changing) == ["somebody", "somebody"]
    changing.dbsync("undo")
    assert names(changing) == ["ADA", "BOB"]
    changing.dbsync("sync")
    assert_in_sync(changing)


@pytest.mark.parametrize("driver", ["psycopg2", "asyncpg"])
def test_by_another_driver(make_project, postgres, postgres_database, driver: str):
    project = make_project(url=postgres.tcp(postgres_database.name, driver))
    if driver == "asyncpg":
        use_template(project, "async")
    start(project)
    write(project.url, "INSERT INTO users (name) VALUES ('ada')")
    project.revision("r2", "r1", SHOUT, WHISPER)
    project.dbsync("sync")
    assert names(project) == ["ADA"]

    project.dbsync("undo")
    assert names(project) == ["ada"]
    project.dbsync("snapshot", "save", "one")
    project.dbsync("snapshot", "restore", "one")
    project.dbsync("sync")
    assert names(project) == ["ADA"]
    clear_up(project, postgres)


def test_rows_written_since_ask_for_a_word_and_are_kept(changing):
    changing.switch("loud")
    write(changing.url, "INSERT INTO users (name) VALUES ('eve')")
    now = names(changing)

    done = changing.dbsync("undo", check=False)
    assert (done.rc, codes(done), names(changing)) == (1, ["DBS321"], now)
    changing.dbsync("undo", "--yes")
    assert names(changing) == ["ada", "bob"]
    changing.dbsync("undo")
    assert names(changing) == now


def test_the_shelf_is_that_of_the_database_that_took_the_place(changing):
    changing.switch("-c", "more")
    changing.table("r4", "r1", "extra")
    changing.commit("Add extra")
    write(changing.url, "INSERT INTO extra (name) VALUES ('kept')")
    changing.switch("loud")
    changing.dbsync("undo")
    changing.dbsync("undo")
    changing.dbsync("sync")
    changing.switch("more")
    with connect(changing.url) as connection:
        assert connection.execute("SELECT name FROM extra").fetchall() == [("kept",)]


def test_no_clone_is_made_where_nobody_needs_it(changing):
    changing.table("r3", "r1", "other")
    changing.git("add", ".")
    changing.dbsync("sync")
    assert kept(changing) == []
    changing.git("config", "dbsync.undoClone", "always")
    changing.table("r4", "r3", "another")
    changing.dbsync("sync")
    assert len(kept(changing)) == 1


@pytest.mark.parametrize(("setting", "value"), [("undoClone", "never"), ("undoSize", "1")])
def test_a_setting_forbids_it(changing, setting: str, value: str):
    changing.git("config", f"dbsync.{setting}", value)
    changing.switch("loud")
    assert (names(changing), kept(changing)) == (["ADA", "BOB"], [])


def test_none_is_made_where_somebody_is_connected_and_the_switch_goes_on(changing, postgres, postgres_database):
    with postgres.connect(postgres_database.name) as other:
        changing.switch("loud")
        assert (names(changing), kept(changing)) == (["ADA", "BOB"], [])
        assert other.execute("SELECT 1").fetchone() == (1,)
    assert_in_sync(changing)


def test_no_more_than_ten_are_kept(changing, postgres):
    changing.git("config", "dbsync.undoClone", "always")
    seen: set[str] = set()
    for _ in range(6):
        for name in ("loud", "main"):
            changing.switch(name)
            seen.update(kept(changing))
    assert len(kept(changing)) == 10
    assert there(postgres, sorted(seen)) == sorted(kept(changing))

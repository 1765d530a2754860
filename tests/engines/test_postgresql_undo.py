"""`dbsync undo` on PostgreSQL: the revisions go the other way, and the rows return from the shelf."""

from __future__ import annotations

import json

import pytest

from tests.engines.branches import grow
from tests.support.schema import assert_in_sync, connect, state_of

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


def test_the_reflog_knows_it_and_a_snapshot_is_refused_in_a_sentence(filled):
    filled.switch("main")

    last = json.loads(filled.dbsync("reflog", "--json").out)["operations"][0]
    assert (last["by"], last["before"], last["after"], last["copy"]) == ("post-checkout", ["r3"], ["r1"], None)
    done = filled.dbsync("snapshot", "save", "one", check=False)
    assert (done.rc, "is not an SQLite file" in done.err) == (1, True)

"""`dbsync snapshot`: the database under a name, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.following import assert_follows, codes, database_status, dump, follow, sql

if TYPE_CHECKING:
    from tests.support.project import Project


def saved(project: Project) -> list[dict[str, Any]]:
    return json.loads(project.dbsync("snapshot", "--json").out)["snapshots"]


def test_rows_are_as_they_were_saved(filled: Project):
    before = dump(filled)
    done = filled.dbsync("snapshot", "save", "full")
    assert "saved full  dev.db  f2  feature" in done.err
    sql(filled, "DELETE FROM t_r1", "UPDATE t_f2 SET name = 'other'")
    changed = dump(filled)

    filled.dbsync("snapshot", "restore", "full")
    assert dump(filled) == before
    assert_follows(filled)

    filled.dbsync("undo")
    assert dump(filled) == changed


def test_a_row_deleted_after_a_restore_does_not_come_back_from_the_shelf(filled: Project):
    filled.dbsync("snapshot", "save", "full")
    filled.switch("main")
    filled.dbsync("snapshot", "restore", "full")
    sql(filled, "DELETE FROM t_f2")
    filled.dbsync("sync")
    filled.switch("feature")
    assert sql(filled, "SELECT name FROM t_f2") == []
    assert_follows(filled)


def test_rows_that_returned_since_are_on_the_shelf_again(filled: Project):
    filled.switch("main")
    filled.dbsync("snapshot", "save", "early")
    filled.switch("feature")
    filled.switch("-c", "other", "main")
    filled.dbsync("sync", "--to", "feature")
    filled.dbsync("snapshot", "restore", "early")
    assert_follows(filled)
    filled.switch("feature")
    assert sql(filled, "SELECT name FROM t_f2") == [("new",)]
    assert_follows(filled)


def test_rows_shelved_since_stay_on_the_shelf_where_the_snapshot_has_them_not(project: Project):
    project.table("r1")
    project.commit("Add r1")
    follow(project)
    project.dbsync("snapshot", "save", "early")
    project.switch("--quiet", "-c", "feature")
    project.table("f2", "r1")
    project.commit("Add f2")
    sql(project, "INSERT INTO t_f2 (name) VALUES ('since')")
    project.switch("main")
    project.dbsync("snapshot", "restore", "early")
    project.switch("feature")
    assert sql(project, "SELECT name FROM t_f2") == [("since",)]
    project.dbsync("undo")
    project.dbsync("undo")
    assert sql(project, "SELECT name FROM t_f2") == [("since",)]
    assert_follows(project)


def test_one_of_another_branch_is_put_back_and_held_until_a_sync(filled: Project):
    before = dump(filled)
    filled.dbsync("snapshot", "save", "full")
    filled.switch("main")

    done = filled.dbsync("snapshot", "restore", "full")
    assert "held there" in done.err
    assert dump(filled) == before
    assert database_status(filled)["phantom"] == ["f2"]

    filled.dbsync("sync")
    assert_follows(filled)


def test_one_is_put_back_after_its_branch_is_gone(filled: Project):
    filled.dbsync("snapshot", "save", "full")
    filled.switch("main")
    filled.git("branch", "-D", "feature")
    filled.git("reflog", "expire", "--expire=now", "--all")
    filled.git("gc", "--quiet", "--prune=now")

    filled.dbsync("snapshot", "restore", "full")
    assert sql(filled, "SELECT name FROM t_f2") == [("new",)]

    filled.dbsync("sync")
    assert_follows(filled)


def test_they_are_listed_and_dropped(filled: Project):
    assert "there is no snapshot" in filled.dbsync("snapshot").err
    filled.dbsync("snapshot", "save", "one")
    filled.dbsync("snapshot", "save", "two")
    assert [(one["name"], one["branch"], one["heads"]) for one in saved(filled)] == [
        ("one", "feature", {"alembic_version": ["f2"]}),
        ("two", "feature", {"alembic_version": ["f2"]}),
    ]
    filled.dbsync("snapshot", "drop", "one")
    assert [one["name"] for one in saved(filled)] == ["two"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("save", "../x"), "cannot name a snapshot"),
        (("save",), "which snapshot?"),
        (("restore", "none"), "there is no snapshot none"),
        (("drop", "none"), "there is no snapshot none"),
    ],
)
def test_a_wrong_name_is_said_in_a_sentence(filled: Project, arguments: tuple[str, ...], said: str):
    done = filled.dbsync("snapshot", *arguments, check=False)
    assert (done.rc, said in done.err) == (2, True)


def test_a_name_is_not_taken_twice(filled: Project):
    filled.dbsync("snapshot", "save", "one")
    done = filled.dbsync("snapshot", "save", "one", check=False)
    assert (done.rc, "there is a snapshot one already" in done.err) == (1, True)


def test_a_revision_applied_by_plain_alembic_is_known_to_the_snapshot(filled: Project):
    filled.recorded = False
    path = filled.table("f3", "f2")
    filled.alembic("upgrade", "head")
    filled.dbsync("snapshot", "save", "with-f3")
    filled.dbsync("sync")
    path.unlink()
    filled.dbsync("sync")

    filled.dbsync("snapshot", "restore", "with-f3")
    assert database_status(filled)["current"] == ["f3"]
    assert codes(filled.dbsync("sync")) == []
    assert_follows(filled)


def test_a_file_that_is_gone_is_built_first(filled: Project):
    before = dump(filled)
    filled.dbsync("snapshot", "save", "full")
    filled.path("dev.db").unlink()

    done = filled.dbsync("snapshot", "restore", "full", check=False)
    assert (done.rc, "is not there any more" in done.err) == (1, True)

    filled.dbsync("sync")
    filled.dbsync("snapshot", "restore", "full")
    assert dump(filled) == before

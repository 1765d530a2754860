"""`dbsync snapshot`: the database under a name, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.following import assert_follows, codes, database_status, dump, follow, sql

if TYPE_CHECKING:
    from tests.support.project import Project


@pytest.fixture
def forked(project: Project) -> Project:
    """Give a project on feature (r1, f2) with a row in both tables, and main at r1; its database follows Git."""
    project.table("r1")
    project.commit("Add r1")
    project.switch("--quiet", "-c", "feature")
    project.table("f2", "r1")
    project.commit("Add f2")
    follow(project)
    sql(project, "INSERT INTO t_r1 (name) VALUES ('old')", "INSERT INTO t_f2 (name) VALUES ('new')")
    return project


def saved(project: Project) -> list[dict[str, Any]]:
    return json.loads(project.dbsync("snapshot", "--json").out)["snapshots"]


def test_rows_are_as_they_were_saved(forked: Project):
    before = dump(forked)
    done = forked.dbsync("snapshot", "save", "full")
    assert "saved full  dev.db  f2  feature" in done.err
    sql(forked, "DELETE FROM t_r1", "UPDATE t_f2 SET name = 'other'")
    changed = dump(forked)

    forked.dbsync("snapshot", "restore", "full")
    assert dump(forked) == before
    assert_follows(forked)

    forked.dbsync("undo")
    assert dump(forked) == changed


def test_a_row_deleted_after_a_restore_does_not_come_back_from_the_shelf(forked: Project):
    forked.dbsync("snapshot", "save", "full")
    forked.switch("main")
    forked.dbsync("snapshot", "restore", "full")
    sql(forked, "DELETE FROM t_f2")
    forked.dbsync("sync")
    forked.switch("feature")
    assert sql(forked, "SELECT name FROM t_f2") == []
    assert_follows(forked)


def test_rows_that_returned_since_are_on_the_shelf_again(forked: Project):
    forked.switch("main")
    forked.dbsync("snapshot", "save", "early")
    forked.switch("feature")
    forked.switch("-c", "other", "main")
    forked.dbsync("sync", "--to", "feature")
    forked.dbsync("snapshot", "restore", "early")
    assert_follows(forked)
    forked.switch("feature")
    assert sql(forked, "SELECT name FROM t_f2") == [("new",)]
    assert_follows(forked)


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


def test_one_of_another_branch_is_put_back_and_held_until_a_sync(forked: Project):
    before = dump(forked)
    forked.dbsync("snapshot", "save", "full")
    forked.switch("main")

    done = forked.dbsync("snapshot", "restore", "full")
    assert "held there" in done.err
    assert dump(forked) == before
    assert database_status(forked)["phantom"] == ["f2"]

    forked.dbsync("sync")
    assert_follows(forked)


def test_one_is_put_back_after_its_branch_is_gone(forked: Project):
    forked.dbsync("snapshot", "save", "full")
    forked.switch("main")
    forked.git("branch", "-D", "feature")
    forked.git("reflog", "expire", "--expire=now", "--all")
    forked.git("gc", "--quiet", "--prune=now")

    forked.dbsync("snapshot", "restore", "full")
    assert sql(forked, "SELECT name FROM t_f2") == [("new",)]

    forked.dbsync("sync")
    assert_follows(forked)


def test_they_are_listed_and_dropped(forked: Project):
    assert "there is no snapshot" in forked.dbsync("snapshot").err
    forked.dbsync("snapshot", "save", "one")
    forked.dbsync("snapshot", "save", "two")
    assert [(one["name"], one["branch"], one["heads"]) for one in saved(forked)] == [
        ("one", "feature", {"alembic_version": ["f2"]}),
        ("two", "feature", {"alembic_version": ["f2"]}),
    ]
    forked.dbsync("snapshot", "drop", "one")
    assert [one["name"] for one in saved(forked)] == ["two"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("save", "../x"), "cannot name a snapshot"),
        (("save",), "which snapshot?"),
        (("restore", "none"), "there is no snapshot none"),
        (("drop", "none"), "there is no snapshot none"),
    ],
)
def test_a_wrong_name_is_said_in_a_sentence(forked: Project, arguments: tuple[str, ...], said: str):
    done = forked.dbsync("snapshot", *arguments, check=False)
    assert (done.rc, said in done.err) == (2, True)


def test_a_name_is_not_taken_twice(forked: Project):
    forked.dbsync("snapshot", "save", "one")
    done = forked.dbsync("snapshot", "save", "one", check=False)
    assert (done.rc, "there is a snapshot one already" in done.err) == (1, True)


def test_a_revision_applied_by_plain_alembic_is_known_to_the_snapshot(forked: Project):
    forked.recorded = False
    path = forked.table("f3", "f2")
    forked.alembic("upgrade", "head")
    forked.dbsync("snapshot", "save", "with-f3")
    forked.dbsync("sync")
    path.unlink()
    forked.dbsync("sync")

    forked.dbsync("snapshot", "restore", "with-f3")
    assert database_status(forked)["current"] == ["f3"]
    assert codes(forked.dbsync("sync")) == []
    assert_follows(forked)


def test_a_file_that_is_gone_is_built_first(forked: Project):
    before = dump(forked)
    forked.dbsync("snapshot", "save", "full")
    forked.path("dev.db").unlink()

    done = forked.dbsync("snapshot", "restore", "full", check=False)
    assert (done.rc, "is not there any more" in done.err) == (1, True)

    forked.dbsync("sync")
    forked.dbsync("snapshot", "restore", "full")
    assert dump(forked) == before

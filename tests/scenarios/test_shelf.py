"""The shelf: what a downgrade loses is kept, and comes back with its revision, joined with what changed meanwhile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.branching import fork, run
from tests.support.following import codes

if TYPE_CHECKING:
    from tests.support.project import Project


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def either(request: pytest.FixtureRequest) -> Project:
    """Give an empty project on each engine."""
    return request.getfixturevalue("project" if request.param == "sqlite" else "postgres_project")


COLUMN = ('op.add_column("people", sa.Column("age", sa.Integer))', 'op.drop_column("people", "age")')
TABLE = (
    """
    op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("person", sa.Integer, sa.ForeignKey("people.id")), sa.Column("text", sa.Text))
    """,
    'op.drop_table("notes")',
)
PEOPLE = "INSERT INTO people (id, name, city, age) VALUES (1, 'Ada', 'London', 36), (2, 'Bob', 'Rome', NULL), (3, 'Cy', 'Oslo', 7)"
ALL = "SELECT id, name, city, age FROM people ORDER BY id"


def away(project: Project) -> str:
    done = project.switch("main")
    assert codes(done) == [], done.err
    return done.err


def back(project: Project) -> str:
    done = project.switch("feature")
    assert codes(done) == [], done.err
    return done.err


def test_a_column_comes_back_with_its_values(either: Project):
    fork(either, *COLUMN, PEOPLE)
    before = run(either, ALL)
    assert "1 column, 2 rows shelved" in away(either)
    assert "2 rows back" in back(either)
    assert run(either, ALL) == before


def test_what_was_written_meanwhile_stays_and_the_rest_returns(either: Project):
    fork(either, *COLUMN, PEOPLE)
    away(either)
    run(
        either,
        "UPDATE people SET city = 'Paris' WHERE id = 1",
        "DELETE FROM people WHERE id = 2",
        "INSERT INTO people (id, name, city) VALUES (9, 'Zoe', 'Bern')",
    )
    back(either)
    assert run(either, ALL) == [(1, "Ada", "Paris", 36), (3, "Cy", "Oslo", 7), (9, "Zoe", "Bern", None)]


def test_strangers_under_the_same_keys_get_nothing(either: Project):
    fork(either, *COLUMN, PEOPLE)
    away(either)
    run(
        either, "DELETE FROM people", "INSERT INTO people (id, name, city) VALUES (1, 'Dan', 'Ulm'), (3, 'Eve', 'Oslo')"
    )
    said = back(either)
    assert run(either, ALL) == [(1, "Dan", "Ulm", None), (3, "Eve", "Oslo", None)]
    assert "2 rows stay on the shelf: `dbsync shelf show 1`" in said


def test_a_table_comes_back_with_its_rows(either: Project):
    fork(either, *TABLE, PEOPLE.replace(", age", "").replace(", 36", "").replace(", NULL", "").replace(", 7", ""))
    run(either, "INSERT INTO notes VALUES (1, 1, 'one'), (2, 2, 'two'), (3, NULL, NULL)")
    before = run(either, "SELECT * FROM notes ORDER BY id")
    assert "1 table, 3 rows shelved" in away(either)
    run(either, "DELETE FROM people WHERE id = 2")
    said = back(either)
    assert run(either, "SELECT * FROM notes ORDER BY id") == [one for one in before if one[0] != 2]
    assert "2 rows back" in said
    assert "1 row stays on the shelf" in said


def test_rows_of_a_revision_that_is_amended_come_along(either: Project):
    fork(either, *COLUMN, PEOPLE)
    before = run(either, ALL)
    more = 'op.add_column("people", sa.Column("extra", sa.Text))', 'op.drop_column("people", "extra")'
    either.revision("f2", "r1", f"{COLUMN[0]}; {more[0]}", f"{COLUMN[1]}; {more[1]}")
    either.git("add", "--all")
    said = either.git("commit", "--quiet", "--amend", "--no-edit").err
    assert "1 column, 2 rows shelved  2 rows back" in said
    assert run(either, ALL) == before


def test_rows_come_back_over_several_branches_though_theirs_was_deleted_meanwhile(either: Project):
    fork(either, *COLUMN, PEOPLE)
    before, commit = run(either, ALL), either.rev("HEAD")
    away(either)
    either.switch("--quiet", "-c", "other")
    either.table("o2", "r1")
    either.commit("Add o2")
    run(either, "INSERT INTO t_o2 (id, name) VALUES (1, 'other')")
    either.git("branch", "--quiet", "-D", "feature")
    either.git("reflog", "expire", "--expire=now", "--all")
    assert "1 table, 1 row shelved" in either.switch("--detach", commit).err
    assert run(either, ALL) == before
    assert "1 row back" in either.switch("other").err
    assert run(either, "SELECT id, name FROM t_o2") == [(1, "other")]


DEATH = """
import os
if os.path.exists("die"):
    os._exit(9)
"""


def test_a_run_that_is_killed_right_after_its_commit_loses_nothing_and_returns_nothing_twice(either: Project):
    env = either.path("migrations/env.py")
    env.write_text(env.read_text() + DEATH)
    either.write(".gitignore", either.path(".gitignore").read_text() + "die\n")
    fork(either, *COLUMN, PEOPLE)
    before = run(either, ALL)
    die_on(either, "main")
    assert "being taken" in either.dbsync("shelf").out
    either.dbsync("sync")
    assert "2 of 2 rows" in either.dbsync("shelf").out
    assert "being taken" not in either.dbsync("shelf").out
    back(either)
    assert run(either, ALL) == before
    away(either)
    die_on(either, "feature")
    either.dbsync("sync")
    assert run(either, ALL) == before
    assert "2 of 2" not in either.dbsync("shelf").out


def die_on(project: Project, branch: str) -> None:
    """Switch; the project's Python dies right after the commit."""
    project.write("die", "")
    assert codes(project.switch(branch)) == ["DBS415"]
    project.remove("die")


def test_the_shelf_is_listed_shown_restored_and_dropped(project: Project):
    fork(project, *COLUMN, PEOPLE)
    away(project)
    run(project, "DELETE FROM people", "INSERT INTO people (id, name, city) VALUES (1, 'Dan', 'Ulm')")
    back(project)
    listed = project.dbsync("shelf").out
    assert listed.startswith("1  dev.db  f2  feature  people  2 of 2 rows")
    shown = project.dbsync("shelf", "show", "1").out
    assert "name='Cy', city='Oslo', age=7  its row is gone" in shown
    assert "name='Ada', city='London', age=36  the row with its key is another one" in shown
    stays = json.loads(project.dbsync("shelf", "show", "1", "--json").out)["entries"][0]["stays"]
    assert [one["row"]["id"] for one in stays] == [1, 3]
    assert "0 rows back, 2 rows stay" in project.dbsync("shelf", "restore", "1").err
    assert "1 row back, 1 row stays" in project.dbsync("shelf", "restore", "1", "--yes").err
    assert run(project, ALL) == [(1, "Dan", "Ulm", 36)]
    assert project.dbsync("shelf", "drop", "1", check=False).rc == 1
    (file,) = project.path(".git/dbsync/shelf").glob("*")
    assert file.stat().st_mode & 0o777 == 0o600
    project.dbsync("shelf", "drop", "1", "--yes")
    assert "empty" in project.dbsync("shelf", "list").err
    assert project.dbsync("shelf", "show", "1", check=False).rc == 2


def test_what_has_returned_is_kept_for_some_days(project: Project):
    fork(project, *COLUMN, PEOPLE)
    away(project)
    back(project)
    assert "all rows back" in project.dbsync("shelf").out
    project.git("config", "dbsync.shelfKeep", "0")
    away(project)
    back(project)
    assert "empty" in project.dbsync("shelf").err


def test_a_database_that_was_made_anew_gets_nothing_by_itself(project: Project):
    fork(project, *TABLE)
    run(project, "INSERT INTO notes VALUES (1, NULL, 'x')")
    away(project)
    project.path("dev.db").rename(project.path("old.db"))
    project.path("dev.db").touch()
    project.dbsync("sync")
    assert "back" not in back(project)
    assert run(project, "SELECT * FROM notes") == []
    assert "1 row back" in project.dbsync("shelf", "restore", "1").err
    assert run(project, "SELECT * FROM notes") == [(1, None, "x")]


def test_nothing_is_moved_where_the_shelf_cannot_be_written(project: Project):
    fork(project, *COLUMN, PEOPLE)
    project.write(".git/dbsync/shelf", "in the way")
    before = run(project, ALL)
    done = project.switch("main")
    assert "error: the shelf cannot be written, so nothing was moved" in done.err
    assert run(project, ALL) == before
    project.remove(".git/dbsync/shelf")
    assert "1 column, 2 rows shelved" in project.dbsync("sync").err

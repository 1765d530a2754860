"""The shelf: what a downgrade loses is kept, and comes back with its revision, joined with what changed meanwhile."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
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


ENTRIES = (
    """
    op.create_table("log", sa.Column("text", sa.Text))
    op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.Text))
    """,
    'op.drop_table("notes"); op.drop_table("log")',
)


def test_of_two_entries_the_older_one_only_adds_what_has_a_place(project: Project):
    fork(project, *ENTRIES)
    run(project, "INSERT INTO log VALUES ('old')", "INSERT INTO notes VALUES (1, 'old'), (3, 'three')")
    away(project)
    project.git("switch", "--quiet", "feature", env={"DBSYNC": "off"})
    project.alembic("upgrade", "head")
    run(project, "INSERT INTO log VALUES ('new')", "INSERT INTO notes VALUES (1, 'new'), (2, 'two')")
    project.dbsync("sync")
    away(project)
    said = back(project)
    assert run(project, "SELECT * FROM log ORDER BY 1") == [("new",), ("old",)]
    assert run(project, "SELECT * FROM notes ORDER BY id") == [(1, "new"), (2, "two"), (3, "three")]
    assert "1 row stays on the shelf: `dbsync shelf show 1`" in said
    assert "text='old'  another row has its key" in project.dbsync("shelf", "show", "1").out


def test_of_two_entries_the_older_one_puts_no_value_over_a_newer_one(project: Project):
    fork(project, *COLUMN, PEOPLE.replace("NULL", "5"))
    away(project)
    project.git("switch", "--quiet", "feature", env={"DBSYNC": "off"})
    project.alembic("upgrade", "head")
    run(project, "UPDATE people SET age = 40 WHERE id = 1", "UPDATE people SET age = 7 WHERE id = 3")
    project.dbsync("sync")
    away(project)
    said = back(project)
    assert run(project, "SELECT id, age FROM people ORDER BY id") == [(1, 40), (2, 5), (3, 7)]
    assert "1 row stays on the shelf: `dbsync shelf show 1`" in said
    assert "age=36  another value is there" in project.dbsync("shelf", "show", "1").out
    project.dbsync("shelf", "restore", "1")
    assert run(project, "SELECT age FROM people WHERE id = 1") == [(40,)]
    project.dbsync("shelf", "restore", "1", "--yes")
    assert run(project, "SELECT age FROM people WHERE id = 1") == [(36,)]


PLACES = (
    """
    op.create_table("place", sa.Column("person", sa.Integer, primary_key=True), sa.Column("town", sa.String(50)))
    op.execute("INSERT INTO place SELECT id, city FROM people")
    op.drop_column("people", "city")
    """,
    """
    op.add_column("people", sa.Column("city", sa.String(50)))
    op.execute("UPDATE people SET city = (SELECT town FROM place WHERE person = people.id)")
    op.drop_table("place")
    """,
)


def with_places(project: Project) -> None:
    fork(project, *PLACES, "INSERT INTO people (id, name) VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cy')")
    run(project, "INSERT INTO place VALUES (1, 'London'), (2, 'Rome'), (3, 'Oslo')")


def test_what_an_upgrade_makes_from_what_changed_meanwhile_stays(either: Project):
    with_places(either)
    away(either)
    run(
        either,
        "UPDATE people SET city = 'Paris' WHERE id = 2",
        "DELETE FROM people WHERE id = 3",
        "INSERT INTO people (id, name, city) VALUES (4, 'Di', 'Bern')",
    )
    said = back(either)
    assert run(either, "SELECT * FROM place ORDER BY 1") == [(1, "London"), (2, "Paris"), (4, "Bern")]
    assert "2 rows stay on the shelf" in said
    shown = either.dbsync("shelf", "show", "1").out
    assert "town='Rome'  made anew by the upgrade from what changed meanwhile" in shown
    assert "town='Oslo'  what the upgrade made it from is gone" in shown


def test_what_an_upgrade_makes_of_what_did_not_change_gives_way(either: Project):
    with_places(either)
    run(either, "DELETE FROM place WHERE person = 1", "INSERT INTO place VALUES (9, 'Ulm')")
    before = run(either, "SELECT * FROM place ORDER BY 1")
    away(either)
    run(either, "UPDATE people SET city = 'Paris' WHERE id = 2")
    back(either)
    assert run(either, "SELECT * FROM place ORDER BY 1") == [(2, "Paris"), *before[1:]]


COMMITTING = """
    if op.get_bind().dialect.name == "unknown":
        op.get_bind().commit()
"""


def test_where_nobody_knows_what_an_upgrade_makes_nothing_of_it_gives_way(either: Project):
    fork(either, PLACES[0] + COMMITTING, PLACES[1])
    run(either, "INSERT INTO people (id, name) VALUES (1, 'Ada'), (2, 'Bob')")
    run(either, "INSERT INTO place VALUES (1, 'London'), (9, 'Ulm')")
    away(either)
    run(either, "UPDATE people SET city = 'Paris' WHERE id = 1")
    back(either)
    assert run(either, "SELECT * FROM place ORDER BY 1") == [(1, "Paris"), (2, None), (9, "Ulm")]
    assert "town='London'  another row has its key" in either.dbsync("shelf", "show", "1").out


NO_KEY = (
    'op.create_table("tags", sa.Column("text", sa.Text)); op.execute("INSERT INTO tags SELECT city FROM people")',
    'op.drop_table("tags")',
)


def test_rows_without_a_key_are_told_by_what_is_in_them(either: Project):
    fork(either, *NO_KEY, "INSERT INTO people (id, name, city) VALUES (1, 'Ada', 'a'), (2, 'Bob', 'b'), (3, 'Cy', 'c')")
    run(either, "INSERT INTO tags VALUES ('b'), ('b'), ('c'), ('mine')")
    away(either)
    run(either, "DELETE FROM people WHERE id = 3", "UPDATE people SET city = 'new' WHERE id = 1")
    back(either)
    assert run(either, "SELECT * FROM tags ORDER BY 1") == [("b",), ("b",), ("mine",), ("new",)]
    assert "text='c'  what the upgrade made it from is gone" in either.dbsync("shelf", "show", "1").out


RETYPED = (
    'with op.batch_alter_table("people") as batch: batch.alter_column("code", type_=sa.Text, postgresql_using="code::text")',
    """
    with op.batch_alter_table("people") as batch:
        batch.alter_column("code", type_=sa.Integer, postgresql_using="length(code) - 3")
    """,
)
CODED = 'op.create_table("people", sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.Integer))'


def test_a_value_of_another_type_returns_only_where_the_column_was_not_written(either: Project):
    fork(either, *RETYPED, "INSERT INTO people VALUES (1, 'abc'), (2, 'xyz')", base=CODED)
    away(either)
    run(either, "UPDATE people SET code = 99 WHERE id = 1")
    said = back(either)
    assert run(either, "SELECT * FROM people ORDER BY id") == [(1, "99"), (2, "xyz")]
    assert "1 row stays on the shelf" in said
    assert "0 rows back, 1 row stays" in either.dbsync("shelf", "restore", "1").err
    assert run(either, "SELECT * FROM people ORDER BY id") == [(1, "99"), (2, "xyz")]


COUNTED = (
    'op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True), sqlite_autoincrement=True)',
    'op.drop_table("notes")',
)


def test_numbers_that_were_given_out_are_not_given_out_again(project: Project):
    fork(project, *COUNTED, "INSERT INTO notes VALUES (1), (2), (9)", "DELETE FROM notes WHERE id = 9")
    away(project)
    back(project)
    run(project, "INSERT INTO notes DEFAULT VALUES")
    assert run(project, "SELECT id FROM notes ORDER BY id") == [(1,), (2,), (10,)]


def test_the_error_of_a_disk_that_is_full_is_told(project: Project):
    up = 'op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.Text))'
    fork(project, up, 'op.drop_table("notes")')
    run(project, *(f"INSERT INTO notes VALUES ({number}, '{'x' * 2000}')" for number in range(3000)))
    away(project)
    with closing(sqlite3.connect(project.path("dev.db"), isolation_level=None)) as db:
        db.execute("VACUUM")
    project.git("config", "dbsync.interpreter", project.python)  # one that runs under the limit
    said = project.run("sh", "-c", "ulimit -f 4000; git switch feature", check=False).err
    assert "the upgrade of f2 failed and was rolled back: OperationalError: disk I/O error" in said
    project.dbsync("sync")
    assert run(project, "SELECT count(*) FROM notes") == [(3000,)]


STAMPED = (
    """
    op.create_table("roles", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.func.now()))
    op.execute("INSERT INTO roles (id, name) VALUES (1, 'reader'), (2, 'writer'), (3, 'owner')")
    """,
    'op.drop_table("roles")',
)


def test_a_seed_that_has_the_time_of_its_making_gives_way(either: Project):
    fork(either, *STAMPED, "UPDATE roles SET name = 'boss' WHERE id = 3", "DELETE FROM roles WHERE id = 2")
    before = run(either, "SELECT * FROM roles ORDER BY id")
    away(either)
    assert "stay" not in back(either)
    assert run(either, "SELECT * FROM roles ORDER BY id") == before


SESSION = (
    """
    from sqlalchemy.orm import Session

    op.create_table("roles", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))
    session = Session(bind=op.get_bind())
    session.execute(sa.text("INSERT INTO roles VALUES (1, 'reader'), (2, 'writer')"))
    session.commit()
    """,
    'op.drop_table("roles")',
)


def test_what_an_upgrade_seeds_through_a_session_gives_way(either: Project):
    fork(either, *SESSION, "UPDATE roles SET name = 'mine' WHERE id = 1", "DELETE FROM roles WHERE id = 2")
    away(either)
    assert "1 row back" in back(either)
    assert run(either, "SELECT * FROM roles") == [(1, "mine")]

"""Rows: what a downgrade would lose goes to the shelf, and what it would not lose is no alarm."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_follows, codes, dump, follow, sql
from tests.support.schema import state_of

if TYPE_CHECKING:
    from tests.support.project import Project

FOREIGN_KEYS_ON = """
import sqlalchemy
@sqlalchemy.event.listens_for(sqlalchemy.Engine, "connect")
def _on(dbapi, record):
    dbapi.execute("PRAGMA foreign_keys = ON")
"""


def turn_foreign_keys_on(project: Project) -> None:
    env = project.path("migrations/env.py")
    line = "\nconfig = context.config\n"
    assert line in env.read_text()
    env.write_text(env.read_text().replace(line, line + FOREIGN_KEYS_ON))


def with_feature(project: Project, up: str, down: str, *rows: str, base: str = "") -> Project:
    """Apply r1 (tables people and notes) on main and f2 (`up`, `down`) on feature; insert rows between the two."""
    project.revision(
        "r1",
        None,
        base
        or """
        op.create_table("people", sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("name", sa.String(50)), sa.Column("age", sa.Integer))
        op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("person", sa.Integer, sa.ForeignKey("people.id", ondelete="CASCADE")), sa.Column("text", sa.Text))
        """,
        'op.drop_table("notes"); op.drop_table("people")',
    )
    project.commit("Add r1")
    project.switch("--quiet", "-c", "feature")
    project.revision("f2", "r1", up, down)
    project.commit("Add f2")
    follow(project)
    if rows:
        sql(project, *rows)
    return project


PERSON = "INSERT INTO people (id, name, age) VALUES (1, 'Ada', 36), (2, 'Bob', NULL)"
NOTE = "INSERT INTO notes (id, person, text) VALUES (1, 1, 'hello'), (2, 2, NULL)"
TABLE = 'op.create_table("extra", sa.Column("id", sa.Integer, primary_key=True), sa.Column("x", sa.Text))'

LOSSES = {
    "drop table": (TABLE, 'op.drop_table("extra")', "INSERT INTO extra VALUES (1, 'x')"),
    "drop table by SQL": (TABLE, 'op.execute("DROP TABLE IF EXISTS extra")', "INSERT INTO extra VALUES (1, 'x')"),
    "drop column": (
        'op.add_column("people", sa.Column("x", sa.Text))',
        'op.drop_column("people", "x")',
        "INSERT INTO people (x) VALUES ('x')",
    ),
    "drop column in a batch": (
        'op.add_column("people", sa.Column("x", sa.Text))',
        'with op.batch_alter_table("people", recreate="always") as batch: batch.drop_column("x")',
        "INSERT INTO people (x) VALUES ('x')",
    ),
    "drop column by SQL": (
        'op.add_column("people", sa.Column("x", sa.Text))',
        """op.execute('alter table "people" drop "x"')""",
        "INSERT INTO people (x) VALUES ('x')",
    ),
    "delete": ("pass", 'op.execute("DELETE FROM people WHERE id = 1")', PERSON),
    "delete through the driver": (
        "pass",
        'op.get_bind().connection.cursor().execute("DELETE FROM people WHERE id = 1")',
        PERSON,
    ),
    "update": ("pass", "op.execute(\"UPDATE people SET name = 'x'\")", PERSON),
    "update of a table by SQLAlchemy": (
        "pass",
        'op.execute(sa.table("people", sa.column("name")).update().values(name="x"))',
        PERSON,
    ),
    "replace": ("pass", "op.execute(\"REPLACE INTO people (id, name) VALUES (1, 'x')\")", PERSON),
    "a copy that leaves rows out": (
        "pass",
        """
        op.execute("CREATE TABLE copy AS SELECT * FROM people WHERE age IS NOT NULL")
        op.execute("DROP TABLE people")
        op.execute("ALTER TABLE copy RENAME TO people")
        """,
        PERSON,
    ),
    "a copy that leaves a value out": (
        "pass",
        """
        op.execute("CREATE TABLE copy AS SELECT id, name, NULL AS age FROM people")
        op.execute("DROP TABLE people")
        op.execute("ALTER TABLE copy RENAME TO people")
        """,
        PERSON,
    ),
    "an empty table takes its place": (
        TABLE,
        'op.drop_table("people"); op.rename_table("extra", "people")',
        PERSON,
    ),
    "renamed, then dropped": (
        TABLE,
        'op.rename_table("extra", "other"); op.drop_table("other")',
        "INSERT INTO extra VALUES (1, 'x')",
    ),
    "a trigger that deletes": (
        "pass",
        """
        op.execute("CREATE TRIGGER gone AFTER INSERT ON notes BEGIN DELETE FROM people; END")
        op.execute("INSERT INTO notes (text) VALUES ('x')")
        op.execute("DROP TRIGGER gone")
        """,
        PERSON,
    ),
    "values become nothing through the driver": (
        "pass",
        """
        op.execute("CREATE INDEX ix ON people (age)")
        op.get_bind().connection.cursor().execute("UPDATE people SET age = NULL")
        """,
        PERSON,
    ),
    "one of two tables takes the other's name": (
        TABLE,
        'op.drop_table("extra"); op.rename_table("people", "extra"); op.rename_table("extra", "people")',
        "INSERT INTO extra VALUES (1, 'x')",
    ),
    "a day becomes a time by CAST": (
        'op.add_column("people", sa.Column("x", sa.Date))',
        'with op.batch_alter_table("people") as batch: batch.alter_column("x", type_=sa.DateTime)',
        "INSERT INTO people (x) VALUES ('2020-01-02')",
    ),
    "leading zeros": (
        'op.add_column("people", sa.Column("x", sa.Text))',
        'with op.batch_alter_table("people") as batch: batch.alter_column("x", type_=sa.Integer)',
        "INSERT INTO people (x) VALUES ('007')",
    ),
    "an insert that replaces": (
        "pass",
        "op.execute(\"INSERT INTO people (id, name) VALUES (1, 'x') ON CONFLICT DO UPDATE SET name = 'x'\")",
        PERSON,
    ),
    "text becomes a number": (
        'op.add_column("people", sa.Column("x", sa.Text))',
        'with op.batch_alter_table("people") as batch: batch.alter_column("x", type_=sa.Integer)',
        "INSERT INTO people (x) VALUES ('x')",
    ),
}


# What is changed in place is kept to be looked at: the upgrade does not say that it was to come back.
ONLY_KEPT = {
    "update",
    "update of a table by SQLAlchemy",
    "replace",
    "an insert that replaces",
}
# What is there afterwards is another schema, so that nothing is changed at all.
NO_WAY_BACK = {
    "an empty table takes its place",
    "a copy that leaves rows out",
    "a copy that leaves a value out",
    "leading zeros",
    "text becomes a number",
    "a day becomes a time by CAST",
    "values become nothing through the driver",
}


@pytest.mark.parametrize("name", LOSSES)
def test_what_a_downgrade_loses_goes_to_the_shelf_and_comes_back(project: Project, name: str):
    up, down, rows = LOSSES[name]
    with_feature(project, up, down, rows)
    before = dump(project)
    done = project.switch("main")
    if name in NO_WAY_BACK:
        assert codes(done) == ["DBS310"], done.err
        assert before == dump(project)
        return
    assert codes(done) == [], done.err
    assert "shelved" in done.err
    assert_follows(project)
    said = project.switch("feature").err
    assert_follows(project)
    assert (name in ONLY_KEPT) == (" on the shelf: " in said)
    if name not in ONLY_KEPT:
        assert rows_of(before) <= rows_of(dump(project))


def rows_of(lines: list[str]) -> set[str]:
    """Return what inserts the rows of a dump."""
    return {line for line in lines if line.startswith("INSERT INTO")}


TWO_COLUMNS = 'op.add_column("people", sa.Column("x", sa.Text)); op.create_index("ix", "people", ["name"])'
HARMLESS = {
    "an empty table is dropped": (TABLE, 'op.drop_table("extra")'),
    "a column that holds nothing is dropped": (
        'op.add_column("people", sa.Column("x", sa.Text))',
        'op.drop_column("people", "x")',
    ),
    "a column that holds nothing is dropped in a batch": (
        'op.add_column("people", sa.Column("x", sa.Text))',
        'with op.batch_alter_table("people") as batch: batch.drop_column("x")',
    ),
    "an index is dropped": ('op.create_index("ix", "people", ["name"])', 'op.drop_index("ix", "people")'),
    "a column is renamed back": (
        'op.alter_column("people", "name", new_column_name="title")',
        'op.alter_column("people", "title", new_column_name="name")',
    ),
    "a column is renamed back in a batch": (
        'with op.batch_alter_table("people") as batch: batch.alter_column("name", new_column_name="title")',
        'with op.batch_alter_table("people") as batch: batch.alter_column("title", new_column_name="name")',
    ),
    "a column is renamed twice": (
        'op.alter_column("people", "name", new_column_name="title")',
        """
        op.alter_column("people", "title", new_column_name="between")
        op.alter_column("people", "between", new_column_name="name")
        """,
    ),
    "a table is renamed back": ('op.rename_table("notes", "memos")', 'op.rename_table("memos", "notes")'),
    "a table is renamed twice": (
        'op.rename_table("notes", "memos")',
        'op.rename_table("memos", "between"); op.rename_table("between", "notes")',
    ),
    "a table is renamed, then its column": (
        'op.rename_table("notes", "memos"); op.alter_column("memos", "text", new_column_name="body")',
        'op.rename_table("memos", "notes"); op.alter_column("notes", "body", new_column_name="text")',
    ),
    "a string becomes shorter": (
        'with op.batch_alter_table("people") as batch: batch.alter_column("name", type_=sa.Text)',
        'with op.batch_alter_table("people") as batch: batch.alter_column("name", type_=sa.String(50))',
    ),
    "a number's type changes": (
        'with op.batch_alter_table("people") as batch: batch.alter_column("age", type_=sa.String(20))',
        'with op.batch_alter_table("people") as batch: batch.alter_column("age", type_=sa.Integer)',
    ),
    "a column stops being required": (
        """
        with op.batch_alter_table("notes") as batch:
            batch.alter_column("text", server_default="none")
        """,
        'with op.batch_alter_table("notes") as batch: batch.alter_column("text", server_default=None)',
    ),
    "the table is copied by Alembic": (
        'with op.batch_alter_table("people", recreate="always") as batch: batch.create_unique_constraint("u", ["age"])',
        'with op.batch_alter_table("people", recreate="always") as batch: batch.drop_constraint("u")',
    ),
    "the table is copied by hand": (
        "pass",
        """
        op.execute("CREATE TABLE copy AS SELECT * FROM people")
        op.execute("DROP TABLE people")
        op.execute("CREATE TABLE people (id INTEGER NOT NULL, name VARCHAR(50), age INTEGER, PRIMARY KEY (id))")
        op.execute("INSERT INTO people SELECT * FROM copy")
        op.execute("DROP TABLE copy")
        """,
    ),
    "a trigger is made again": (
        "pass",
        """
        op.execute("CREATE TRIGGER gone AFTER INSERT ON notes BEGIN DELETE FROM people; END")
        op.execute("DROP TRIGGER gone")
        """,
    ),
    "nothing matches an update": ("pass", "op.execute(\"UPDATE people SET name = 'x' WHERE id = 99\")"),
    "only reading": ("pass", 'op.get_bind().execute(sa.text("SELECT count(*) FROM people -- DELETE")).scalar()'),
    "a comment and a string say DELETE": (
        "pass",
        "op.execute(\"INSERT INTO notes (text) VALUES ('DELETE FROM people') -- DROP TABLE people\")",
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_downgrade_that_loses_nothing_is_no_alarm(project: Project, name: str):
    up, down = HARMLESS[name]
    people = PERSON.replace("name", "title") if '"title")' in up or '"title")' in up.split(";")[0] else PERSON
    notes = NOTE.replace("notes", "memos") if "memos" in up else NOTE
    notes = notes.replace("text", "body") if "body" in up else notes
    with_feature(project, up, down, people, notes)
    done = project.switch("main")
    assert codes(done) == [], done.err
    assert_follows(project)
    assert sql(project, "SELECT id, name FROM people ORDER BY id") == [(1, "Ada"), (2, "Bob")]
    assert sql(project, "SELECT id, person, text FROM notes WHERE id < 3 ORDER BY id") == [
        (1, 1, "hello"),
        (2, 2, None),
    ]


def test_children_keep_their_rows_when_their_parent_table_is_rebuilt_with_foreign_keys_on(project: Project):
    turn_foreign_keys_on(project)
    rebuild = 'with op.batch_alter_table("people", recreate="always") as batch: batch.alter_column("name", type_=sa.{})'
    with_feature(project, rebuild.format("Text"), rebuild.format("String(50)"), PERSON, NOTE)
    done = project.switch("main")
    assert codes(done) == []
    assert_follows(project)
    project.switch("feature")
    assert_follows(project)
    assert len(sql(project, "SELECT * FROM notes")) == 2


def test_rows_that_referred_to_nothing_before_are_no_obstacle(project: Project):
    turn_foreign_keys_on(project)
    with_feature(project, TABLE, 'op.drop_table("extra")', "INSERT INTO notes VALUES (1, 99, 'orphan')")
    done = project.switch("main")
    assert codes(done) == []
    assert_follows(project)


def test_rows_that_would_refer_to_nothing_are_an_obstacle(project: Project):
    turn_foreign_keys_on(project)
    with_feature(project, "pass", 'op.execute("INSERT INTO notes VALUES (5, 99, NULL)")', PERSON)
    before = dump(project)
    done = project.switch("main")
    assert codes(done) == ["DBS407"]
    assert before == dump(project)


VIRTUAL = ('op.execute("CREATE VIRTUAL TABLE words USING fts5(word)")', 'op.execute("DROP TABLE words")')


def test_yes_keeps_a_readable_copy_first_where_rows_cannot_go_to_the_shelf(project: Project):
    with_feature(project, *VIRTUAL, "INSERT INTO words VALUES ('x')", PERSON)
    before = dump(project)
    assert codes(project.switch("main")) == ["DBS305"]
    assert project.dbsync("ensure", check=False).rc == 1
    assert project.dbsync("sync", check=False).rc == 1
    assert before == dump(project)
    assert list(project.path(".git/dbsync/kept").glob("*")) == []
    done = project.dbsync("sync", "--yes")
    assert_follows(project)
    (kept,) = project.path(".git/dbsync/kept").glob("*")
    assert str(kept) in done.err
    assert kept.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(kept)) as db:
        assert before == list(db.iterdump())
    assert len(sql(project, "SELECT * FROM people")) == 2


def test_yes_keeps_what_lies_in_a_write_ahead_log(project: Project):
    with_feature(project, *VIRTUAL)
    with closing(sqlite3.connect(project.path("dev.db"))) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("INSERT INTO words VALUES ('in the log')")
        db.commit()
        project.switch("main")
        project.dbsync("sync", "--yes")
    assert_follows(project)
    (kept,) = project.path(".git/dbsync/kept").glob("*.sqlite")
    with closing(sqlite3.connect(kept)) as db:
        assert db.execute("SELECT * FROM words").fetchall() == [("in the log",)]


def test_yes_keeps_nothing_where_nothing_is_lost(project: Project):
    with_feature(project, TABLE, 'op.drop_table("extra")', PERSON)
    project.git("switch", "main", env={"DBSYNC": "off"})
    project.dbsync("sync", "--yes")
    assert_follows(project)
    assert list(project.path(".git/dbsync/kept").glob("*")) == []


def test_nothing_is_left_on_the_shelf_where_the_move_fails(project: Project):
    with_feature(project, TABLE, 'op.drop_table("extra")', "INSERT INTO extra VALUES (1, 'x')")
    project.git("switch", "--quiet", "main", env={"DBSYNC": "off"})
    project.revision("m2", "r1", 'op.execute("no SQL")')
    before = dump(project)
    done = project.dbsync("sync", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS413"])
    assert before == dump(project)
    assert list(project.path(".git/dbsync/shelf").glob("*")) == []
    assert state_of(project.database).versions == ("f2",)

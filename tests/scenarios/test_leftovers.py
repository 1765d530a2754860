"""What a downgrade leaves behind is cleared away or named; one that goes back is never refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dbsync.ledger import file as ledger_file
from tests.support.following import assert_follows, codes, dump, follow, ledger_path, sql, state
from tests.support.schema import state_of, versions_of

if TYPE_CHECKING:
    from tests.support.project import Project

PEOPLE = """
op.create_table("people", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(50), nullable=False), sa.Column("age", sa.Integer, server_default="0"),
    sa.Column("team", sa.Integer, sa.ForeignKey("teams.id", name="fk_team")), sa.UniqueConstraint("name", name="uq_name"),
    sa.Column("nick", sa.Text, nullable=False, server_default="?"))
op.create_index("ix_age", "people", ["age"])
"""
TEAMS = """
op.create_table("teams", sa.Column("id", sa.Integer, primary_key=True), sa.Column("label", sa.Text),
    sa.Column("made", sa.DateTime, server_default=sa.text("CURRENT_TIMESTAMP")), sa.CheckConstraint("id > 0", name="ck_id"))
"""
PERSON = "INSERT INTO people (id, name, age) VALUES (1, 'Ada', 36), (2, 'Bob', NULL)"


def on_feature(project: Project, up: str, down: str, *rows: str) -> Project:
    """Apply r1 and r2 (teams, people) on main, then f3 (`up`, `down`) on feature; insert rows after that."""
    project.revision("r1", None, TEAMS, 'op.drop_table("teams")')
    project.revision("r2", "r1", PEOPLE, 'op.drop_index("ix_age", "people"); op.drop_table("people")')
    project.commit("Start")
    follow(project)
    project.switch("--quiet", "-c", "feature")
    project.revision("f3", "r2", up, down)
    project.commit("Add f3")
    project.dbsync("sync")
    assert_follows(project)
    if rows:
        sql(project, *rows)
    return project


def there_and_back(project: Project) -> str:
    """Switch to main and back, twice, and return what was said on the way."""
    said = ""
    for name in ["main", "feature"] * 2:
        done = project.switch(name)
        assert codes(done) == [], done.err
        assert_follows(project)
        said += done.err
    return said


EXTRA = 'op.create_table("extra", sa.Column("id", sa.Integer, primary_key=True), sa.Column("x", sa.Text))\n'
INDEX = 'op.create_index("ix_x", "extra", ["x"])\n'
COLUMN = 'op.add_column("people", sa.Column("email", sa.Text))\n'

LEFT = {
    "an index": (EXTRA + 'op.create_index("ix_name", "people", ["name"])', 'op.drop_table("extra")', "index ix_name"),
    "an empty table": (EXTRA + INDEX + COLUMN, 'op.drop_column("people", "email")', "table extra"),
    "a column without values": (EXTRA + COLUMN, 'op.drop_table("extra")', "column people.email"),
    "a column with an index": (
        EXTRA + COLUMN + 'op.create_index("ix_email", "people", ["email"])',
        'op.drop_table("extra")',
        "index ix_email, column people.email",
    ),
    "a view": (
        EXTRA + 'op.execute("CREATE VIEW adults AS SELECT * FROM people")',
        'op.drop_table("extra")',
        "view adults",
    ),
    "a trigger": (
        EXTRA + 'op.execute("CREATE TRIGGER t AFTER INSERT ON people BEGIN SELECT 1; END")',
        'op.drop_table("extra")',
        "trigger t",
    ),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_holds_no_rows_is_cleared_away_and_said(project: Project, what: str):
    up, down, named = LEFT[what]
    on_feature(project, up, down, PERSON)

    said = there_and_back(project)

    assert said.count(f"note: cleared away what downgrades left behind: {named}\n") == 2, said
    assert sql(project, "SELECT name FROM people") == [("Ada",), ("Bob",)]


FILLED = {
    "a table": (EXTRA + COLUMN, 'op.drop_column("people", "email")', "INSERT INTO extra (x) VALUES ('kept')", "extra"),
    "a column": (
        EXTRA + COLUMN,
        'op.drop_table("extra")',
        "UPDATE people SET email = 'kept' WHERE id = 1",
        "people.email",
    ),
}


@pytest.mark.parametrize("what", FILLED)
def test_what_holds_rows_is_kept_before_it_is_cleared_away(project: Project, what: str):
    up, down, row, named = FILLED[what]
    on_feature(project, up, down, PERSON, row)
    rows = "SELECT * FROM extra", "SELECT * FROM people"
    before = [sql(project, one) for one in rows]

    done = project.switch("main")
    assert codes(done) == []
    assert "cleared away what downgrades left behind" in done.err
    assert named in done.err
    assert "1 row shelved" in done.err or "2 rows shelved" in done.err
    assert_follows(project)

    project.switch("feature")
    assert_follows(project)
    assert [sql(project, one) for one in rows] == before


BATCH = 'with op.batch_alter_table("people") as batch:\n    '
LOSSY = {
    "a column back as nullable": (
        BATCH + 'batch.drop_column("nick")',
        BATCH + 'batch.add_column(sa.Column("nick", sa.Text, server_default="?"))',
        "column people.nick is TEXT default '?', was TEXT not null default '?'",
    ),
    "a column back without its default": (
        BATCH + 'batch.drop_column("nick")',
        BATCH + 'batch.add_column(sa.Column("nick", sa.Text, nullable=False))',
        "column people.nick is TEXT not null, was TEXT not null default '?'",
    ),
    "a column back with another type": (
        BATCH + 'batch.alter_column("age", type_=sa.BigInteger, existing_type=sa.Integer)',
        BATCH + 'batch.alter_column("age", type_=sa.SmallInteger, existing_type=sa.BigInteger)',
        "column people.age is SMALLINT default '0', was INTEGER default '0'",
    ),
    "an index not back": (
        EXTRA + 'op.drop_index("ix_age", "people")',
        'op.drop_table("extra")',
        "index ix_age on people (age) is not back",
    ),
    "a table not back": (
        'op.rename_table("people", "persons")',
        'op.drop_table("persons")',
        "table people is not back",
    ),
    "more than there was": (COLUMN, 'op.drop_column("people", "email")\n' + EXTRA, "table extra stays"),
    "a constraint of another revision": (
        COLUMN,
        BATCH + 'batch.drop_column("email")\n    batch.drop_constraint("uq_name", type_="unique")',
        "unique index on people (name) is not back",
    ),
}


@pytest.mark.parametrize("what", LOSSY)
def test_what_does_not_go_back_is_named_and_nothing_changed(project: Project, what: str):
    up, down, named = LOSSY[what]
    on_feature(project, up, down)
    before = dump(project)

    done = project.switch("main")
    assert codes(done) == ["DBS310"], done.err
    assert f"the downgrade of f3 does not go back: {named}" in done.err
    assert "dbsync sync --yes" in done.err
    assert dump(project) == before
    done = project.dbsync("sync", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS310"])
    assert dump(project) == before

    project.switch("feature")
    assert_follows(project)


def test_sync_yes_goes_on_and_says_what_differs(project: Project):
    up, down, named = LOSSY["a column back as nullable"]
    on_feature(project, up, down)
    project.switch("main")

    done = project.dbsync("sync", "--yes")

    assert f"note: the downgrade of f3 does not go back: {named}" in done.err
    assert versions_of(project.database) == ("r2",)


FAITHFUL = {
    "a table": (EXTRA + INDEX, 'op.drop_index("ix_x", "extra")\nop.drop_table("extra")'),
    "a column": (COLUMN, 'op.drop_column("people", "email")'),
    "a column, in a batch": (COLUMN, BATCH + 'batch.drop_column("email")'),
    "a column both ways in batches": (
        BATCH + 'batch.add_column(sa.Column("email", sa.Text, nullable=False, server_default="x"))',
        BATCH + 'batch.drop_column("email")',
    ),
    "a column dropped": (
        BATCH + 'batch.drop_column("team")',
        BATCH
        + 'batch.add_column(sa.Column("team", sa.Integer))\n'
        + '    batch.create_foreign_key("fk_team", "teams", ["team"], ["id"])',
    ),
    "a type": (
        BATCH + 'batch.alter_column("name", type_=sa.Text, existing_type=sa.String(50))',
        BATCH + 'batch.alter_column("name", type_=sa.String(50), existing_type=sa.Text)',
    ),
    "nullability": (
        BATCH + 'batch.alter_column("name", nullable=True, existing_type=sa.String(50))',
        BATCH + 'batch.alter_column("name", nullable=False, existing_type=sa.String(50))',
    ),
    "a default": (
        BATCH + 'batch.alter_column("age", server_default="7", existing_type=sa.Integer)',
        BATCH + 'batch.alter_column("age", server_default="0", existing_type=sa.Integer)',
    ),
    "names": (
        'op.rename_table("people", "persons")\nop.alter_column("persons", "name", new_column_name="title")',
        'op.alter_column("persons", "title", new_column_name="name")\nop.rename_table("persons", "people")',
    ),
    "a constraint": (
        BATCH + 'batch.create_unique_constraint("uq_both", ["name", "age"])',
        BATCH + 'batch.drop_constraint("uq_both", type_="unique")',
    ),
    "a whole table dropped": ('op.drop_index("ix_age", "people")\nop.drop_table("people")', PEOPLE),
    "rows alone": ('op.execute("INSERT INTO teams (label) VALUES (1)")', 'op.execute("SELECT 1")'),
}


@pytest.mark.parametrize("what", FAITHFUL)
def test_a_downgrade_that_goes_back_is_never_refused(project: Project, what: str):
    on_feature(project, *FAITHFUL[what])

    assert "note:" not in there_and_back(project)


def test_a_virtual_table_goes_with_what_its_module_made(project: Project):
    on_feature(project, 'op.execute("CREATE VIRTUAL TABLE words USING fts5(word)")', 'op.execute("DROP TABLE words")')
    assert codes(project.switch("main")) == ["DBS305"]  # its module keeps rows of its own

    done = project.dbsync("sync", "--yes")

    assert "note:" not in done.err
    assert_follows(project)


def test_what_a_later_downgrade_takes_away_is_no_leftover(project: Project):
    """The one that made a table forgets it, the one before it drops it: nothing is left in the end."""
    on_feature(project, EXTRA, 'op.drop_table("extra")')
    project.revision("f4", "f3", 'op.create_table("later", sa.Column("id", sa.Integer))', 'op.execute("SELECT 1")')
    project.revision("f3", "r2", EXTRA, 'op.drop_table("extra")\nop.execute("DROP TABLE IF EXISTS later")')
    project.commit("Add f4")
    project.dbsync("sync")

    assert "note:" not in there_and_back(project)


def test_a_change_by_hand_is_nobodys_leftover(project: Project):
    on_feature(project, EXTRA, 'op.drop_table("extra")')
    sql(project, "ALTER TABLE extra ADD COLUMN mine TEXT", "CREATE INDEX mine ON extra (mine)", "CREATE TABLE own (id)")

    done = project.switch("main")

    assert codes(done) == []
    assert "note:" not in done.err
    assert [name for (name,) in sql(project, "SELECT name FROM sqlite_master WHERE name IN ('extra', 'own')")] == [
        "own"
    ]


def test_what_was_made_by_hand_follows_a_table_that_is_renamed(project: Project):
    on_feature(project, *FAITHFUL["names"])
    sql(project, "CREATE INDEX mine ON persons (age)", "ALTER TABLE persons ADD COLUMN own TEXT")

    done = project.switch("main")

    assert codes(done) == []
    assert versions_of(project.database) == ("r2",)


def test_an_upgrade_that_meets_what_was_left_before_says_so(project: Project):
    on_feature(project, EXTRA, 'op.drop_table("extra")')
    project.switch("main")
    sql(project, "CREATE TABLE extra (id)")

    done = project.switch("feature")

    assert codes(done) == ["DBS413"]
    assert "already exists" in done.err
    assert "where the database is ahead of its version table `alembic stamp` says so" in done.err


def test_a_revision_that_plain_alembic_applied_is_not_judged(project: Project):
    on_feature(project, COLUMN, 'op.drop_column("people", "email")')
    project.environ["DBSYNC"] = "off"
    project.revision("f4", "f3", EXTRA, 'op.execute("SELECT 1")')
    project.commit("Add f4")
    project.alembic("upgrade", "head")
    del project.environ["DBSYNC"]

    done = project.switch("main")

    assert codes(done) == []
    assert versions_of(project.database) == ("r2",)
    assert "table extra" in state_of(project.database).schema


def test_a_rewritten_revision_leaves_nothing_of_its_old_form(project: Project):
    on_feature(project, EXTRA + INDEX, 'op.execute("SELECT 1")')
    project.revision("f3", "r2", EXTRA.replace('"x"', '"y"'), 'op.drop_table("extra")')

    project.commit("Rewrite f3")

    assert_follows(project)


def test_a_ledger_of_the_format_before_is_brought_to_this_one(project: Project):
    on_feature(project, *FAITHFUL["a table"])
    with closing(sqlite3.connect(ledger_path(project))) as db:
        db.execute("DROP TABLE change")
        db.execute("PRAGMA user_version = 1")

    assert state(project) == "in_sync"
    there_and_back(project)

    with closing(sqlite3.connect(ledger_path(project))) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (ledger_file.FORMAT,)
        assert set(db.execute("SELECT id FROM change").fetchall()) == {("f3",)}


@pytest.mark.parametrize("recorded", [True, False])
def test_what_was_applied_before_init_is_known_from_the_fresh_build(project: Project, recorded: bool):
    project.recorded = recorded
    project.table("r1")
    project.revision("r2", "r1", 'op.create_index("ix", "t_r1", ["name"])', "op.get_bind()")
    project.commit("Both")
    project.alembic("upgrade", "head")
    project.dbsync("init", "--yes")
    project.switch("--quiet", "-c", "without")
    project.remove(project.revision_path("r2"))

    project.commit("Without r2")

    assert_follows(project)

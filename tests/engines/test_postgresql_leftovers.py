"""What a downgrade leaves behind on PostgreSQL: types above all, which autogenerate never drops."""

from __future__ import annotations

import pytest

from tests.engines.branches import hooks_off, start
from tests.engines.env_files import use_template
from tests.support.following import codes
from tests.support.schema import assert_in_sync, connect, state_of, versions_of

pytestmark = pytest.mark.postgres

MOOD = 'sa.Column("mood", sa.Enum("calm", "loud", name="mood"))'
ORDERS = f'op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True), {MOOD})'
MOODS = """
op.execute("CREATE TYPE mood AS ENUM ('calm', 'loud')")
op.add_column("users", sa.Column("mood", sa.ARRAY(sa.Enum("calm", "loud", name="mood", create_type=False))))
"""


def on_feature(project, up, down, *, applied=True):
    """Leave `main` (users) and, checked out, `feature` with f2 on top, by dbsync unless told."""
    start(project)
    project.switch("-c", "feature")
    project.revision("f2", "r1", up, down)
    project.commit("Add f2")
    if applied:
        project.dbsync("sync")
        assert_in_sync(project)
    return project


def there_and_back(project, times=1):
    """Switch to main and back, and return what was said on the way."""
    said = ""
    for name in ["main", "feature"] * times:
        done = project.switch(name)
        assert codes(done) == [], done.err
        assert_in_sync(project, ignore_column_order=True)
        said += done.err
    return said


def sql(project, *statements):
    with connect(project.url) as connection:
        connection.read_only = False
        for statement in statements:
            connection.execute(statement)


LEFT = {
    "the type of a table": (ORDERS, 'op.drop_table("orders")', "type mood"),
    "the type of a column of arrays": (MOODS, 'op.drop_column("users", "mood")', "type mood"),
    "a table and all that is in it": (
        ORDERS + '\nop.create_index("ix_mood", "orders", ["mood"])',
        'op.execute("SELECT 1")',
        "table orders, type mood",
    ),
    "an index": ('op.create_index("ix_name", "users", ["name"])', 'op.execute("SELECT 1")', "index ix_name"),
    "a constraint": (
        'op.create_unique_constraint("uq_name", "users", ["name"])',
        'op.execute("SELECT 1")',
        "constraint uq_name",
    ),
    "a column": (
        'op.add_column("users", sa.Column("age", sa.Integer, sa.ForeignKey("users.id")))',
        'op.execute("SELECT 1")',
        "constraint users_age_fkey, column users.age",
    ),
    "a sequence": ('op.execute("CREATE SEQUENCE numbers")', 'op.execute("SELECT 1")', "sequence numbers"),
    "a domain": (
        "op.execute('CREATE DOMAIN positive AS int CHECK (VALUE > 0)')",
        'op.execute("SELECT 1")',
        "type positive",
    ),
    "a view and a trigger": (
        """
        op.execute("CREATE VIEW named AS SELECT name FROM users")
        op.execute("CREATE TRIGGER same BEFORE UPDATE ON users EXECUTE FUNCTION suppress_redundant_updates_trigger()")
        """,
        'op.execute("SELECT 1")',
        "trigger same, view named",
    ),
    "names that want quotes": (
        """op.create_table("Odd one", sa.Column("id", sa.Integer), sa.Column("The Mood", sa.Enum("a", name="The Type")))
        op.create_index("Odd index", "users", ["name"], unique=True)""".replace("\n        ", "\n"),
        'op.execute("SELECT 1")',
        "index Odd index, table Odd one, type The Type",
    ),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_holds_no_rows_is_cleared_away_and_said(postgres_project, what):
    up, down, named = LEFT[what]
    project = on_feature(postgres_project, up, down)

    said = there_and_back(project)

    assert f"note: cleared away what downgrades left behind: {named}\n" in said


def test_a_type_goes_and_comes_as_often_as_its_branch(postgres_project):
    project = on_feature(postgres_project, ORDERS, 'op.drop_table("orders")')

    assert there_and_back(project, times=2).count("left behind: type mood\n") == 2


def test_a_type_that_a_table_made_by_hand_has_stays(postgres_project):
    project = on_feature(postgres_project, ORDERS, 'op.drop_table("orders")')
    sql(project, "CREATE TABLE own (id int, mood mood)")

    done = project.switch("main")

    assert codes(done) == []
    assert "note:" not in done.err
    assert {"enum public.mood", "relation public.own"} <= set(state_of(project.url).schema)


SHARED = """
op.execute("DO $$ BEGIN CREATE TYPE mood AS ENUM ('calm', 'loud'); EXCEPTION WHEN duplicate_object THEN NULL; END $$")
op.create_table("{0}", sa.Column("id", sa.Integer, primary_key=True))
op.execute("ALTER TABLE {0} ADD COLUMN mood mood")
"""


def test_a_type_that_a_revision_needs_which_stays_is_no_leftover(postgres_project):
    """Two revision branches make it where it is not there: the one that goes must not take it from the other."""
    project = postgres_project
    project.write("pyproject.toml", "[tool.dbsync]\nheads = 2\n")
    start(project)
    project.switch("-c", "feature")
    project.revision("a2", "r1", SHARED.format("orders"), 'op.drop_table("orders")')
    project.commit("Add a2")
    project.dbsync("sync")
    project.revision("b2", "r1", SHARED.format("notes"), 'op.drop_table("notes")')
    project.commit("Add b2")
    project.dbsync("sync")
    project.git("rm", "--quiet", "migrations/versions/a2_.py")
    with hooks_off(project):
        project.commit("Drop a2")

    done = project.dbsync("sync")

    assert versions_of(project.url) == ("b2",)
    assert "note:" not in done.err
    assert_in_sync(project)


def test_a_type_that_a_revision_below_made_stays(postgres_project):
    project = postgres_project
    start(project)
    project.revision(
        "r2", "r1", "op.execute(\"CREATE TYPE mood AS ENUM ('calm', 'loud')\")", 'op.execute("DROP TYPE mood")'
    )
    project.commit("Add a type")
    project.dbsync("sync")
    project.switch("-c", "feature")
    added = 'op.add_column("users", sa.Column("mood", sa.Enum("calm", "loud", name="mood", create_type=False)))'
    project.revision("f3", "r2", added, 'op.drop_column("users", "mood")')
    project.commit("Add f3")
    project.dbsync("sync")

    assert "note:" not in there_and_back(project)


def test_the_type_of_a_revision_that_plain_alembic_applied_is_cleared_away(postgres_project):
    project = on_feature(postgres_project, ORDERS, 'op.drop_table("orders")', applied=False)
    project.alembic("downgrade", "r1")
    sql(project, "DROP TYPE mood")
    project.alembic("upgrade", "head")

    assert "left behind: type mood" in there_and_back(project)


def test_such_a_type_stays_where_a_revision_that_stays_speaks_of_it(postgres_project):
    project = postgres_project
    start(project)
    project.revision(
        "r2", "r1", "op.execute(\"CREATE TYPE mood AS ENUM ('calm', 'loud')\")", 'op.execute("DROP TYPE mood")'
    )
    project.commit("Add a type")
    project.switch("-c", "feature")
    added = 'op.add_column("users", sa.Column("mood", sa.Enum("calm", "loud", name="mood", create_type=False)))'
    project.revision("f3", "r2", added, 'op.drop_column("users", "mood")')
    project.commit("Add f3")
    project.alembic("upgrade", "head")

    assert "note:" not in there_and_back(project)


def test_a_rewritten_type_gets_its_new_values(postgres_project):
    project = on_feature(postgres_project, ORDERS, 'op.drop_table("orders")')

    project.revision("f2", "r1", ORDERS.replace('"loud"', '"loud", "wild"'), 'op.drop_table("orders")')
    done = project.commit("A third mood")

    assert done
    assert_in_sync(project)
    there_and_back(project)


def test_a_filled_table_is_kept_before_it_is_cleared_away(postgres_project):
    project = on_feature(postgres_project, ORDERS, 'op.execute("SELECT 1")')
    sql(project, "INSERT INTO orders (mood) VALUES ('calm')")

    done = project.switch("main")
    assert codes(done) == []
    assert "1 table, 1 row shelved" in done.err
    assert_in_sync(project)


LOSSY = {
    "a column back as nullable": (
        'op.drop_column("users", "nick")',
        'op.add_column("users", sa.Column("nick", sa.Text))',
        "column users.nick is text, was text not null",
    ),
    "a type": (
        'op.alter_column("users", "nick", type_=sa.String(9))',
        'op.alter_column("users", "nick", type_=sa.String(5))',
        "column users.nick is character varying(5) not null, was text not null",
    ),
    "a value of a type": (
        "op.execute(\"ALTER TYPE kind ADD VALUE 'c'\")",
        'op.execute("SELECT 1")',
        "enum kind is a, b, c, was a, b",
    ),
    "a constraint": (
        'op.drop_constraint("uq_nick", "users")',
        'op.create_unique_constraint("uq_nick", "users", ["nick", "id"])',
        "constraint users uq_nick is UNIQUE (nick, id), was UNIQUE (nick)",
    ),
}


@pytest.mark.parametrize("what", LOSSY)
def test_what_does_not_go_back_is_named_and_nothing_changed(postgres_project, what):
    project = postgres_project
    up, down, named = LOSSY[what]
    project.table("r1", name="users")
    more = """
    op.add_column("users", sa.Column("nick", sa.Text, nullable=False))
    op.create_unique_constraint("uq_nick", "users", ["nick"])
    op.execute("CREATE TYPE kind AS ENUM ('a', 'b')")
    """
    project.revision("r2", "r1", more, 'op.drop_column("users", "nick"); op.execute("DROP TYPE kind")')
    project.commit("Start")
    project.alembic("upgrade", "heads")
    project.dbsync("init", "--yes")
    project.switch("-c", "feature")
    project.revision("f3", "r2", up, down)
    project.commit("Add f3")
    project.dbsync("sync")
    before = state_of(project.url)

    done = project.switch("main")

    assert codes(done) == ["DBS310"], done.err
    assert f"the downgrade of f3 does not go back: {named}" in done.err
    assert state_of(project.url) == before
    assert f"note: the downgrade of f3 does not go back: {named}" in project.dbsync("sync", "--yes").err
    assert versions_of(project.url) == ("r2",)


FAITHFUL = {
    "renames": (
        'op.rename_table("users", "people")\nop.alter_column("people", "name", new_column_name="title")',
        'op.alter_column("people", "title", new_column_name="name")\nop.rename_table("people", "users")',
    ),
    "a type with its type": (MOODS, 'op.drop_column("users", "mood")\nop.execute("DROP TYPE mood")'),
    "a dropped column": (
        'op.drop_column("users", "name")',
        'op.add_column("users", sa.Column("name", sa.String(50)))',
    ),
    "a serial column": (
        'op.create_table("more", sa.Column("id", sa.Integer, primary_key=True), sa.Column("owner", sa.Integer, sa.ForeignKey("users.id")))',
        'op.drop_table("more")',
    ),
    "a search path": (
        'op.execute("CREATE SCHEMA app")\nop.execute("SET LOCAL search_path TO app, public")\n' + MOODS,
        'op.drop_column("users", "mood")\nop.execute("DROP SCHEMA app CASCADE")',
    ),
    "an extension": (
        'op.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")',
        'op.execute("DROP EXTENSION pg_stat_statements")',
    ),
}


@pytest.mark.parametrize("what", FAITHFUL)
def test_a_downgrade_that_goes_back_is_never_refused(postgres_project, what):
    project = on_feature(postgres_project, *FAITHFUL[what])

    assert "note:" not in there_and_back(project)


def test_what_an_extension_brings_is_its_own(postgres_project):
    project = on_feature(
        postgres_project, 'op.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")', 'op.execute("SELECT 1")'
    )

    done = project.switch("main")

    assert codes(done) == []
    assert "note:" not in done.err


@pytest.mark.parametrize("driver", ["psycopg2", "asyncpg"])
def test_it_is_the_same_with_other_drivers(make_project, postgres, postgres_database, driver):
    project = make_project(url=postgres.url(postgres_database.name, driver))
    if driver == "asyncpg":
        use_template(project, "async")
    project = on_feature(project, ORDERS, 'op.drop_table("orders")')

    assert "left behind: type mood\n" in there_and_back(project)

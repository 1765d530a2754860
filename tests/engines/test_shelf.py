"""What the shelf takes and puts back on either engine, revision by revision; without Git."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.support.shelf import ENGINES, Bench, Change, bench

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE = Change(
    "r1",
    "op.create_table('people', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(50)),"
    " sa.Column('city', sa.String(50)))",
    "op.drop_table('people')",
)
THREE = "INSERT INTO people (id, name, city) VALUES (1, 'Ada', 'London'), (2, 'Bob', 'Rome'), (3, 'Cy', 'Oslo')"
ALL = "SELECT * FROM people ORDER BY id"


def sql(*statements: str) -> str:
    """Return the code of a migration that runs statements."""
    return "\n".join(f"op.execute({statement!r})" for statement in statements)


@pytest.fixture(params=ENGINES)
def one(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with bench(request.param) as made:
        yield made


@pytest.fixture
def people(one: Bench) -> Bench:
    one.move(up=(PEOPLE,))
    one.run(THREE)
    return one


def there_and_back(made: Bench, *steps: Change) -> None:
    made.move(down=steps[::-1])
    made.move(up=steps)


AGE = Change("f2", "op.add_column('people', sa.Column('age', sa.Integer))", "op.drop_column('people', 'age')")
WAYS = {
    "an operation": "op.drop_column('people', 'age')",
    "SQL": sql('ALTER TABLE "people" DROP COLUMN age'),
    "a batch": "with op.batch_alter_table('people', recreate='always') as batch: batch.drop_column('age')",
    "a copy by hand": sql(
        "CREATE TABLE other AS SELECT id, name, city FROM people",
        "DROP TABLE people",
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(50), city VARCHAR(50))",
        "INSERT INTO people SELECT * FROM other",
        "DROP TABLE other",
    ),
    "the driver": "op.get_bind().connection.cursor().execute('ALTER TABLE people DROP COLUMN age')",
    "a renamed column": (
        "op.alter_column('people', 'age', new_column_name='years')\nop.drop_column('people', 'years')"
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_column_comes_back_whatever_way_it_went(people: Bench, way: str):
    age = AGE._replace(down=WAYS[way])
    people.move(up=(age,))
    people.run("UPDATE people SET age = id * 10 WHERE id < 3")
    before = people.run(ALL)
    there_and_back(people, age)
    assert people.run("SELECT id, name, city, age FROM people ORDER BY id") == before
    assert people.left() == 0


DELETING = {
    "DELETE": sql("DELETE FROM people WHERE id < 3"),
    "all rows": sql("DELETE FROM people"),
    "the driver": "op.get_bind().connection.cursor().execute('DELETE FROM people')",
    "a trigger": "",
}


@pytest.mark.parametrize("way", ["DELETE", "all rows", "the driver"])
def test_rows_that_a_downgrade_deletes_come_back(people: Bench, way: str):
    before = people.run(ALL)
    change = Change("f2", "pass", DELETING[way])
    people.move(up=(change,))
    there_and_back(people, change)
    assert people.run(ALL) == before
    assert people.left() == 0


@pytest.mark.postgres
@pytest.mark.parametrize(
    "statement",
    ["TRUNCATE people", "DO $$ BEGIN DELETE FROM people; END $$", "DO $$ BEGIN EXECUTE 'TRUNCATE people'; END $$"],
)
def test_rows_come_back_from_truncate_and_blocks(statement: str):
    with bench("postgresql") as made:
        made.move(up=(PEOPLE,))
        made.run(THREE)
        before = made.run(ALL)
        change = Change("f2", "pass", sql(statement))
        made.move(up=(change,))
        there_and_back(made, change)
        assert made.run(ALL) == before
        assert made.left() == 0


def test_rows_that_a_downgrade_changes_are_kept_and_not_written_back(people: Bench):
    change = Change("f2", "pass", sql("UPDATE people SET city = upper(city) WHERE id < 3"))
    people.move(up=(change,))
    there_and_back(people, change)
    assert [row[2] for row in people.run(ALL)] == ["LONDON", "ROME", "Oslo"]
    assert people.reasons() == [(1, "changed by the downgrade: kept as it was")] * 2


def test_a_computed_column_returns_only_to_rows_that_were_not_touched(people: Bench):
    up = [
        "op.add_column('people', sa.Column('label', sa.String(120)))",
        sql("UPDATE people SET label = name || ' of ' || city"),
        "op.drop_column('people', 'city')",
        "op.drop_column('people', 'name')",
    ]
    down = [
        "op.add_column('people', sa.Column('name', sa.String(50)))",
        "op.add_column('people', sa.Column('city', sa.String(50)))",
        sql("UPDATE people SET name = substr(label, 1, 3), city = 'nowhere'"),
        "op.drop_column('people', 'label')",
    ]
    change = Change("f2", "\n".join(up), "\n".join(down))
    people.move(up=(change,))
    people.run("UPDATE people SET label = 'Ada Lovelace' WHERE id = 1")
    people.move(down=(change,))
    people.run("UPDATE people SET name = 'Bobby' WHERE id = 2")
    people.move(up=(change,))
    assert people.run(ALL) == [(1, "Ada Lovelace"), (2, "Bobby of nowhere"), (3, "Cy of Oslo")]
    assert [number for number, _ in people.reasons()] == [1]


def test_values_return_when_a_type_that_does_not_hold_them_goes(people: Bench):
    to = "with op.batch_alter_table('people') as batch: batch.alter_column('city', type_=sa.{})"
    change = Change("f2", to.format("Text"), to.format("Integer, postgresql_using='length(city)'"))
    people.move(up=(change,))
    before = people.run(ALL)
    people.move(down=(change,))
    people.run("UPDATE people SET name = 'Robert' WHERE id = 2")
    people.move(up=(change,))
    after = people.run(ALL)
    assert [after[0], after[2]] == [before[0], before[2]]
    assert after[1][1] == "Robert"
    assert len(people.reasons()) == 1


def test_tables_without_a_key_go_by_the_content_of_their_rows(one: Bench):
    table = Change(
        "r1", "op.create_table('log', sa.Column('a', sa.Integer), sa.Column('b', sa.Text))", "op.drop_table('log')"
    )
    more = Change("f2", "op.add_column('log', sa.Column('c', sa.Text))", "op.drop_column('log', 'c')")
    one.move(up=(table, more))
    one.run("INSERT INTO log VALUES (1, 'x', 'p'), (1, 'x', 'q'), (2, NULL, 'r'), (1, 'x', 'p'), (3, 'y', NULL)")
    before = sorted(map(repr, one.run("SELECT * FROM log")))
    there_and_back(one, more)
    assert sorted(map(repr, one.run("SELECT * FROM log"))) == before
    there_and_back(one, table, more)
    assert sorted(map(repr, one.run("SELECT * FROM log"))) == before
    one.move(down=(more,))
    one.run("DELETE FROM log", "INSERT INTO log VALUES (1, 'z'), (9, 'z')")
    one.move(up=(more,))
    assert [row[2] for row in one.run("SELECT * FROM log")] == [None, None]
    assert one.left() == 4


def test_what_an_upgrade_seeds_gives_way_to_the_rows_as_they_were(one: Bench):
    seeded = PEOPLE._replace(up=f"{PEOPLE.up}\n{sql(THREE)}")
    one.move(up=(seeded,))
    one.run(
        "UPDATE people SET name = 'Mine' WHERE id = 1",
        "DELETE FROM people WHERE id = 2",
        "INSERT INTO people VALUES (7, 'x', NULL)",
    )
    before = one.run(ALL)
    there_and_back(one, seeded)
    assert one.run(ALL) == before
    assert one.left() == 0


def test_a_revision_that_was_edited_gets_what_it_has_a_place_for(one: Bench):
    edited = PEOPLE._replace(up=PEOPLE.up.replace("city", "town"))
    one.move(up=(PEOPLE,))
    one.run(THREE)
    before = one.run(ALL)
    one.move(down=(PEOPLE,), up=(edited,))
    assert one.run(ALL) == [(1, "Ada", None), (2, "Bob", None), (3, "Cy", None)]
    assert one.left() == 3
    one.run("UPDATE people SET town = 'Ulm' WHERE id = 1")
    one.move(down=(edited,), up=(PEOPLE,))
    assert one.run(ALL) == before


def test_a_shorter_type_takes_only_what_fits(one: Bench):
    shorter = PEOPLE._replace(up=PEOPLE.up.replace("sa.Column('city', sa.String(50))", "sa.Column('city', sa.Integer)"))
    one.move(up=(PEOPLE,))
    one.run("INSERT INTO people VALUES (1, 'Ada', '17'), (2, 'Bob', 'Rome'), (3, 'Cy', NULL)")
    one.move(down=(PEOPLE,), up=(shorter,))
    assert one.run(ALL) == [(1, "Ada", 17), (3, "Cy", None)]
    assert len(one.reasons()) == 1


CHILDREN = Change(
    "f2",
    "op.create_table('notes', sa.Column('id', sa.Integer, primary_key=True),"
    " sa.Column('person', sa.Integer, sa.ForeignKey('people.id')),"
    " sa.Column('reply', sa.Integer, sa.ForeignKey('notes.id')), sa.Column('slug', sa.String(9), unique=True))\n"
    "op.create_table('ratings', sa.Column('note', sa.Integer, sa.ForeignKey('notes.id'), primary_key=True),"
    " sa.Column('by', sa.String(9), primary_key=True))",
    "op.drop_table('ratings')\nop.drop_table('notes')",
)


def test_parents_come_before_children_and_orphans_stay(people: Bench):
    people.move(up=(CHILDREN,))
    people.run(
        "INSERT INTO notes VALUES (9, 1, NULL, 'a'), (1, 2, 9, 'b')",
        "INSERT INTO notes VALUES (2, 3, 1, 'c'), (3, NULL, 2, NULL)",
        "INSERT INTO ratings VALUES (9, 'x'), (2, 'y'), (3, 'z')",
    )
    before = people.run("SELECT * FROM notes ORDER BY id"), people.run("SELECT * FROM ratings ORDER BY note")
    there_and_back(people, CHILDREN)
    assert (people.run("SELECT * FROM notes ORDER BY id"), people.run("SELECT * FROM ratings ORDER BY note")) == before
    people.move(down=(CHILDREN,))
    people.run("DELETE FROM people WHERE id = 2")
    people.move(up=(CHILDREN,))
    assert [row[0] for row in people.run("SELECT * FROM notes ORDER BY id")] == [9]
    assert people.run("SELECT * FROM ratings") == [(9, "x")]
    assert sorted(reason for _, reason in people.reasons()) == ["its parent in notes is gone"] * 4 + [
        "its parent in people is gone"
    ]


def test_a_column_that_refers_to_somebody_gone_stays(people: Bench):
    boss = Change(
        "f2",
        "with op.batch_alter_table('people') as batch:\n"
        "    batch.add_column(sa.Column('boss', sa.Integer))\n"
        "    batch.create_foreign_key('boss', 'people', ['boss'], ['id'])",
        "with op.batch_alter_table('people') as batch:\n"
        "    batch.drop_constraint('boss', type_='foreignkey')\n    batch.drop_column('boss')",
    )
    people.move(up=(boss,))
    people.run("UPDATE people SET boss = 3 WHERE id = 1", "UPDATE people SET boss = 1 WHERE id = 2")
    people.move(down=(boss,))
    people.run("DELETE FROM people WHERE id = 3")
    people.move(up=(boss,))
    assert people.run("SELECT id, boss FROM people ORDER BY id") == [(1, None), (2, 1)]
    assert people.reasons() == [(1, "its parent in people is gone")]


def test_rows_that_break_a_constraint_stay_alone(people: Bench):
    mail = Change(
        "f2",
        "op.add_column('people', sa.Column('mail', sa.String(20), server_default='none', nullable=False))\n"
        "op.create_index('mails', 'people', ['mail'], unique=True, sqlite_where=sa.text(\"mail <> 'none'\"),"
        " postgresql_where=sa.text(\"mail <> 'none'\"))",
        "op.drop_index('mails', 'people')\nop.drop_column('people', 'mail')",
    )
    edited = mail._replace(up=mail.up + "\n" + sql("INSERT INTO people VALUES (9, 'Zoe', 'Bern', 'b@x.org')"))
    people.move(up=(mail,))
    people.run("UPDATE people SET mail = 'a@x.org' WHERE id = 1", "UPDATE people SET mail = 'b@x.org' WHERE id = 2")
    people.move(down=(mail,), up=(edited,))
    found = people.run("SELECT id, mail FROM people ORDER BY id")
    assert found == [(1, "a@x.org"), (2, "none"), (3, "none"), (9, "b@x.org")]
    assert len(people.reasons()) == 1


def test_names_of_every_kind_and_keys_of_several_columns(one: Bench):
    name, column = 'or"der.%s', "a b%(x)s:c"
    table = Change(
        "r1",
        f"op.create_table({name!r}, sa.Column('x', sa.Integer, primary_key=True), sa.Column('Y', sa.String(9), primary_key=True),"
        f" sa.Column('group', sa.Text))",
        f"op.drop_table({name!r})",
    )
    if one.engine.dialect.name == "postgresql":
        table = Change("r1", table.up.replace(".%s", "%s"), table.down.replace(".%s", "%s"))
        name = name.replace(".%s", "%s")
    more = Change(
        "f2", f"op.add_column({name!r}, sa.Column({column!r}, sa.Text))", f"op.drop_column({name!r}, {column!r})"
    )
    one.move(up=(table, more))
    quoted = '"' + name.replace('"', '""') + '"'
    with one.engine.begin() as connection:
        connection.connection.dbapi_connection.cursor().execute(
            f"INSERT INTO {quoted} VALUES (1, 'a', 'g', 'v'), (1, 'b', NULL, 'w'), (2, 'a', 'h', NULL)"
        )

    def rows() -> list:
        with one.engine.begin() as connection:
            cursor = connection.connection.dbapi_connection.cursor()
            cursor.execute(f'SELECT * FROM {quoted} ORDER BY x, "Y"')
            return list(cursor.fetchall())

    before = rows()
    there_and_back(one, more)
    assert rows() == before
    there_and_back(one, table, more)
    assert rows() == before
    assert one.left() == 0


def test_triggers_do_not_fire_and_are_there_again(people: Bench):
    people.move(up=(AGE,))
    people.run("UPDATE people SET age = 1", "CREATE TABLE seen (x integer)")
    if people.engine.dialect.name == "postgresql":
        people.run(
            "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (1); RETURN NEW; END $$",
            "CREATE TRIGGER sees AFTER UPDATE OR INSERT ON people FOR EACH ROW EXECUTE FUNCTION see()",
        )
    else:
        people.run("CREATE TRIGGER sees AFTER UPDATE ON people BEGIN INSERT INTO seen VALUES (1); END")
    there_and_back(people, AGE)
    assert people.run("SELECT * FROM seen") == []
    assert [row[3] for row in people.run(ALL)] == [1, 1, 1]
    people.run("UPDATE people SET name = 'x' WHERE id = 1")
    assert people.run("SELECT * FROM seen") == [(1,)]


@pytest.mark.postgres
def test_identities_generated_columns_schemas_partitions_and_deferred_keys_of_postgresql():
    up = sql(
        "CREATE SCHEMA shop",
        "CREATE TABLE shop.items (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int,"
        " double int GENERATED ALWAYS AS (n * 2) STORED, up int REFERENCES shop.items DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TABLE parts (id bigserial, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
        "CREATE TABLE parts_new PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO (MAXVALUE)",
    )
    change = Change("f2", up, sql("DROP TABLE parts", "DROP TABLE shop.items", "DROP SCHEMA shop"))
    with bench("postgresql") as made:
        made.move(up=(change,))
        made.run(
            "INSERT INTO shop.items (n, up) VALUES (5, 2), (6, 1), (7, NULL)",
            "DELETE FROM shop.items WHERE id = 3",
            "INSERT INTO parts (day) VALUES ('2026-02-03'), ('2026-02-04')",
        )
        state = "SELECT t::text FROM shop.items t ORDER BY id", "SELECT t::text FROM parts t ORDER BY id"
        before = [made.run(one) for one in state]
        counts = made.move(down=(change,))
        assert (counts.tables, counts.shelved) == (2, 4)
        made.move(up=(change,))
        assert [made.run(one) for one in state] == before
        assert made.left() == 0
        assert made.run("INSERT INTO shop.items (n) VALUES (1) RETURNING id") == [(3,)]
        assert made.run("INSERT INTO parts (day) VALUES ('2026-03-01') RETURNING id") == [(3,)]


def test_an_operation_that_is_not_committed_leaves_the_shelf_as_it_was(people: Bench):
    people.move(up=(AGE,))
    people.run("UPDATE people SET age = id")
    people.move(down=(AGE,), committed=False)
    assert people.left() == 0
    people.move(down=(AGE,))
    people.move(up=(AGE,), committed=False)
    assert people.left() == 3
    people.move(up=(AGE,))
    assert [row[3] for row in people.run(ALL)] == [1, 2, 3]
    assert people.left() == 0


def test_a_revision_that_was_renumbered_gets_its_rows(people: Bench):
    people.move(up=(AGE,))
    people.run("UPDATE people SET age = id")
    people.move(down=(AGE,))
    people.move(up=(AGE._replace(id="f9"),))
    assert [row[3] for row in people.run(ALL)] == [1, 2, 3]
    people.move(down=(AGE._replace(id="f9"),), up=(AGE._replace(id="f10"),))
    assert [row[3] for row in people.run(ALL)] == [1, 2, 3]
    assert people.left() == 0


@pytest.mark.postgres
def test_an_identity_that_is_always_generated_returns_as_a_column():
    with bench("postgresql") as made:
        made.run("CREATE TABLE t (id integer PRIMARY KEY)")
        number = Change(
            "f2", sql("ALTER TABLE t ADD n integer GENERATED ALWAYS AS IDENTITY"), sql("ALTER TABLE t DROP n")
        )
        made.move(up=(number,))
        made.run("INSERT INTO t VALUES (1), (2)", "DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (5)")
        there_and_back(made, number)
        assert made.run("SELECT id, n FROM t ORDER BY id") == [(2, 2), (5, 3)]
        made.run("INSERT INTO t VALUES (6)")
        assert made.run("SELECT n, (SELECT attidentity FROM pg_attribute WHERE attname = 'n') FROM t WHERE id = 6") == [
            (4, "a")
        ]


@pytest.mark.postgres
def test_a_sequence_that_a_default_speaks_of_goes_on_behind_the_rows():
    with bench("postgresql") as made:
        numbered = Change(
            "r1",
            sql("CREATE SEQUENCE s", "CREATE TABLE t (id integer PRIMARY KEY DEFAULT nextval('s'), a text)"),
            sql("DROP TABLE t", "DROP SEQUENCE s"),
        )
        made.move(up=(numbered,))
        made.run("INSERT INTO t (a) VALUES ('a'), ('b')")
        there_and_back(made, numbered)
        made.run("INSERT INTO t (a) VALUES ('c')")
        assert made.run("SELECT id, a FROM t ORDER BY id") == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.postgres
@pytest.mark.parametrize("who", ["me", "another"])
def test_rows_that_row_level_security_hides_from_the_owner_are_not_lost(who: str):
    with bench("postgresql") as made:
        made.run(
            "DO $$ BEGIN CREATE ROLE owner_of_some LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            "GRANT ALL ON SCHEMA public TO owner_of_some",
        )
        admin, made.engine = made.engine, sa.create_engine(made.engine.url.set(username="owner_of_some"))
        hiding = Change(
            "r1",
            sql(
                "CREATE TABLE t (who text)",
                "ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
                "CREATE POLICY mine ON t USING (who = 'me')",
            ),
            sql("DROP TABLE t"),
        )
        made.move(up=(hiding,))
        with admin.begin() as connection:
            connection.exec_driver_sql(f"INSERT INTO t VALUES ('{who}')")
        with pytest.raises(AssertionError, match="'table': 't'"):
            made.move(down=(hiding,))
        made.engine.dispose()
        made.engine = admin
        assert made.run("SELECT who FROM t") == [(who,)]

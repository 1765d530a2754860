"""Away and back: all data of all types is as it was, what was written meanwhile stays, and strangers get nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.shelf import ENGINES, Bench, Change, bench

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

PEOPLE = Change(
    "r1",
    "op.create_table('people', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.Text),"
    " sa.Column('city', sa.Text))",
    "op.drop_table('people')",
)
AGE = Change("f2", "op.add_column('people', sa.Column('age', sa.Integer))", "op.drop_column('people', 'age')")
NOTES = Change(
    "f3",
    "op.create_table('notes', sa.Column('id', sa.Integer, primary_key=True),"
    " sa.Column('person', sa.Integer, sa.ForeignKey('people.id')), sa.Column('text', sa.Text))",
    "op.drop_table('notes')",
)


def quoted(value: Any) -> str:
    """Return a value as SQLite reads it; its own printing of floats is not exact."""
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, str):
        return f"CAST(x'{value.encode('utf-8', 'surrogateescape').hex()}' AS TEXT)"
    if isinstance(value, float):
        return repr(value).replace("inf", "9e999")
    return "NULL" if value is None else str(value)


SQLITE_VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.binary(max_size=80),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    st.sampled_from(["", "a\0b", "\udcff\udc80", "x" * 100_000, "%s %(a)s :b ? ' \" \\"]),
)
STATE = "SELECT id, typeof({0}), hex(CAST({0} AS BLOB)), {0} IS NULL FROM things ORDER BY id"


@FEW
@given(rows=st.lists(st.tuples(SQLITE_VALUES, SQLITE_VALUES), max_size=6), column=st.booleans())
def test_every_value_of_sqlite_comes_back_as_it_was(rows: list[tuple[Any, Any]], *, column: bool):
    table = Change("r1", "op.execute('CREATE TABLE things (id INTEGER PRIMARY KEY, a)')", "op.drop_table('things')")
    more = Change("r2", "op.execute('ALTER TABLE things ADD COLUMN b')", "op.drop_column('things', 'b')")
    with bench("sqlite") as one:
        one.move(up=(table, more))
        for number, (a, b) in enumerate(rows):
            one.run(f"INSERT INTO things VALUES ({number}, {quoted(a)}, {quoted(b)})".replace("%", "%%"))
        before = [one.run(STATE.format(name)) for name in ("a", "b")]
        steps = (more,) if column else (more, table)
        one.move(down=steps)
        one.move(up=steps[::-1])
        assert before == [one.run(STATE.format(name)) for name in ("a", "b")]
        assert one.left() == 0


POSTGRES_VALUES = {
    "smallint": ["-32768"],
    "numeric": ["1.100", "NaN", "-123456789012345678901234567890.000000000012300"],
    "numeric(10,3)": ["1.100"],
    "double precision": ["Infinity", "-Infinity", "NaN", "0.1", "1e-320", "-0"],
    "real": ["3.4028235e38"],
    "money": ["-1234.56"],
    "text": ["", "x" * 100_000, "%s %(a)s :b ? ' \" \\ \n é ☃"],
    "varchar(5)": ["abcde", "a  "],
    "char(5)": ["ab"],
    "bytea": ["\\x", "\\x00ff27"],
    "date": ["2026-01-31", "infinity", "0044-03-15 BC"],
    "timestamp": ["2026-01-31 23:59:59.999999", "-infinity"],
    "timestamptz": ["2026-01-31 23:59:59.123456+05:30"],
    "time": ["24:00:00"],
    "timetz": ["12:00:00.5-08"],
    "interval": ["1 year -2 days 03:04:05.6", "-00:00:01"],
    "boolean": ["true"],
    "json": ['{"b":1,  "a": [1, 2.50, null], "b": 2}'],
    "jsonb": ['{"a": [1, 2.50, null]}', '"\\\\ \\u00e9"'],
    "uuid": ["00000000-0000-0000-0000-0000000000ff"],
    "inet": ["10.0.0.1/8"],
    "bit(3)": ["101"],
    "integer[]": ["{1,NULL,3}", "[0:1]={1,2}", "{}"],
    "text[]": ['{"a,b","NULL",NULL,"c\\"d"}'],
    "int4range": ["[1,10)", "empty"],
    "tstzrange": ["[2026-01-01 00:00+02,)"],
    "mood": ["calm", "very loud"],
    "pair": ['(1,"a,b")'],
    "point": ["(1.5,-2)"],
    "tsvector": ["'a':1 'b':2A"],
}


@pytest.mark.postgres
def test_every_type_of_postgresql_comes_back_as_it_was():
    columns = {f"c{place}": kind for place, kind in enumerate(POSTGRES_VALUES)}
    listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    table = Change("r1", "op.execute('CREATE TABLE things (id int PRIMARY KEY)')", "op.drop_table('things')")
    added = "; ".join(f"op.execute('ALTER TABLE things ADD COLUMN {name} {kind}')" for name, kind in columns.items())
    more = Change("r2", added, "; ".join(f"op.drop_column('things', '{name}')" for name in columns))
    assert listed
    with bench("postgresql") as one:
        one.run("CREATE TYPE mood AS ENUM ('calm', 'very loud')", "CREATE TYPE pair AS (a int, b text)")
        one.move(up=(table, more))
        longest = max(map(len, POSTGRES_VALUES.values()))
        for number in range(longest + 1):
            values = [
                "NULL"
                if number >= len(given)
                else "'" + given[number].replace("'", "''").replace("%", "%%") + f"'::{kind}"
                for kind, given in POSTGRES_VALUES.items()
            ]
            one.run(f"INSERT INTO things VALUES ({number}, {', '.join(values)})")
        state = "SELECT t::text FROM things t ORDER BY id"
        before = one.run(state)
        for steps in ((more,), (more, table)):
            one.move(down=steps)
            one.run("SELECT 1")
            one.move(up=steps[::-1])
            assert one.run(state) == before
            assert one.left() == 0


IDS = st.integers(1, 6)
WRITES = st.lists(
    st.one_of(
        st.tuples(st.just("update"), IDS), st.tuples(st.just("delete"), IDS), st.tuples(st.just("insert"), st.just(0))
    ),
    max_size=6,
)


class Written:
    """What the developer has in the table people: by id, name and city, and who had the key before."""

    def __init__(self, one: Bench, rows: int) -> None:
        self._bench = one
        self._number = 100
        self.people: dict[int, tuple[str, str]] = {}
        for number in range(1, rows + 1):
            self.insert(number)

    def insert(self, key: int) -> None:
        """Add somebody new."""
        self._number += 1
        self.people[key] = (f"name {self._number}", f"city {self._number % 3}")
        name, city = self.people[key]
        self._bench.run(f"INSERT INTO people (id, name, city) VALUES ({key}, '{name}', '{city}')")

    def write(self, what: str, key: int) -> None:
        """Do one thing of `WRITES`."""
        if what == "insert":
            self.insert(max(self.people, default=0) + 50)
        elif key in self.people and what == "delete":
            del self.people[key]
            self._bench.run(f"DELETE FROM people WHERE id = {key}")
        elif key in self.people:
            self._number += 1
            self.people[key] = (self.people[key][0], f"town {self._number}")
            self._bench.run(f"UPDATE people SET city = '{self.people[key][1]}' WHERE id = {key}")

    def truncate(self) -> None:
        """Empty the table and fill it again under the same keys."""
        keys = list(self.people)
        self._bench.run("DELETE FROM people")
        for key in keys:
            self.insert(key)


@pytest.mark.parametrize("engine", ENGINES)
@FEW
@given(rows=st.integers(1, 6), aged=st.sets(IDS), writes=WRITES, truncated=st.booleans())
def test_what_is_written_meanwhile_stays_and_no_value_is_lost(
    engine: str, rows: int, aged: set[int], writes: list[tuple[str, int]], *, truncated: bool
):
    with bench(engine) as one:
        one.move(up=(PEOPLE, AGE))
        written = Written(one, rows)
        ages = {key: key * 10 for key in aged if key <= rows}
        for key, age in ages.items():
            one.run(f"UPDATE people SET age = {age} WHERE id = {key}")
        before = dict(written.people)
        one.move(down=(AGE,))
        if truncated:
            written.truncate()
        for what, key in writes:
            written.write(what, key)
        one.move(up=(AGE,))
        found = {key: (name, city, age) for key, name, city, age in one.run("SELECT id, name, city, age FROM people")}
        assert {key: row[:2] for key, row in found.items()} == written.people
        back = {key: row[2] for key, row in found.items() if row[2] is not None}
        assert back.items() <= ages.items()
        untouched = {key for key in ages if written.people.get(key) == before[key]}
        assert untouched <= set(back)
        assert all(written.people[key][0] == before[key][0] for key in back)
        assert one.left() == len(ages) - len(back)


ORDERS = [(AGE,), (NOTES,), (AGE, NOTES)]


@pytest.mark.parametrize("engine", ENGINES)
@FEW
@given(data=st.data())
def test_over_several_hops_every_row_is_in_the_database_or_on_the_shelf(engine: str, data: st.DataObject):
    with bench(engine) as one:
        one.move(up=(PEOPLE, AGE, NOTES))
        one.run(
            "INSERT INTO people VALUES (1, 'Ada', 'a', 10), (2, 'Bob', 'b', NULL), (3, 'Cy', 'c', 30)",
            "INSERT INTO notes VALUES (1, 1, 'x'), (2, NULL, 'y'), (3, 3, NULL)",
        )
        state = "SELECT * FROM people ORDER BY id", "SELECT * FROM notes ORDER BY id"
        before = [one.run(each) for each in state]
        here = [AGE, NOTES]
        for _ in range(data.draw(st.integers(1, 5))):
            wanted = list(data.draw(st.sampled_from([(), *ORDERS])))
            committed = data.draw(st.booleans())
            down, up = (
                [each for each in here[::-1] if each not in wanted],
                [each for each in wanted if each not in here],
            )
            one.move(down=tuple(down), up=tuple(up), committed=committed, known=("f2", "f3"))
            here = wanted if committed else here
        one.move(up=tuple(each for each in (AGE, NOTES) if each not in here))
        people = [tuple(row) for row in one.run("SELECT id, name, city, age FROM people ORDER BY id")]
        assert [people, one.run(state[1])] == before
        assert one.left() == 0

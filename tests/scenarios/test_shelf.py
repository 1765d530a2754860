"""The shelf: what a downgrade loses is kept, and comes back with its revision, joined with what changed meanwhile."""

from __future__ import annotations

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
    assert "1 row stay" in said

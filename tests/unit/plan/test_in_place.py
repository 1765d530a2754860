"""Which plans leave re-parented revisions applied, and which revisions have to do with rows."""

from __future__ import annotations

import pytest

from dbsync.plan.in_place import concerned, has_data_step, stay_in_place
from dbsync.plan.planner import make_plan
from dbsync.revisions.revision import Revision
from dbsync.revisions.revision_map import RevisionMap


def graph(**parents: str) -> RevisionMap:
    return RevisionMap(
        Revision(id=one, down_revision=tuple(down.split()), path=one, oid=one) for one, down in parents.items()
    )


def shorter(applied: RevisionMap, target: RevisionMap, rewritten: str = ""):
    return stay_in_place(make_plan(applied, target, lambda one: one != rewritten), applied, target)


def test_only_what_is_missing_is_run():
    plan = shorter(graph(a="", f="a", g="f"), graph(a="", m="a", f="m", g="f"))
    assert (plan.down, plan.up, plan.in_place, plan.heads) == ([], ["m"], ("f",), ("g",))


def test_what_is_gone_goes_down_and_what_is_below_it_stays():
    plan = shorter(graph(a="", f="a", g="f"), graph(a="", m="a", f="m"))
    assert (plan.down, plan.up, plan.in_place) == (["g"], ["m"], ("f",))


@pytest.mark.parametrize("rewritten", ["a", "f"])
def test_what_builds_on_a_rewritten_revision_is_not_left(rewritten: str):
    assert shorter(graph(a="", f="a"), graph(a="", m="a", f="m"), rewritten) is None


def test_without_another_parent_there_is_nothing_shorter():
    assert shorter(graph(a="", f="a"), graph(a="", m="a", f="a")) is None


def test_the_order_counts_of_what_is_missing_of_what_stays_and_of_what_came_between():
    applied, target = graph(a="", f="a", g="f", x="a"), graph(a="", x="a", m="x", f="m", g="f", y="a")
    assert set(concerned(shorter(applied, target), applied, target)) == {"x", "m", "f", "g", "y"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "import sqlalchemy as sa\nfrom alembic import op\ndef upgrade():\n    op.create_table('t', sa.Column('x'))",
            False,
        ),
        ("from alembic import op\ndef upgrade():\n    op.execute('UPDATE t SET x = 1')", True),
        ("from alembic import op\ndef upgrade():\n    op.bulk_insert(t, [])", True),
        ("from alembic import op\ndef upgrade():\n    bind = op.get_bind()", True),
        ("from alembic import op\nrun = op.execute\ndef upgrade():\n    run('x')", True),
        ("from app.seed import fill\ndef upgrade():\n    fill()", True),
        ("from . import seed\n", True),
        ("def upgrade(:", True),
    ],
)
def test_what_may_have_to_do_with_rows(source: str, expected: bool):
    assert has_data_step(source.encode()) is expected

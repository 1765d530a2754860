"""Plans by name: the situations of `status`, each with the steps one would write down by hand."""

from __future__ import annotations

from dbsync.plan.planner import Step, make_plan, part
from dbsync.revisions.revision import Revision
from dbsync.revisions.revision_map import RevisionMap


def steps(applied, target, rewritten=""):
    """Return the plan's steps as signed ids."""
    plan = make_plan(RevisionMap(applied), RevisionMap(target), lambda one: one not in rewritten.split())
    return " ".join(("-" if step.direction == "down" else "+") + step.revision for step in plan.steps)


BASE = [Revision("r1"), Revision("r2", ("r1",))]
A = Revision("a", ("r2",))
B = Revision("b", ("r2",))
M = Revision("m", ("a", "b"))


def test_nothing_to_do():
    assert steps(BASE, BASE) == ""
    assert steps([], []) == ""


def test_from_one_branch_to_the_other():
    assert steps([*BASE, A], [*BASE, B]) == "-a +b"


def test_a_new_database_and_the_way_back_to_none():
    assert steps([], [*BASE, A]) == "+r1 +r2 +a"
    assert steps([*BASE, A], []) == "-a -r2 -r1"


def test_leaving_a_merge_takes_down_only_it_and_the_branch_that_goes():
    assert steps([*BASE, A, B, M], [*BASE, B]) == "-m -a"
    assert steps([*BASE, A, B, M], [*BASE, A, B]) == "-m"


def test_entering_a_merge_brings_the_branch_that_was_not_there():
    assert steps([*BASE, A], [*BASE, A, B, M]) == "+b +m"


def test_a_rewritten_revision_goes_down_with_what_stands_on_it_and_comes_back():
    assert steps([*BASE, A, B], [*BASE, A, B], rewritten="a") == "-a +a"
    assert steps([*BASE, A, B], [*BASE, A, B], rewritten="r2") == "-a -b -r2 +r2 +b +a"


def test_a_re_parented_revision_goes_down_and_comes_back_on_its_new_parent():
    """Ambuda's 99379162619e: the ids are the same, and so plain Alembic would do nothing."""
    onto = [*BASE, B, Revision("a", ("b",))]

    assert steps([*BASE, A], onto) == "-a +b +a"
    assert steps(onto, [*BASE, A]) == "-a -b +a"


def test_a_revision_put_below_an_applied_one():
    below = [Revision("r1"), Revision("x", ("r1",)), Revision("r2", ("x",))]

    assert steps(BASE, below) == "-r2 +x +r2"


def test_parents_in_another_order_or_named_twice_are_the_same_parents():
    assert steps([*BASE, A, B, M], [*BASE, A, B, Revision("m", ("b", "a"), ("a",))]) == ""


def test_what_depends_on_a_leaving_revision_leaves_too():
    other = [Revision("o"), Revision("p", ("o",), ("a",))]

    assert steps([*BASE, A, *other], [*BASE, Revision("o")]) == "-p -a"
    assert steps([*BASE, A, *other], [*BASE, *other, A], rewritten="a") == "-p -a +a +p"


def test_a_label_that_moved_moves_what_depends_on_it():
    before = [Revision("x", (), (), ("core",)), Revision("y", ("x",)), Revision("p", (), ("core",))]
    after = [Revision("x"), Revision("y", ("x",), (), ("core",)), Revision("p", (), ("core",))]

    plan = make_plan(RevisionMap(before), RevisionMap(after), lambda _: True)

    assert plan.difference.re_parented == ("p",)
    assert plan.steps == (Step("down", "p"), Step("up", "p"))


def test_a_renumbered_revision_is_taken_down_and_put_up_under_its_new_id():
    assert steps([*BASE, A], [*BASE, Revision("a2", ("r2",))]) == "-a +a2"


def test_the_plan_names_the_rows_of_the_version_table_and_the_difference():
    plan = make_plan(RevisionMap([*BASE, A]), RevisionMap([*BASE, B, Revision("c")]), lambda one: one != "r1")

    assert plan.heads == ("b", "c")
    assert plan.difference == (("a",), ("b", "c"), ("r1",), ())
    assert plan.down == ["a", "r2", "r1"]
    assert plan.up[0] in {"r1", "c"}


def test_a_part_keeps_the_order_of_the_files():
    whole = RevisionMap([A, *BASE, B])

    assert list(part(whole, ["r2", "a", "not there", "r1"]).revisions) == ["a", "r1", "r2"]

"""What is held back above a fork of revision heads, by name; random graphs are in tests/properties."""

from __future__ import annotations

import pytest

from dbsync.revisions.forks import above_forks, has_unwanted_heads, without_new_above
from dbsync.revisions.revision import Revision
from dbsync.revisions.revision_map import RevisionMap

BASE, OURS, THEIRS = Revision("a"), Revision("b", ("a",)), Revision("c", ("a",))
FORKED = RevisionMap([BASE, OURS, THEIRS])


def labelled(one: Revision, label: str) -> Revision:
    return one._replace(branch_labels=(label,))


def test_one_head_is_no_fork():
    line = RevisionMap([BASE, OURS])
    assert not has_unwanted_heads(line, 1)
    assert set() == above_forks(line, 1)


def test_what_only_some_heads_build_on_is_above_the_fork():
    assert has_unwanted_heads(FORKED, 1)
    assert {"b", "c"} == above_forks(FORKED, 1)


@pytest.mark.parametrize(
    ("applied", "kept"),
    [
        ((), {"a"}),
        (("a",), {"a"}),
        (("a", "b"), {"a", "b"}),
        (("a", "b", "c"), {"a", "b", "c"}),
        (("b", "x"), {"a", "b"}),
    ],
)
def test_what_is_applied_above_a_fork_stays(applied, kept):
    assert kept == without_new_above(FORKED, {"b", "c"}, applied)


def test_what_stands_on_something_held_back_is_held_back_too():
    graph = RevisionMap([BASE, THEIRS, Revision("b", ("c",)), Revision("d", ("a",))])
    assert {"b", "c", "d"} == above_forks(graph, 1)
    assert {"a"} == without_new_above(graph, {"b", "c", "d"}, ["b"])


def test_as_many_heads_as_are_wanted_are_no_fork():
    assert set() == above_forks(FORKED, 2)


def test_heads_that_each_have_a_label_of_their_own_are_wanted():
    graph = RevisionMap([BASE, labelled(OURS, "shop"), labelled(THEIRS, "blog")])
    assert not has_unwanted_heads(graph, 1)
    assert set() == above_forks(graph, 1)


def test_a_labelled_branch_is_not_held_back_by_a_fork_beside_it():
    graph = RevisionMap(
        [BASE, OURS, THEIRS, labelled(Revision("shop1", ("a",)), "shop"), Revision("shop2", ("shop1",))]
    )
    assert has_unwanted_heads(graph, 1)
    assert {"b", "c"} == above_forks(graph, 1)


def test_a_fork_on_a_labelled_branch_holds_back_that_branch_only():
    shop = [labelled(Revision("s"), "shop"), Revision("s1", ("s",)), Revision("s2", ("s",))]
    graph = RevisionMap([BASE, OURS, *shop])
    assert {"s1", "s2"} == above_forks(graph, 1)


def test_heads_with_nothing_in_common_are_no_fork():
    graph = RevisionMap([BASE, OURS, Revision("x"), Revision("y", ("x",), ("a",))])
    assert has_unwanted_heads(graph, 1)
    assert set() == above_forks(graph, 1)


def test_three_heads_fork_where_the_first_two_part():
    graph = RevisionMap([BASE, OURS, THEIRS, Revision("d", ("b",)), Revision("e", ("b",))])
    assert {"b", "c", "d", "e"} == above_forks(graph, 1)

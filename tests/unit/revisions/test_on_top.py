"""Which revisions get which parent when ours are put on top of theirs."""

from __future__ import annotations

import pytest

from dbsync.revisions.on_top import Unclear, heads_apart, put_on_top, with_parents
from dbsync.revisions.revision import Revision
from dbsync.revisions.revision_map import RevisionMap


def graph(**parents):
    """Make a graph of `id="parents, separated by blanks"`; "@label" gives a label, "+id" a dependency."""
    revisions = []
    for one, words in parents.items():
        named = words.split()
        down = tuple(word for word in named if word[0] not in "@+")
        labels = tuple(word[1:] for word in named if word[0] == "@")
        depends = tuple(word[1:] for word in named if word[0] == "+")
        revisions.append(Revision(one, down, depends, labels))
    return RevisionMap(revisions)


# The graph, what is theirs, the parents that change, the heads then.
CASES = {
    "one revision": (graph(m1="", m2="m1", f1="m1"), "m1 m2", {"f1": ("m2",)}, ("f1",)),
    "a chain moves by its root": (
        graph(m1="", m2="m1", m3="m2", f1="m1", f2="f1"),
        "m1 m2 m3",
        {"f1": ("m3",)},
        ("f2",),
    ),
    "in line already": (graph(m1="", m2="m1", f1="m2"), "m1 m2", {}, ("f1",)),
    "nothing of ours": (graph(m1="", m2="m1"), "m1 m2", {}, ("m2",)),
    "nothing of theirs": (graph(f1="", f2="f1"), "", {}, ("f2",)),
    "two roots, joined by a revision of ours": (
        graph(m1="", m2="m1", f1="m1", f2="m1", f3="f1 f2"),
        "m1 m2",
        {"f1": ("m2",), "f2": ("m2",)},
        ("f3",),
    ),
    "one root is on top already": (
        graph(m1="", m2="m1", f1="m2", f2="m1", f3="f1 f2"),
        "m1 m2",
        {"f2": ("m2",)},
        ("f3",),
    ),
    "joined with the head already": (graph(m1="", m2="m1", f1="m1", f2="f1 m2"), "m1 m2", {}, ("f2",)),
    "joined with an older head": (
        graph(m1="", m2="m1", m3="m2", f1="m1", f2="f1 m2", f3="f2"),
        "m1 m2 m3",
        {"f2": ("f1", "m3")},
        ("f3",),
    ),
    "joined twice": (
        graph(m1="", m2="m1", m3="m2", m4="m3", f1="m1", f2="f1 m2", f3="f2 m3"),
        "m1 m2 m3 m4",
        {"f3": ("f2", "m4")},
        ("f3",),
    ),
    "joined, with another head that is not": (
        graph(m1="", m2="m1", m3="m2", f1="m1", f2="f1 m2", f3="f1"),
        "m1 m2 m3",
        {"f1": ("m3",), "f2": ("f1",)},
        ("f2", "f3"),
    ),
    "a parent that was needless before": (
        graph(m1="", m2="m1", m3="m2", f1="m2", f2="f1 m1", f3="f1"),
        "m1 m2 m3",
        {"f1": ("m3",), "f2": ("f1",)},
        ("f2", "f3"),
    ),
    "both parents of a join go onto one head": (
        graph(a="", m1="a", m2="a", m3="m1 m2", f1="m1 m2"),
        "a m1 m2 m3",
        {"f1": ("m3",)},
        ("f1",),
    ),
    "the head that builds on the parent": (
        graph(a1="", a2="a1", b1="", b2="b1", f1="a1", g1="b1"),
        "a1 a2 b1 b2",
        {"f1": ("a2",), "g1": ("b2",)},
        ("f1", "g1"),
    ),
    "labelled branches from one base": (
        graph(p="", a1="p @a", a2="a1", b1="p @b", f1="a1"),
        "p a1 a2 b1",
        {"f1": ("a2",)},
        ("b1", "f1"),
    ),
    "dependencies stay": (graph(m1="", m2="m1", x="", f1="m1 +x"), "m1 m2 x", {"f1": ("m2",)}, ("f1", "x")),
    "a first revision of ours": (graph(m1="", m2="m1", f1="", f2="f1"), "m1 m2", {}, ("f2", "m2")),
}


@pytest.mark.parametrize(("revisions", "theirs", "parents", "heads"), CASES.values(), ids=CASES)
def test_ours_go_on_top_of_theirs(revisions, theirs, parents, heads):
    found = put_on_top(revisions, theirs.split())
    assert (found.parents, found.heads, found.unclear) == (parents, heads, ())
    assert not found.parents.keys() & set(theirs.split())


def test_what_is_on_top_stays():
    for revisions, theirs, parents, heads in CASES.values():
        again = RevisionMap(
            one._replace(down_revision=parents.get(one.id, one.down_revision)) for one in revisions.revisions.values()
        )
        assert put_on_top(again, theirs.split())[:3:2] == ({}, heads)


def test_two_heads_above_one_parent_are_not_chosen_from():
    found = put_on_top(graph(m1="", m2="m1", m3="m1", f1="m1"), ["m1", "m2", "m3"])
    assert found.unclear == (Unclear("f1", "m1", ("m2", "m3")),)
    assert not found.parents
    assert not found.settles


def test_heads_that_stay_side_by_side_by_chance_are_told_from_those_that_are_meant_to():
    assert heads_apart(graph(p="", a="p", b="p")) == ("a", "b")
    assert heads_apart(graph(p="", a="p @a", b="p @b")) == ()
    assert heads_apart(graph(p="", a="p", b="p @b")) == ()
    assert heads_apart(graph(a="", b="")) == ()


def test_a_revision_that_stands_apart_since_another_lost_a_needless_parent_is_moved_too():
    graph = RevisionMap(
        [Revision("r2"), Revision("r3", ("r2",)), Revision("r5", ("r2", "r3")), Revision("r6", ("r2", "r5"))]
    )

    found = put_on_top(graph, {"r2", "r3"})

    again = put_on_top(with_parents(graph, found.parents), {"r2", "r3"})
    assert (again.parents, again.heads) == ({}, found.heads)

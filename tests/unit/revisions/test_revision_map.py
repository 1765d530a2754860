"""What is wrong in a graph, by name; that it is right otherwise is in tests/properties."""

from __future__ import annotations

from dbsync.revisions.revision import Revision
from dbsync.revisions.revision_map import RevisionMap


def found(*revisions):
    """Return code, message and path of each obstacle."""
    return [(one.code, one.message, one.path) for one in RevisionMap(revisions).obstacles]


def test_nothing_is_a_graph():
    nothing = RevisionMap()

    assert (nothing.heads, nothing.bases, nothing.declared_heads, nothing.obstacles, len(nothing)) == (
        (),
        (),
        (),
        [],
        0,
    )
    assert nothing.ordered(["a"]) == []
    assert nothing.maximal(["a"]) == ()


def test_heads_of_two_branches_and_of_their_merge():
    a, b, c = Revision("a"), Revision("b", ("a",)), Revision("c", ("a",))

    assert RevisionMap([a, b, c]).heads == ("b", "c")
    assert RevisionMap([a, b, c, Revision("d", ("b", "c"))]).heads == ("d",)


def test_a_dependency_is_no_head_in_the_version_table_but_one_for_alembic_heads():
    graph = RevisionMap([Revision("a"), Revision("b", (), ("a",))])

    assert graph.heads == ("b",)
    assert graph.declared_heads == ("a", "b")
    assert graph.bases == ("a", "b")


def test_a_dependency_by_label_is_one_on_the_revision_that_has_the_label():
    graph = RevisionMap([Revision("a", (), (), ("core",)), Revision("b", ("a",)), Revision("c", (), ("core",))])

    assert graph.parents("c") == ("a",)
    assert graph.heads == ("b", "c")


def test_the_same_id_in_two_files():
    one, two = Revision("a", path="one.py"), Revision("a", path="two.py")

    assert found(one, two) == [("DBS105", "revision a is in two files: one.py and two.py", "two.py")]


def test_a_label_that_is_taken():
    revisions = [Revision("a", (), (), ("x",)), Revision("b", ("a",), (), ("x",), "b.py")]

    assert found(*revisions) == [("DBS105", "branch label x of b is already used by a", "b.py")]
    assert found(Revision("a"), Revision("b", ("a",), (), ("a",), "b.py")) == [
        ("DBS105", "branch label a of b is already used by a", "b.py")
    ]


def test_parents_that_are_in_no_file():
    obstacles = found(Revision("a", ("x",), ("y",), (), "a.py"))

    assert obstacles == [
        ("DBS106", "down_revision of a names x, which is in no file", "a.py"),
        ("DBS106", "depends_on of a names y, which is in no file", "a.py"),
    ]


def test_a_label_is_no_down_revision_and_the_start_of_an_id_is_no_name():
    assert [code for code, _, _ in found(Revision("a", (), (), ("x",)), Revision("b", ("x",)))] == ["DBS106"]
    assert [code for code, _, _ in found(Revision("abcdef"), Revision("b", (), ("abcd",)))] == ["DBS106"]


def test_cycles_are_named_and_what_stands_on_them_is_not():
    cycle = [Revision("a", ("c",), path="a.py"), Revision("b", ("a",)), Revision("c", ("b",))]

    assert found(*cycle, Revision("d", ("c",))) == [("DBS107", "the revisions a, b, c are in a cycle", "a.py")]
    assert found(Revision("a", ("a",))) == [("DBS107", "the revisions a are in a cycle", "")]
    assert found(Revision("a", (), ("x",), ("x",))) == [("DBS107", "the revisions a are in a cycle", "")]


def test_a_cycle_that_alembic_does_not_see():
    revisions = [Revision("base"), Revision("a", ("base", "b")), Revision("b", ("a",)), Revision("head", ("b",))]

    assert found(*revisions) == [("DBS107", "the revisions a, b are in a cycle", "")]


def test_of_a_long_cycle_ten_are_named():
    ((_, message, _),) = found(*(Revision(f"r{n:02}", (f"r{(n + 1) % 30:02}",)) for n in range(30)))

    assert message.startswith("the revisions r00, r01, ")
    assert message.endswith(", r09 and 20 more are in a cycle")


def test_a_branch_is_finished_before_the_next_in_the_order_of_the_files():
    revisions = [
        Revision("a"),
        Revision("b1", ("a",)),
        Revision("b2", ("b1",)),
        Revision("c1", ("a",)),
        Revision("c2", ("c1",)),
    ]

    assert RevisionMap(revisions).ordered(["a", "b1", "b2", "c1", "c2"]) == ["a", "c1", "c2", "b1", "b2"]


def test_order_holds_over_what_was_not_asked_for():
    graph = RevisionMap([Revision("a", ("b",)), Revision("b", ("c",)), Revision("c")])

    assert graph.ordered(["a", "c"]) == ["c", "a"]


def test_direct_parents_leave_out_what_another_parent_stands_on():
    graph = RevisionMap(
        [Revision("a"), Revision("b", ("a",)), Revision("c", ("a", "b")), Revision("d", ("b",), ("a",))]
    )

    assert graph.parents("c") == ("a", "b")
    assert graph.direct_parents("c") == graph.direct_parents("d") == ("b",)
    assert graph.direct_parents("a") == ()

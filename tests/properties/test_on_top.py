"""Ours on top of theirs, on random graphs: what must hold whatever the graph."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbsync.revisions.on_top import put_on_top, with_parents
from dbsync.revisions.revision_map import RevisionMap
from tests.support.graphs import graphs, reachable

moderate = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def below(graph: RevisionMap, revision: str) -> set[str]:
    """Return what a revision builds on by `down_revision`, itself included."""
    found, stack = set(), [revision]
    while stack:
        one = stack.pop()
        if one not in found:
            found.add(one)
            stack.extend(graph.revisions[one].down_revision)
    return found


def needless(graph: RevisionMap) -> set[str]:
    """Return the revisions with a parent that another of their parents builds on."""
    return {
        one.id
        for one in graph.revisions.values()
        for parent in one.down_revision
        if any(parent != other and parent in below(graph, other) for other in one.down_revision)
    }


@given(st.data())
@moderate
def test_ours_go_on_top(data):
    revisions = data.draw(graphs())
    graph, theirs = RevisionMap(revisions), data.draw(reachable(revisions))

    found = put_on_top(graph, theirs.revisions.keys())
    after = with_parents(graph, found.parents)

    assert not after.obstacles
    assert after.declared_heads == found.heads
    assert not found.parents.keys() & theirs.revisions.keys()
    assert needless(after) <= needless(graph)
    assert set(found.heads) <= set(graph.declared_heads)
    for one in graph.revisions:
        ours = below(graph, one) - theirs.revisions.keys()
        assert ours <= below(after, one)
    again = put_on_top(after, theirs.revisions.keys())
    assert (again.parents, again.unclear) == ({}, found.unclear)


@given(st.data())
@moderate
def test_a_head_that_builds_on_theirs_builds_on_a_head_of_theirs(data):
    revisions = data.draw(graphs(dependencies=False))
    graph, theirs = RevisionMap(revisions), data.draw(reachable(revisions))

    found = put_on_top(graph, theirs.revisions.keys())
    after = with_parents(graph, found.parents)

    for head in () if found.unclear else after.declared_heads:
        shared = below(after, head) & theirs.revisions.keys()
        assert not shared or shared & set(theirs.declared_heads)

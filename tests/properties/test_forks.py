"""What a sync makes of any graph, whatever is applied: a part that Alembic could have made, and all that can be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dbsync.plan.planner import make_plan, part
from dbsync.revisions.forks import above_forks, has_unwanted_heads, without_new_above
from dbsync.revisions.revision_map import RevisionMap
from tests.support.graphs import alembic_map, graphs, reachable


@given(data=st.data(), wanted=st.integers(1, 3))
def test_what_is_made_is_whole_and_holds_back_nothing_but_forks(data, wanted):
    revisions = data.draw(graphs())
    graph, applied = RevisionMap(revisions), data.draw(reachable(revisions))
    above = above_forks(graph, wanted)
    made = without_new_above(graph, above, applied.revisions)

    assert made == graph.ancestors(made)
    assert set(applied.revisions) <= made
    assert not (made - set(applied.revisions)) & above
    assert not above or above.isdisjoint(set.intersection(*_lineages(graph)))


@given(data=st.data(), wanted=st.integers(1, 3))
def test_a_second_sync_has_nothing_to_do(data, wanted):
    revisions = data.draw(graphs())
    graph, applied = RevisionMap(revisions), data.draw(reachable(revisions))
    above = above_forks(graph, wanted)
    made = part(graph, without_new_above(graph, above, applied.revisions))

    again = part(graph, without_new_above(graph, above, made.revisions))

    assert list(made.revisions) == list(again.revisions)
    assert () == make_plan(made, again, lambda _: True).steps


@given(graphs(labels=False))
def test_alembic_calls_the_same_heads_several(revisions):
    several = len(alembic_map(revisions).heads) > 1
    assert several == has_unwanted_heads(RevisionMap(revisions), 1)


def _lineages(graph: RevisionMap) -> list[set[str]]:
    return [graph.lineage([head]) for head in graph.declared_heads]

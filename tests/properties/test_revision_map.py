"""RevisionMap against Alembic's own on random graphs."""

from __future__ import annotations

import time
import warnings

import pytest
from alembic.script.revision import RevisionError
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dbsync.revisions.revision import Revision
from dbsync.revisions.revision_map import RevisionMap
from tests.support.graphs import alembic_map, graphs, reachable

moderate = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

IDS = ["a", "b", "c", "d", "e"]
NAMES = st.lists(st.sampled_from([*IDS, "x", "y"]), max_size=2).map(tuple)
ANYTHING = st.lists(
    st.builds(Revision, st.sampled_from(IDS), NAMES, NAMES, st.lists(st.sampled_from("xyz"), max_size=1).map(tuple)),
    max_size=7,
)


def judged(revisions):
    """Return what Alembic raises for these revisions, None when it can read them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            alembic_map(revisions)._revision_map  # noqa: B018 - reading it builds the map
    except (RevisionError, KeyError, UserWarning) as error:
        return error
    return None


@given(graphs())
@moderate
def test_the_ends_of_a_graph_are_alembics(revisions):
    ours, theirs = RevisionMap(revisions), alembic_map(revisions)

    assert ours.obstacles == []
    assert ours.heads == tuple(sorted(theirs._real_heads))
    assert ours.declared_heads == tuple(sorted(theirs.heads))
    assert ours.bases == tuple(sorted(theirs.bases))


@given(graphs(), st.data())
@moderate
def test_ancestors_and_descendants_are_alembics_dependencies_included(revisions, data):
    assume(revisions)
    ours, theirs = RevisionMap(revisions), alembic_map(revisions)
    ids = data.draw(st.lists(st.sampled_from(sorted(ours.revisions)), unique=True))
    chosen = theirs.get_revisions(ids)

    assert ours.ancestors(ids) == {one.revision for one in theirs._get_ancestor_nodes(chosen)}
    assert ours.descendants(ids) == {one.revision for one in theirs._get_descendant_nodes(chosen)}
    for one in ids:
        assert set(ours.parents(one)) == set(theirs.get_revision(one)._all_down_revisions)


@given(graphs(), st.data())
@moderate
def test_direct_parents_reach_the_same_and_none_reaches_another(revisions, data):
    assume(revisions)
    ours = RevisionMap(revisions)
    one = data.draw(st.sampled_from(sorted(ours.revisions)))
    direct = ours.direct_parents(one)

    assert ours.ancestors(direct) == ours.ancestors(ours.parents(one))
    assert all(a == b or a not in ours.ancestors([b]) for a in direct for b in direct)


@given(graphs(size=10), st.data())
@moderate
def test_upgrades_are_in_the_order_of_alembic_upgrade_heads(revisions, data):
    ours, theirs = RevisionMap(revisions), alembic_map(revisions)
    theirs._revision_map  # noqa: B018 - reading it builds the map
    # Alembic takes several dependencies of one revision in the order of a set of strings, which differs by run.
    assume(all(len(one._normalized_resolved_dependencies) < 2 for one in theirs._revision_map.values() if one))
    applied = data.draw(reachable(revisions))

    expected = [one.revision for one in theirs.iterate_revisions("heads", applied.heads, implicit_base=True)]

    assert ours.ordered(set(ours.revisions) - set(applied.revisions)) == expected[::-1]


@given(graphs(size=10), st.data())
@moderate
def test_downgrades_are_in_the_order_of_alembic_downgrade(revisions, data):
    assume(revisions)
    applied = data.draw(reachable(revisions))
    assume(applied.revisions)
    theirs = alembic_map(applied.revisions.values())
    theirs._revision_map  # noqa: B018 - reading it builds the map
    assume(all(len(one._normalized_resolved_dependencies) < 2 for one in theirs._revision_map.values() if one))
    leaving = applied.descendants([data.draw(st.sampled_from(sorted(applied.revisions)))])

    expected = theirs._topological_sort(theirs.get_revisions(leaving), theirs.get_revisions(applied.heads))

    assert applied.ordered(leaving)[::-1] == expected


@given(graphs(size=10), st.data())
@moderate
def test_any_set_is_ordered_with_what_it_builds_on_first(revisions, data):
    ours = RevisionMap(revisions)
    ids = data.draw(st.sets(st.sampled_from(sorted(ours.revisions)))) if revisions else set()

    order = ours.ordered(ids)

    assert sorted(order) == sorted(ids)
    for place, one in enumerate(order):
        assert not ours.ancestors([one]) & set(order[place + 1 :])


@given(ANYTHING)
@settings(max_examples=300, deadline=None)
def test_what_alembic_cannot_read_is_an_obstacle_and_every_question_has_an_answer(revisions):
    ours = RevisionMap(revisions)
    ids = [*IDS, "not there"]

    if not ours.obstacles:
        assert judged(revisions) is None
        assert ours.heads == tuple(sorted(alembic_map(revisions)._real_heads))
    assert set(ours.ordered(ids)) == set(ours.revisions)
    assert set(ours.maximal(ids)) <= set(ours.revisions)
    assert set(ours.heads) | set(ours.bases) | set(ours.declared_heads) <= set(ours.revisions)
    assert ours.ancestors(ids) == ours.descendants(ids) == set(ours.revisions)


LONG = 10_000


def chain(length, **first):
    return [Revision(f"r{n}", (f"r{n - 1}",) if n else first.get("down", ())) for n in range(length)]


def combed(length):
    """A branch and a merge at every third revision."""
    revisions = [Revision("m0")]
    for n in range(length // 3):
        revisions += [Revision(f"a{n}", (f"m{n}",)), Revision(f"b{n}", (f"m{n}",))]
        revisions.append(Revision(f"m{n + 1}", (f"a{n}", f"b{n}")))
    return revisions


@pytest.mark.parametrize(
    "revisions",
    [
        chain(LONG),
        chain(LONG)[::-1],
        chain(LONG, down=(f"r{LONG - 1}",)),
        chain(LONG, down=("r1",)),
        combed(LONG),
        [Revision(f"r{n}") for n in range(LONG)],
        [Revision("base"), *(Revision(f"r{n}", ("base",)) for n in range(LONG))],
        [*(Revision(f"r{n}") for n in range(LONG)), Revision("merge", tuple(f"r{n}" for n in range(LONG)))],
        [Revision("same", (), (), (), f"{n}.py") for n in range(LONG)],
        [Revision(f"r{n}", (f"gone{n}",)) for n in range(LONG)],
    ],
    ids=["chain", "reversed", "cycle", "cycle-below", "comb", "bases", "fan", "merge", "duplicates", "missing"],
)
def test_ten_thousand_revisions_take_no_recursion_and_no_time(revisions):
    start = time.process_time()

    ours = RevisionMap(revisions)
    order = ours.ordered(ours.revisions)
    ours.maximal(ours.revisions)

    assert len(order) == len(ours)
    assert time.process_time() - start < 2

"""Plans replayed by Alembic's own HeadMaintainer against a real version table."""

from __future__ import annotations

from itertools import chain, combinations

import pytest
import sqlalchemy as sa
from alembic.runtime.migration import HeadMaintainer, MigrationContext, MigrationStep
from alembic.script.revision import RevisionMap as AlembicMap
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from dbsync.plan.planner import compare, make_plan, part
from dbsync.revisions.revision import Revision
from dbsync.revisions.revision_map import RevisionMap
from tests.support.graphs import Script, alembic_map, graphs, reachable, some

moderate = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def connection():
    """Give a database in memory."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


class DirectScript(Script):
    """A script that steps from its direct parents, which is all that HeadMaintainer can bear."""

    direct: tuple[str, ...] = ()

    @property
    def _normalized_down_revisions(self):
        return self.direct


def direct_map(revisions: RevisionMap) -> AlembicMap:
    """Return Alembic's map of a graph, made so that steps name direct parents only."""
    scripts = []
    for one in revisions.revisions.values():
        script = DirectScript(one.id, one.down_revision or None, one.depends_on or None, one.branch_labels or None)
        script.direct = revisions.direct_parents(one.id)
        scripts.append(script)
    return AlembicMap(lambda: iter(scripts))


class Database:
    """The version table of a database in memory, and what Alembic does to it in a step."""

    def __init__(self, connection, rows):
        self.context = MigrationContext.configure(connection)
        self.context._version.drop(connection, checkfirst=True)
        self.context._ensure_version_table()
        for row in rows:
            connection.execute(self.context._version.insert().values(version_num=row))
        self.maintainer = HeadMaintainer(self.context, rows)

    @property
    def rows(self):
        return tuple(sorted(self.context.get_current_heads()))

    def take(self, step, applied, target):
        """Take one step as Alembic does: down with the map of what is applied, up with the target's."""
        known, make = (
            (applied, MigrationStep.downgrade_from_script)
            if step.direction == "down"
            else (
                target,
                MigrationStep.upgrade_from_script,
            )
        )
        self.maintainer.update_to_step(make(known, known.get_revision(step.revision)))


def replay(connection, applied, target, plan, map_of=direct_map):
    """Take a plan's steps, each of them legal and the table right after it; return the table's rows."""
    database = Database(connection, applied.heads)
    old, new = map_of(applied), map_of(target)
    there = set(applied.revisions)
    for step in plan.steps:
        if step.direction == "down":
            assert not applied.descendants([step.revision]) & there - {step.revision}
            there.remove(step.revision)
        else:
            assert set(target.parents(step.revision)) <= there
            assert step.revision not in there
            there.add(step.revision)
        database.take(step, old, new)
        assert database.rows == (applied if step.direction == "down" else target).maximal(there)
    assert there == set(target.revisions)
    return database.rows


@st.composite
def edited(draw, revisions):
    """Give another branch's graph: revisions gone with or from below what stood on them, re-parented, new, merging."""
    order = RevisionMap(revisions).ordered(one.id for one in revisions)
    gone, moved, cut = set(some(draw, order)), some(draw, order), draw(st.booleans())
    old = {one.id: one for one in revisions}
    graph: dict[str, Revision] = {}
    instead: dict[str, tuple[str, ...]] = {}
    for one in order:
        down, wanted = (
            tuple(dict.fromkeys(chain.from_iterable(instead.get(name, (name,)) for name in names)))
            for names in (old[one].down_revision, old[one].depends_on)
        )
        if one in gone or (cut and not gone.isdisjoint((*old[one].down_revision, *old[one].depends_on))):
            gone.add(one)
            instead[one] = down
        else:
            graph[one] = Revision(one, some(draw, graph)[:2] if one in moved else down, wanted)
    for number in range(draw(st.integers(0, 3))):
        graph[f"n{number}"] = Revision(f"n{number}", some(draw, graph)[-3:], some(draw, graph)[:1])
    return RevisionMap(graph.values())


@st.composite
def pairs(draw, size=7):
    """Give what is applied, what is wanted and which revisions say something else in the two."""
    revisions = draw(graphs(size=size, labels=False))
    applied = draw(reachable(revisions))
    target = draw(edited(revisions))
    return applied, target, frozenset(some(draw, [one for one in applied.revisions if one in target]))


def planned(pair):
    applied, target, rewritten = pair
    return make_plan(applied, target, lambda one: one not in rewritten)


MERGE = [Revision("a"), Revision("b", ("a",)), Revision("c", ("a",)), Revision("m", ("b", "c"))]
# A parent that another parent stands on: HeadMaintainer deletes a row that is not there, or writes one too many.
OVERLAPPING = [Revision("a"), Revision("b", ("a",)), Revision("c"), Revision("m", ("a", "b", "c")), Revision("z")]
DEPENDING = [Revision("a"), Revision("b", ("a",)), Revision("c", ("b",), ("a",)), Revision("z")]


@given(pairs())
@moderate
@example((RevisionMap(MERGE), RevisionMap(MERGE[:2]), frozenset()))
@example((RevisionMap(MERGE), RevisionMap(MERGE), frozenset("b")))
@example((RevisionMap(), RevisionMap(OVERLAPPING), frozenset()))
@example((RevisionMap(OVERLAPPING), RevisionMap([*OVERLAPPING[:3], OVERLAPPING[4]]), frozenset()))
@example((RevisionMap(DEPENDING), RevisionMap([*DEPENDING[:2], DEPENDING[3]]), frozenset()))
def test_a_replayed_plan_ends_at_the_targets_heads(connection, pair):
    applied, target, _ = pair
    plan = planned(pair)

    assert replay(connection, applied, target, plan) == plan.heads == target.heads
    assert target.heads == tuple(sorted(direct_map(target)._real_heads))


def own_map(revisions: RevisionMap) -> AlembicMap:
    """Return Alembic's map of a graph as it makes it."""
    return alembic_map(revisions.revisions.values())


def is_direct(revisions: RevisionMap) -> bool:
    return all(revisions.direct_parents(one) == revisions.parents(one) for one in revisions.revisions)


@given(pairs())
@moderate
def test_alembics_own_steps_do_as_well_where_no_parent_stands_on_another(connection, pair):
    applied, target, _ = pair
    assume(is_direct(applied))
    assume(is_direct(target))

    assert replay(connection, applied, target, planned(pair), own_map) == target.heads


@pytest.mark.parametrize(
    ("applied", "target", "failure"),
    [
        ([*OVERLAPPING[:3], OVERLAPPING[4]], OVERLAPPING, KeyError),
        (DEPENDING, [*DEPENDING[:2], DEPENDING[3]], AssertionError),
    ],
    ids=["up", "down"],
)
def test_alembics_own_steps_go_wrong_where_one_does(connection, applied, target, failure):
    """Why `direct_parents` is there: when this fails, Alembic has learned it and steps need them no more."""
    pair = RevisionMap(applied), RevisionMap(target), frozenset()

    with pytest.raises(failure):
        replay(connection, *pair[:2], planned(pair), own_map)


@given(graphs(labels=True), st.data())
@moderate
def test_any_state_of_a_graph_is_reached_from_any_other(connection, revisions, data):
    one, other = data.draw(reachable(revisions)), data.draw(reachable(revisions))

    plan = make_plan(one, other, lambda _: True)

    assert replay(connection, one, other, plan) == other.heads
    assert set(plan.down) == set(one.revisions) - set(other.revisions)
    assert set(plan.up) == set(other.revisions) - set(one.revisions)


@given(pairs())
@moderate
def test_there_and_back_is_the_identity(connection, pair):
    applied, target, rewritten = pair
    there, back = planned(pair), planned((target, applied, rewritten))

    assert replay(connection, applied, target, there) == target.heads
    assert replay(connection, target, applied, back) == applied.heads
    assert sorted(there.down) == sorted(back.up)
    assert sorted(there.up) == sorted(back.down)
    assert planned((target, target, frozenset())).steps == ()


def may_stay(kept, pair):
    """Say whether a set of applied revisions can be left as it is while all else is taken down."""
    applied, target, rewritten = pair
    wanted = all(
        one in target and one not in rewritten and set(applied.parents(one)) == set(target.parents(one)) for one in kept
    )
    return wanted and all(set(applied.parents(one)) <= set(kept) for one in kept)


@given(pairs(size=6))
@moderate
def test_nothing_is_taken_down_that_could_have_stayed(pair):
    applied = pair[0]
    subsets = chain.from_iterable(combinations(applied.revisions, size) for size in range(len(applied) + 1))
    most = max((set(kept) for kept in subsets if may_stay(kept, pair)), key=len)

    assert set(planned(pair).down) == set(applied.revisions) - most


@given(pairs())
@moderate
def test_the_difference_has_each_revision_where_status_shows_it(pair):
    applied, target, rewritten = pair
    difference = compare(applied, target, lambda one: one not in rewritten)

    both = set(applied.revisions) & set(target.revisions)
    assert set(difference.phantom) == set(applied.revisions) - both
    assert set(difference.pending) == set(target.revisions) - both
    assert set(difference.rewritten) == set(rewritten)
    assert {one for one in both if set(applied.parents(one)) != set(target.parents(one))} == set(difference.re_parented)
    assert all(tuple(sorted(part)) == part for part in difference)


@given(graphs(labels=True), st.data())
@moderate
def test_a_part_that_is_closed_is_free_of_obstacles(revisions, data):
    state = data.draw(reachable(revisions))

    assert part(RevisionMap(revisions), state.revisions).revisions == state.revisions
    assert state.obstacles == []

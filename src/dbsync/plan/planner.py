"""From what is applied and what is wanted to the ordered steps between them.

The plan is a difference of sets on the graph, never "the common ancestor": after a merge revision `downgrade r2a`
leaves r2a *and* r2b.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, NamedTuple

from dbsync.revisions.revision_map import RevisionMap

if TYPE_CHECKING:
    from collections.abc import Iterable


class Step(NamedTuple):
    """One revision taken down with the source it was applied with, or put up with the source that is wanted."""

    direction: str
    revision: str


class Difference(NamedTuple):
    """How what is applied differs from what is wanted, in the words of `status`; every list sorted."""

    phantom: tuple[str, ...]
    pending: tuple[str, ...]
    rewritten: tuple[str, ...]
    re_parented: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether a revision is in both, and not the same."""
        return bool(self.rewritten or self.re_parented)


class Plan(NamedTuple):
    """The steps in order, all downgrades first, and the version table's rows when they are done.

    `in_place` are revisions that get another parent without being run.
    """

    steps: tuple[Step, ...]
    heads: tuple[str, ...]
    difference: Difference
    in_place: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.steps or self.in_place)

    @property
    def down(self) -> list[str]:
        """The revisions to take down, in order."""
        return [step.revision for step in self.steps if step.direction == "down"]

    @property
    def up(self) -> list[str]:
        """The revisions to put up, in order."""
        return [step.revision for step in self.steps if step.direction == "up"]


def make_plan(applied: RevisionMap, target: RevisionMap, same_source: Callable[[str], bool]) -> Plan:
    """Return the steps from the applied graph to the target's.

    `applied` holds what is applied, closed under its own parents, as it was when applied; `target` what is wanted;
    `same_source` says of an id in both whether the two sources do the same. Both graphs must be free of obstacles.
    What is taken down is the least that can be: what is not wanted or has changed, and what builds on that.
    """
    difference = compare(applied, target, same_source)
    leaving = applied.descendants([*difference.phantom, *difference.rewritten, *difference.re_parented])
    staying = set(applied.revisions) - leaving
    arriving = set(target.revisions) - staying
    down = [Step("down", one) for one in reversed(applied.ordered(leaving))]
    up = [Step("up", one) for one in target.ordered(arriving)]
    return Plan((*down, *up), target.heads, difference)


def compare(applied: RevisionMap, target: RevisionMap, same_source: Callable[[str], bool]) -> Difference:
    """Return what `status` shows of two graphs; the parameters are those of `make_plan`."""
    both = [one for one in applied.revisions if one in target]
    moved = {one for one in both if set(applied.parents(one)) != set(target.parents(one))}
    changed = {one for one in both if not same_source(one)}
    return Difference(
        phantom=_sorted(set(applied.revisions) - set(target.revisions)),
        pending=_sorted(set(target.revisions) - set(applied.revisions)),
        rewritten=_sorted(changed),
        re_parented=_sorted(moved),
    )


def part(revisions: RevisionMap, ids: Iterable[str]) -> RevisionMap:
    """Return the graph of some of the revisions, in the order they had."""
    wanted: set[str] = set(ids)
    return RevisionMap(one for one in revisions.revisions.values() if one.id in wanted)


def _sorted(ids: set[str]) -> tuple[str, ...]:
    return tuple(sorted(ids))

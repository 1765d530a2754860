"""Revision heads beside each other that nobody wanted, and what is above the fork they grew from. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbsync.revisions.revision_map import RevisionMap


def has_unwanted_heads(graph: RevisionMap, wanted: int) -> bool:
    """Say whether there are more heads than are wanted; those with a branch label of their own are wanted."""
    heads = graph.declared_heads
    return len(heads) > wanted and len(_labelled(graph, heads)) < len(heads)


def above_forks(graph: RevisionMap, wanted: int) -> set[str]:
    """Return the revisions that some of several unwanted heads build on, and not all; empty where heads are wanted.

    Heads that have nothing in common are no fork: nobody gets a second base by merging.
    """
    if not has_unwanted_heads(graph, wanted):
        return set()
    heads = graph.declared_heads
    unnamed = [head for head in heads if head not in _labelled(graph, heads)]
    above: set[str] = set()
    for group in _related([graph.lineage([head]) for head in unnamed]):
        above.update(set().union(*group) - group[0].intersection(*group))
    return above


def without_new_above(graph: RevisionMap, above: set[str], applied: Iterable[str]) -> set[str]:
    """Return the ids of a graph less what is above a fork and not applied yet, and what builds on that."""
    return set(graph.revisions) - graph.descendants(above.difference(applied))


def _labelled(graph: RevisionMap, heads: Iterable[str]) -> set[str]:
    """Return the heads on a revision branch with a label that no other head is on."""
    below = {head: graph.lineage([head]) for head in heads}
    found = set()
    for head, lineage in below.items():
        others = set().union(*(below[one] for one in below if one != head))
        if any(graph.revisions[one].branch_labels for one in lineage - others):
            found.add(head)
    return found


def _related(lineages: list[set[str]]) -> list[list[set[str]]]:
    """Group what each head builds on by what they have in common, directly or through others."""
    groups: list[list[set[str]]] = []
    for lineage in lineages:
        near = [group for group in groups if any(lineage & one for one in group)]
        groups = [group for group in groups if group not in near]
        groups.append([lineage, *(one for group in near for one in group)])
    return groups

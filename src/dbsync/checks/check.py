"""All checks on one subject: what cannot be read, heads, history, danger, drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.checks.danger import dangers
from dbsync.checks.drift import drift
from dbsync.checks.finding import Finding, without_waived
from dbsync.checks.heads import unwanted_heads
from dbsync.checks.history import rewritten_history
from dbsync.checks.judged import judged
from dbsync.checks.unjudged import Rules

if TYPE_CHECKING:
    from collections.abc import Collection

    from dbsync.checks.judged import Subject
    from dbsync.git.objects import CommitTree
    from dbsync.sync.project import Project

KINDS = ("heads", "history", "danger", "drift")
# No revisions, no configuration: a branch may well be meant to be without.
NO_CONFIGURATION = "DBS112"
NOTHING_THERE = ("DBS108", NO_CONFIGURATION)


def check(
    project: Project, subject: Subject, kinds: Collection[str] = KINDS, rules: Rules | None = None
) -> list[Finding]:
    """Return what some kinds of checks find in a subject.

    What a tree holds never raises: it is a finding.
    """
    tree = project.commit_tree(subject.tree)
    bases = [project.commit_tree(one) for one in (subject.base, subject.other) if one]
    unreadable = project.environments(tree)[1]
    if subject.relative and any(_has_none(project, one) for one in bases):
        unreadable = [one for one in unreadable if one.code != NO_CONFIGURATION]
    found = [Finding(one, _stops(subject, one.code)) for one in unreadable]
    for one in judged(project, subject):
        found += [Finding(each, _stops(subject, each.code)) for each in one.graph.obstacles]
        found += unwanted_heads(one) if "heads" in kinds else []
        found += rewritten_history(one) if "history" in kinds else []
        new = one.new() if "danger" in kinds and subject.base else {}
        found += dangers(new, one.sources(list(new))) if new else []
        found += drift(one, bases, rules or Rules()) if "drift" in kinds else []
    return without_waived(found, project.settings.ignore)


def _has_none(project: Project, tree: CommitTree) -> bool:
    return any(one.code == NO_CONFIGURATION for one in project.environments(tree)[1])


def _stops(subject: Subject, code: str) -> bool:
    return not (subject.relative and code in NOTHING_THERE)

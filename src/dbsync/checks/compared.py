"""The verdict on a tree and on what it is compared with: built from nothing, or upon the tables of older models."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dbsync.checks.build import Subtree, Verdict, build, build_upon_models, fingerprint
from dbsync.checks.verdicts import Verdicts
from dbsync.environment.script_directory import read_sources
from dbsync.git.upstream import merge_base
from dbsync.revisions.compare import same_upgrade
from dbsync.revisions.mentions import is_plain
from dbsync.store.lock import CheckLock

if TYPE_CHECKING:
    from dbsync.checks.judged import Judged
    from dbsync.environment.script_directory import Graph
    from dbsync.git.objects import CommitTree

FAILED = "DBS413"
LOOKED_BACK = 20
WAITED_SECONDS = 120


def compared(judged: Judged, bases: list[CommitTree]) -> tuple[Verdict, list[Verdict]]:
    """Return the verdict on the tree, and those on what it is compared with: none where that does not matter."""
    name = hashlib.sha256(judged.project.repository.git_dir.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    with CheckLock(f"{judged.project.layout.folder('trees')}/{name}.lock", WAITED_SECONDS):
        return _compared(judged, bases)


def _compared(judged: Judged, bases: list[CommitTree]) -> tuple[Verdict, list[Verdict]]:
    has_baseline = judged.project.settings.baseline_for(judged.environment.name)
    upon = _older_models(judged, bases[0]) if bases and not has_baseline else None
    here = _verdict(judged, upon)
    if here.before is None:
        return here, [_verdict_on_base(judged, one, here) for one in bases] if _needs_bases(judged, here) else []
    # Between older models and these lie revisions that are not new.
    first = Verdict(tables=here.before if upon is bases[0] else {})
    others = bases[1:] if judged.relative and here.lines and not here.obstacle else []
    return here, [first, *(_verdict_beside(judged, bases[0], one) for one in others)]


def _verdict(judged: Judged, upon: CommitTree | None) -> Verdict:
    """Judge the tree: from nothing, or upon older models where its chain does not start from nothing."""
    verdicts, here = Verdicts(judged.project, judged.environment), subtree_of(judged, judged.tree, "staged")
    found = verdicts.known(judged.tree, upon)
    if found is not None:
        return found
    fingerprints = {one.id: fingerprint(one) for one in here.graph.map.revisions.values()}
    failing = verdicts.failing() & set(fingerprints.values())
    found = None if failing and upon else build(here)
    if upon and (found is None or (found.obstacle and found.obstacle.code == FAILED)):
        made, on_top = build_upon_models(subtree_of(judged, upon, "base"), here)
        if not made.obstacle:
            failed = fingerprints.get(found.failed, "") if found else min(failing)
            return on_top if on_top.obstacle else verdicts.remember(judged.tree, on_top._replace(failed=failed), upon)
    return verdicts.remember(judged.tree, found or build(here))


def _needs_bases(judged: Judged, here: Verdict) -> bool:
    """Say whether the bases have to be judged: to take off what was so before, or to compare the models' DDL."""
    if here.empty or (here.obstacle and not judged.relative):
        return False
    wrong = judged.relative and bool(here.lines or here.obstacle)
    return wrong or all(map(is_plain, judged.sources(list(judged.new())).values()))


def _verdict_on_base(judged: Judged, base: CommitTree, here: Verdict) -> Verdict:
    """Judge a base; once more where the tree does not work: a service that is down now is nobody's fault.

    Where the libraries of today cannot run it, what it was found to be before counts.
    """
    verdicts = Verdicts(judged.project, judged.environment)
    found = None if here.obstacle else verdicts.known(base)
    found = found or verdicts.remember(base, build(subtree_of(judged, base, "base")))
    earlier = verdicts.earlier(base) if found.obstacle and not here.obstacle else None
    return earlier or found


def _verdict_beside(judged: Judged, base: CommitTree, other: CommitTree) -> Verdict:
    """Judge the other side of a merge, upon the models that both sides come from."""
    common = merge_base(judged.project.repository, base.commit, other.commit)
    models = subtree_of(judged, judged.project.commit_tree(common or base.commit), "base")
    return build_upon_models(models, subtree_of(judged, other, "staged"))[1]


def subtree_of(judged: Judged, tree: CommitTree, role: str) -> Subtree:
    """Return the environment as a tree has it."""
    project = judged.project
    environment = project.environment_in(judged.environment, tree)
    return Subtree(project, tree, project.graph(judged.environment, tree), environment, role)


def _older_models(judged: Judged, base: CommitTree) -> CommitTree:
    """Return the newest of the base and its ancestors whose revisions the tree has as they are.

    An older one than the base where a revision of the last commits is edited, as `git commit --amend` has it: what its
    models say is not what that revision makes.
    """
    project, graph = judged.project, _graph(judged, base)
    if _holds(judged, base, graph):
        return base
    words = ("rev-list", "--first-parent", f"--max-count={LOOKED_BACK}", base.commit, "--")
    for commit in project.repository.line(*words, *judged.environment.version_locations).split():
        older = project.repository.commit_of(f"{commit}^")
        tree = project.commit_tree(older) if older else None
        if tree and _holds(judged, tree, _graph(judged, tree)):
            return tree
    return base


def _graph(judged: Judged, tree: CommitTree) -> Graph:
    """Return the revisions of the judged environment in another tree."""
    return judged.project.graph(judged.environment, tree)


def _holds(judged: Judged, tree: CommitTree, graph: Graph) -> bool:
    """Say whether the judged tree has all revisions of another, none with another upgrade."""
    here, there = judged.graph.map.revisions, graph.map.revisions
    if any(one not in here for one in there):
        return False
    differing = [one for one in there if there[one].oid != here[one].oid]
    sources, others = (
        judged.sources(differing),
        read_sources(judged.project.repository, tree, [there[one] for one in differing]),
    )
    return all(same_upgrade(sources.get(one, b""), others.get(one, b"-")) for one in differing)

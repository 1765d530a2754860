"""Revisions that the upstream already has are history: edited, deleted, renumbered or re-parented, they are stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.checks.finding import Finding, waives
from dbsync.environment.script_directory import read_sources
from dbsync.errors import Obstacle
from dbsync.revisions.compare import same_body

if TYPE_CHECKING:
    from dbsync.checks.judged import Judged
    from dbsync.environment.script_directory import Graph
    from dbsync.revisions.revision import Revision

BRING_BACK = "bring it back: `git checkout {} -- {}`; if this is meant: `git commit --no-verify`"
HINT = "write a new revision instead; if this is meant: `git commit --no-verify`, or `# dbsync: ignore {}` in the file"


def rewritten_history(judged: Judged) -> list[Finding]:
    """Return what was done to revisions of the merge base with the upstream.

    What the upstream's tip has the same way is its own doing and not ours.
    """
    if judged.published is None or judged.upstream is None:
        return []
    (tree, graph), (_, tip) = judged.published, judged.upstream
    here = judged.graph.map.revisions
    gone = [one for one in graph.map.revisions.values() if one.id not in here and one.id in tip.map]
    changed = [one for one in graph.map.revisions.values() if one.id in here and one.oid != here[one.id].oid]
    changed = [one for one in changed if _oid(tip, one.id) != here[one.id].oid]
    sources = read_sources(judged.project.repository, tree, [*gone, *changed])
    return [*_gone(judged, gone, sources), *_changed(judged, changed, sources)]


def _oid(graph: Graph, one: str) -> str:
    return graph.map.revisions[one].oid if one in graph.map else ""


def _gone(judged: Judged, gone: list[Revision], sources: dict[str, bytes]) -> list[Finding]:
    known = set(judged.published[1].map.revisions) if judged.published else set()
    new = [one for one in judged.graph.map.revisions.values() if one.id not in known]
    news = judged.sources([one.id for one in new])
    findings = []
    for one in gone:
        heir = next((each for each in new if same_body(sources.get(one.id, b""), news.get(each.id, b""))), None)
        what = f"was given the id {heir.id}" if heir else "was deleted"
        hint = BRING_BACK.format(judged.upstream_name, one.path)
        message = f"revision {one.id}, which is published, {what}"
        findings.append(Finding(Obstacle("DBS205", message, hint, one.path)))
    return findings


def _changed(judged: Judged, changed: list[Revision], sources: dict[str, bytes]) -> list[Finding]:
    news = judged.sources([one.id for one in changed])
    findings = []
    for one in changed:
        now, source = judged.graph.map.revisions[one.id], news.get(one.id, b"")
        if (one.down_revision, one.depends_on) != (now.down_revision, now.depends_on):
            parents = ", ".join(now.down_revision) or "nothing"
            message = f"revision {one.id}, which is published, was put on top of {parents}"
            found = _finding("DBS206", message, now.path)
        elif not same_body(sources.get(one.id, b""), source):
            found = _finding("DBS204", f"revision {one.id}, which is published, was edited", now.path)
        else:
            continue  # comments only
        findings += [] if waives(source, found.obstacle.code) else [found]
    return findings


def _finding(code: str, message: str, path: str) -> Finding:
    return Finding(Obstacle(code, message, HINT.format(code), path))

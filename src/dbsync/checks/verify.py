"""Verifying: each new revision goes up, down and up again in a scratch database with rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.checks.build import Shadow, create_models, run_worker
from dbsync.checks.compared import FAILED, subtree_of
from dbsync.checks.drift import NO_REVISION
from dbsync.checks.finding import Finding, waives, without_waived
from dbsync.checks.unjudged import OF_THE_CODE, not_judged, why_not
from dbsync.checks.verified import Verified
from dbsync.errors import Obstacle
from dbsync.sync.baseline import HINT, may_lack_baseline
from dbsync.sync.failures import obstacle_of
from dbsync.sync.request import graph_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from dbsync.checks.build import Subtree
    from dbsync.checks.judged import Judged
    from dbsync.checks.unjudged import Rules
    from dbsync.environment.script_directory import Graph
    from dbsync.git.objects import CommitTree

    Progress = Callable[[str], None]

SENTENCES = {
    "DBS230": "the upgrade of {} fails",
    "DBS231": "the downgrade of {} fails",
    "DBS232": "the downgrade of {} does not go back",
    "DBS233": "{} cannot be applied a second time",
    "DBS234": "the second upgrade of {} makes another schema than the first",
}
HINTS = {
    "DBS230": "correct its upgrade",
    "DBS231": "correct its downgrade: without it a switch cannot go back",
    "DBS232": "let its downgrade drop what is left (+; a type by `op.execute`) and bring back what is missing (-)",
    "DBS233": "let its downgrade drop all that its upgrade makes",
    "DBS234": "correct its downgrade",
}
OF_FILE = "; if it is meant: `# dbsync: ignore {}` in the file"
ON_ROWS = {
    True: "where its tables hold rows",
    False: "on the rows that it was tried with",
}


class Result(NamedTuple):
    """What came of the revisions that were to be verified; `known` were verified before and not run again."""

    verified: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


class Run(NamedTuple):
    """What the worker said: what was found of each revision, by id, with whether it is applied now."""

    found: dict[str, tuple[bool, list[dict[str, Any]]]]
    last: dict[str, Any]


def verify(judged: Judged, ids: Collection[str], rules: Rules, progress: Progress) -> Result:
    """Verify some revisions of a subject, ancestors first. What a tree holds never raises: it is a finding."""
    unreadable = [one for one in judged.graph.obstacles if one.code != NO_REVISION]
    if unreadable:
        return Result(findings=tuple(Finding(one) for one in unreadable))
    store, ordered = Verified(judged), judged.graph.map.ordered(ids)
    known = [one for one in ordered if store.knows(one)]
    wanted = [one for one in ordered if one not in known]
    if not wanted:
        return Result(tuple(ordered), tuple(known))
    unjudged = why_not(judged, rules)
    if unjudged:
        return Result(tuple(known), tuple(known), (Finding(unjudged, rules.strict),))
    return _verify(_Verification(judged, store, progress, {}), wanted, known, rules)


class _Verification(NamedTuple):
    """What is needed throughout, and what was found of each revision so far."""

    judged: Judged
    store: Verified
    progress: Progress
    found: dict[str, tuple[bool, list[dict[str, Any]]]]


def _verify(this: _Verification, wanted: list[str], known: list[str], rules: Rules) -> Result:
    judged = this.judged
    here = subtree_of(judged, judged.tree, "verify")
    done = _from_nothing(this, here, wanted)
    has_baseline = judged.project.settings.baseline_for(judged.environment.name)
    if isinstance(done, Obstacle) and done.code == FAILED and judged.base and not has_baseline:
        done = _upon_models(this, here, judged.base, wanted)
    if isinstance(done, Obstacle):
        finding = _broken(judged, done, rules)
        return Result(tuple(known), tuple(known), tuple(without_waived([finding], judged.project.settings.ignore)))
    clean = [one for one, (_, found) in done.found.items() if not found]
    this.store.remember(clean, done.last)
    findings = _findings(judged, done, wanted)
    verified = judged.graph.map.ordered([*known, *done.found])
    return Result(tuple(verified), tuple(known), tuple(without_waived(findings, judged.project.settings.ignore)))


def _broken(judged: Judged, obstacle: Obstacle, rules: Rules) -> Finding:
    if obstacle.code not in OF_THE_CODE:
        return not_judged(obstacle, rules, "verified")
    asking = may_lack_baseline(judged.project, judged.environment, obstacle.message)
    hint = obstacle.hint.replace("`dbsync sync`", "`dbsync verify`") + (f"; {HINT}" if asking else "")
    return Finding(Obstacle("DBS222", f"not verified: {obstacle.message}", hint, obstacle.path, obstacle.line))


def _from_nothing(this: _Verification, here: Subtree, wanted: list[str]) -> Run | Obstacle:
    """Build what comes before each from nothing. Where nothing leads back from a failure, build anew and go on."""
    while True:
        last = _run(this, here, _plan(here.graph, wanted, this.found), {})
        if isinstance(last, Obstacle) or not last["lost"]:
            return last if isinstance(last, Obstacle) else Run(this.found, last)


def _upon_models(this: _Verification, here: Subtree, base: CommitTree, wanted: list[str]) -> Run | Obstacle:
    """Take the base's models for what its revisions make: the chain does not start from nothing."""
    before = subtree_of(this.judged, base, "base")
    shadow = Shadow(this.judged.project, this.judged.environment, "verify")
    this.found.clear()
    try:
        while True:
            made = create_models(before, shadow)
            plan = _plan(here.graph, wanted, this.found, set(before.graph.map.revisions))
            last = made.obstacle or _run(this, here, plan, shadow.again())
            if isinstance(last, Obstacle) or not last["lost"]:
                return last if isinstance(last, Obstacle) else Run(this.found, last)
    finally:
        shadow.discard()


def _plan(
    graph: Graph, wanted: list[str], found: dict[str, tuple[bool, list[dict[str, Any]]]], built: Collection[str] = ()
) -> dict[str, Any]:
    """Return what is built and what of it is verified: what failed, and what builds on that, is left out."""
    failed = {one for one, (applied, _) in found.items() if not applied}
    out = graph.map.descendants(failed)
    left = [one for one in wanted if one not in found and one not in out]
    needed = graph.map.ancestors([*left, *(one for one in found if one not in failed)]) - set(built)
    return {"target": graph_facts(graph.map), "order": graph.map.ordered(needed), "verify": left}


def _run(this: _Verification, here: Subtree, plan: dict[str, Any], shadow: dict[str, Any]) -> dict[str, Any] | Obstacle:
    """Run the worker once; what it finds goes into `found`."""
    lost: list[str] = []

    def answer(event: dict[str, Any]) -> dict[str, Any] | None:
        if event["event"] == "trying":
            this.progress(_said(event, plan["verify"]))
        elif event["event"] == "found" and not lost:  # what comes of other databases then is asked again
            applied, before = this.found.get(event["revision"], (True, []))  # once for each database of env.py
            this.found[event["revision"]] = (applied and event["applied"], [*before, *event["found"]])
        elif event["event"] == "lost":
            lost.append(event["revision"])
        if event["event"] != "current":
            return None
        there = here.graph.map.ancestors(event["heads"])  # a baseline may say itself which revisions are in it
        return {**plan, "order": [one for one in plan["order"] if one not in there]}

    last = run_worker(here, "verify", answer, shadow=shadow)
    if isinstance(last, Obstacle):
        return last
    return {**last, "lost": lost} if last["event"] == "done" else obstacle_of(last, here.environment)


def _said(event: dict[str, Any], ids: list[str]) -> str:
    if event["building"]:
        return f"dbsync: building up to what is new: {event['revision']}"
    return f"dbsync: verifying {event['revision']} ({ids.index(event['revision']) + 1} of {len(ids)})"


def _findings(judged: Judged, run: Run, wanted: list[str]) -> Iterable[Finding]:
    sources = judged.sources(list(run.found))
    for one, (applied, facts) in run.found.items():
        once = {repr((each["code"], each["lines"])): each for each in facts}
        for each in once.values():
            if not waives(sources.get(one, b""), each["code"]):
                yield _finding(judged, one, each, [] if applied else _unverified(judged, one, run, wanted))


def _unverified(judged: Judged, one: str, run: Run, wanted: list[str]) -> list[str]:
    """Name the revisions that could not be tried for want of one."""
    above = judged.graph.map.descendants([one])
    left = [each for each in wanted if each in above and each not in run.found]
    return [f"not verified, since they build on it: {', '.join(left)}"] if left else []


def _finding(judged: Judged, one: str, facts: dict[str, Any], more: list[str]) -> Finding:
    code, error = facts["code"], facts.get("error") or {}
    message = SENTENCES[code].format(one)
    if facts.get("on_rows"):
        message += f" {ON_ROWS[error['lacks_a_value']]}"
    if error:
        message += f": {error['type']}: {error['message']}"
    path = error.get("path") or judged.graph.map.revisions[one].path
    hint = HINTS[code] + OF_FILE.format(code)
    if code == "DBS230" and may_lack_baseline(judged.project, judged.environment, message):
        hint += f"; {HINT}"
    obstacle = Obstacle(code, message, hint, path, error.get("line"))
    stops = not facts.get("on_rows") or error["lacks_a_value"]
    return Finding(obstacle, stops, (*facts["lines"], *more))

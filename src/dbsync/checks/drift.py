"""Drift: whether revisions make the models, and what changed of their DDL that autogenerate does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.checks.build import Subtree, Verdict, build, build_upon_models
from dbsync.checks.finding import Finding
from dbsync.checks.verdicts import Verdicts
from dbsync.errors import DbsyncError, Obstacle
from dbsync.revisions.env import names_no_models
from dbsync.sync.request import interpreter_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbsync.checks.judged import Judged
    from dbsync.git.objects import CommitTree

AUTOGENERATE = '`alembic revision --autogenerate -m "…"`, look at it, then `git add` it'
WAIVE = "; to commit without: `git commit --no-verify`"
FAILED = "DBS413"
NO_REVISION = "DBS108"


class Rules(NamedTuple):
    """What becomes of what cannot be judged: `strict`, it stops; `untrusted` is why nothing may be run at all."""

    strict: bool = False
    untrusted: Obstacle | None = None


def drift(judged: Judged, bases: list[CommitTree], rules: Rules) -> list[Finding]:
    """Return where the models of a tree and its revisions differ, beyond what they do in the bases."""
    if any(one.code != NO_REVISION for one in judged.graph.obstacles):
        return []  # they are findings already
    env = f"{judged.environment.script_location}/env.py"
    if names_no_models(judged.tree.read(env) or b""):
        return [_no_models(env)]
    unjudged = why_not(judged, rules)
    if unjudged:
        return [Finding(unjudged, rules.strict)]
    here = _verdict(judged, bases)
    before = [_verdict_on_base(judged, base) for base in bases] if _needs_bases(judged, here) else []
    if here.obstacle:
        return [_broken(here.obstacle, before, strict=rules.strict)]
    if here.empty:
        return [_no_models(env)]
    return [*_differences(judged, here, before), *_passed_over(judged, here, before)]


def _no_models(env: str) -> Finding:
    message = "env.py names no models: target_metadata is empty"
    return Finding(Obstacle("DBS209", message, "set target_metadata in it", env), stops=False)


def _verdict(judged: Judged, bases: list[CommitTree]) -> Verdict:
    """Judge the tree: from nothing, or upon the first base's models where its chain does not start from nothing."""
    verdicts, here = Verdicts(judged.project, judged.environment), subtree_of(judged, judged.tree, "staged")
    found = verdicts.known(judged.tree)
    if found is not None:
        return found
    found = build(here)
    if found.obstacle and found.obstacle.code == FAILED and bases:
        upon = build_upon_models(subtree_of(judged, bases[0], "base"), here)
        if upon.obstacle is None:
            return upon  # it holds for this base only
    return verdicts.remember(judged.tree, found)


def _needs_bases(judged: Judged, here: Verdict) -> bool:
    """Say whether the bases have to be judged: to take off what was so before, or to compare the models' DDL."""
    if here.upon_models or here.empty:
        return False  # the first base is in it, or there is nothing to compare
    wrong = bool(here.lines or here.obstacle)
    return judged.relative and (wrong or not judged.new())


def _verdict_on_base(judged: Judged, base: CommitTree) -> Verdict:
    verdicts = Verdicts(judged.project, judged.environment)
    return verdicts.known(base) or verdicts.remember(base, build(subtree_of(judged, base, "base")))


def subtree_of(judged: Judged, tree: CommitTree, role: str) -> Subtree:
    """Return the environment as a tree has it."""
    project = judged.project
    environment = project.environment_in(judged.environment, tree)
    return Subtree(project, tree, project.graph(judged.environment, tree), environment, role)


def why_not(judged: Judged, rules: Rules) -> Obstacle | None:
    """Return why nothing of a subject may or can be run."""
    if rules.untrusted:
        return Obstacle("DBS221", f"not judged: {rules.untrusted.message}", rules.untrusted.hint)
    name = judged.environment.name
    if judged.project.settings.runner_for(name):
        message = f"not judged: {name} is run elsewhere (dbsync.runner), where a commit's files are not"
        return Obstacle("DBS221", message, "run dbsync there")
    try:
        interpreter_of(judged.project, judged.environment)
    except DbsyncError as error:
        return Obstacle("DBS221", f"not judged: {error.message}", error.hint)
    return None


def _broken(obstacle: Obstacle, before: list[Verdict], *, strict: bool) -> Finding:
    """Weigh that a tree could not be judged: what this commit broke stops it, what never worked here does not."""
    was_so = any(one.obstacle for one in before)
    hint = obstacle.hint.replace("`dbsync sync`", "`git commit`") + WAIVE
    return Finding(
        Obstacle("DBS222", f"not judged: {obstacle.message}", hint, obstacle.path, obstacle.line), strict or not was_so
    )


def _differences(judged: Judged, here: Verdict, before: list[Verdict]) -> list[Finding]:
    known = {line for one in before for line in one.lines}
    new, old = [line for line in here.lines if line not in known], [line for line in here.lines if line in known]
    findings = []
    if new:
        message = f"{_counted(len(new), 'difference')} between the models and what the revisions make"
        findings.append(
            Finding(Obstacle("DBS201", message, _way_out(judged), judged.environment.name), lines=tuple(new))
        )
    if old:
        message = f"{_counted(len(old), 'difference')} between models and revisions, there before this"
        obstacle = Obstacle("DBS201", message, AUTOGENERATE, judged.environment.name)
        findings.append(Finding(obstacle, stops=False, lines=tuple(old)))
    return findings


def _way_out(judged: Judged) -> str:
    """Name a revision that lies in the work tree and is not part of what is judged, else how to write one."""
    here = judged.project.graph(judged.environment)
    left_out = [one.path for one in here.map.revisions.values() if one.id not in judged.graph.map]
    return f"`git add {' '.join(left_out)}`{WAIVE}" if left_out and judged.relative else AUTOGENERATE + WAIVE


def _passed_over(judged: Judged, here: Verdict, before: list[Verdict]) -> list[Finding]:
    """Return tables whose DDL changed where no revision came with it and autogenerate saw nothing."""
    if len(before) != 1 or before[0].obstacle or judged.new() or set(here.lines) - set(before[0].lines):
        return []
    were, are = before[0].tables, here.tables
    changed = [name for name in are if name in were and are[name] != were[name]]
    if not changed:
        return []
    lines = [line for name in changed for line in _changes(name, were[name], are[name])]
    message = f"the DDL of {', '.join(changed)} changed and no revision came with it; autogenerate does not see it"
    hint = '`alembic revision -m "…"`, write it by hand, then `git add` it' + WAIVE
    return [Finding(Obstacle("DBS202", message, hint, judged.environment.name), lines=tuple(lines))]


def _changes(name: str, before: Iterable[str], now: Iterable[str]) -> list[str]:
    gone, come = sorted(set(before) - set(now)), sorted(set(now) - set(before))
    return [*(f"- {name}: {line}" for line in gone), *(f"+ {name}: {line}" for line in come)]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

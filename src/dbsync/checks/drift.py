"""Drift: whether revisions make the models, and what changed of their DDL that autogenerate does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.checks.build import Subtree, Verdict, build, build_upon_models
from dbsync.checks.finding import Finding
from dbsync.checks.verdicts import Verdicts
from dbsync.errors import DbsyncError, Obstacle
from dbsync.sync.request import interpreter_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbsync.checks.judged import Judged
    from dbsync.git.objects import CommitTree

AUTOGENERATE = '`alembic revision --autogenerate -m "…"`, look at it, then `git add` it'
WAIVE = "; to commit without: `git commit --no-verify`"
FAILED = "DBS413"


def drift(judged: Judged, base: CommitTree | None, *, strict: bool) -> list[Finding]:
    """Return where the models of a tree and its revisions differ, beyond what they do in the base.

    `strict` says that what cannot be judged stops too.
    """
    graph = judged.graph
    if graph.obstacles:
        return []  # they are findings already
    unjudged = _why_not(judged)
    if unjudged:
        return [Finding(unjudged, strict)]
    here, before = _compared(judged, base)
    if here.obstacle:
        return [_broken(here.obstacle, before, strict=strict)]
    if here.empty:
        obstacle = Obstacle("DBS209", "env.py names no models: target_metadata is empty", "set target_metadata in it")
        return [Finding(obstacle._replace(path=f"{judged.environment.script_location}/env.py"), stops=False)]
    return [*_differences(judged, here, before), *_passed_over(judged, here, before)]


def _compared(judged: Judged, base: CommitTree | None) -> tuple[Verdict, Verdict | None]:
    """Judge the tree, and the base where that matters: where there are differences, or DDL to compare with."""
    verdicts = Verdicts(judged.project, judged.environment)
    here, base_here = _subtree(judged, judged.tree, "staged"), None
    found = verdicts.known(judged.tree)
    if found is None:
        found = build(here)
        base_here = _subtree(judged, base, "base") if base else None
        if base_here and found.obstacle and found.obstacle.code == FAILED:
            upon = build_upon_models(base_here, here)
            if upon.obstacle is None:
                return verdicts.remember(judged.tree, upon._replace(upon_models=True)), Verdict(tables=upon.tables)
        verdicts.remember(judged.tree, found)
    if base is None or not judged.relative:
        return found, None
    before = verdicts.known(base)
    if before is None:
        before = verdicts.remember(base, build(_subtree(judged, base, "base")))
    return found, before


def _subtree(judged: Judged, tree: CommitTree, role: str) -> Subtree:
    project = judged.project
    environment = project.environment_in(judged.environment, tree)
    return Subtree(project, tree, project.graph(judged.environment, tree), environment, role)


def _why_not(judged: Judged) -> Obstacle | None:
    name = judged.environment.name
    if judged.project.settings.runner_for(name):
        message = f"not judged: {name} is run elsewhere (dbsync.runner), where a commit's files are not"
        return Obstacle("DBS221", message, "run `dbsync check` there")
    try:
        interpreter_of(judged.project, judged.environment)
    except DbsyncError as error:
        return Obstacle("DBS221", f"not judged: {error.message}", error.hint)
    return None


def _broken(obstacle: Obstacle, before: Verdict | None, *, strict: bool) -> Finding:
    """Weigh that a tree could not be judged: what this commit broke stops it, what never worked here does not."""
    was_so = before is not None and before.obstacle is not None
    hint = obstacle.hint.replace("`dbsync sync`", "`git commit`") + WAIVE
    return Finding(
        Obstacle("DBS222", f"not judged: {obstacle.message}", hint, obstacle.path, obstacle.line), strict or not was_so
    )


def _differences(judged: Judged, here: Verdict, before: Verdict | None) -> list[Finding]:
    known = set(before.lines) if before and not before.obstacle else set()
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


def _passed_over(judged: Judged, here: Verdict, before: Verdict | None) -> list[Finding]:
    """Return tables whose DDL changed where no revision came with it and autogenerate saw nothing."""
    if before is None or before.obstacle or judged.new() or here.lines:
        return []
    changed = [name for name in here.tables if name in before.tables and here.tables[name] != before.tables[name]]
    if not changed:
        return []
    lines = [line for name in changed for line in _changes(name, before.tables[name], here.tables[name])]
    message = f"the DDL of {', '.join(changed)} changed and no revision came with it; autogenerate does not see it"
    hint = '`alembic revision -m "…"`, write it by hand, then `git add` it' + WAIVE
    return [Finding(Obstacle("DBS202", message, hint, judged.environment.name), lines=tuple(lines))]


def _changes(name: str, before: Iterable[str], now: Iterable[str]) -> list[str]:
    gone, come = sorted(set(before) - set(now)), sorted(set(now) - set(before))
    return [*(f"- {name}: {line}" for line in gone), *(f"+ {name}: {line}" for line in come)]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

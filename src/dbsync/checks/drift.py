"""Drift: whether revisions make the models, and what changed of their DDL that autogenerate does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.checks.compared import compared
from dbsync.checks.finding import Finding
from dbsync.checks.unjudged import OF_THE_CODE, not_judged, why_not
from dbsync.errors import Obstacle
from dbsync.revisions.env import names_no_models
from dbsync.revisions.mentions import holds_all, may_be_about, new_names
from dbsync.sync.baseline import HINT, baseline_facts, may_lack_baseline
from dbsync.sync.own_server import own_server_note

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbsync.checks.build import Verdict
    from dbsync.checks.judged import Judged
    from dbsync.checks.unjudged import Rules
    from dbsync.git.objects import CommitTree

AUTOGENERATE = '`alembic revision --autogenerate -m "…"`, look at it, then `git add` it'
WAIVE = "; to commit without: `git commit --no-verify`"
NO_REVISION = "DBS108"


def drift(judged: Judged, bases: list[CommitTree], rules: Rules) -> list[Finding]:
    """Return where the models of a tree and its revisions differ, beyond what they do in the bases."""
    if any(one.code != NO_REVISION for one in judged.graph.obstacles):
        return []  # they are findings already
    env = f"{judged.environment.script_location}/env.py"
    if names_no_models(judged.tree.read(env) or b""):
        return [_no_models(env), *_without_baseline(judged)]
    unjudged = why_not(judged, rules)
    if unjudged:
        return [Finding(unjudged, rules.strict)]
    here, before = compared(judged, bases)
    if here.obstacle:
        hint = _ask_for_baseline(judged, here) or here.obstacle.hint
        return [_broken(here.obstacle._replace(hint=hint), rules, was_so=_was_so(judged, here, before))]
    if here.empty:
        return [_no_models(env)]
    notes = [Finding(one, stops=False) for one in own_server_note(judged.project)]
    return [*_differences(judged, here, before), *_passed_over(judged, here, before), *notes]


def _no_models(env: str) -> Finding:
    message = "env.py names no models: target_metadata is empty"
    return Finding(Obstacle("DBS209", message, "set target_metadata in it", env), stops=False)


def _without_baseline(judged: Judged) -> list[Finding]:
    missing = baseline_facts(judged.project, judged.environment, judged.tree).get("missing")
    message = f"the baseline {missing} is not there"
    return [Finding(Obstacle("DBS419", message, "correct dbsync.baseline"), stops=False)] if missing else []


def _broken(obstacle: Obstacle, rules: Rules, *, was_so: bool) -> Finding:
    """Say why a tree could not be judged: what the code does stops, unless it was so before."""
    if obstacle.code not in OF_THE_CODE:
        return not_judged(obstacle, rules)
    stops = rules.strict or not was_so
    hint = obstacle.hint.replace("`dbsync sync`", "`git commit`") + (WAIVE if stops else "")
    return Finding(Obstacle("DBS222", f"not judged: {obstacle.message}", hint, obstacle.path, obstacle.line), stops)


def _ask_for_baseline(judged: Judged, here: Verdict) -> str:
    """Say what to set where a revision fails for something that no revision made."""
    message = here.obstacle.message if here.obstacle and here.failed else ""
    asking = may_lack_baseline(judged.project, judged.environment, message)
    return f"correct the revision; {HINT}" if asking else ""


def _was_so(judged: Judged, here: Verdict, before: list[Verdict]) -> bool:
    """Say whether a tree fails as what it is compared with does, which is not this commit's doing.

    Where Alembic only comes to a project, that one fails in another way: it has no env.py. And what fails there before
    any revision says nothing of one that fails here and is not new.
    """
    comes = judged.base_graph is not None and not judged.base_graph.map.revisions
    old = bool(here.failed) and here.failed not in judged.new()
    return any(one.obstacle and (comes or old or _fault(one) == _fault(here)) for one in before)


def _fault(verdict: Verdict) -> tuple[str, str]:
    return (verdict.obstacle.code if verdict.obstacle else "", verdict.failed)


def _differences(judged: Judged, here: Verdict, before: list[Verdict]) -> list[Finding]:
    known = {line for one in before for line in one.lines} if judged.relative else set()
    new, old = [line for line in here.lines if line not in known], [line for line in here.lines if line in known]
    findings = []
    if new:
        message = f"{_counted(len(new), 'difference')} between the models and what the revisions make"
        if any(one.obstacle for one in before):
            message += ", the old ones too, since what is there before cannot be loaded"
        findings.append(
            Finding(Obstacle("DBS201", message, _way_out(judged), judged.environment.name), lines=tuple(new))
        )
    if old:
        message = f"{_counted(len(old), 'difference')} between models and revisions, there before this"
        obstacle = Obstacle("DBS201", message, judged.environment.as_typed(AUTOGENERATE), judged.environment.name)
        findings.append(Finding(obstacle, stops=False, lines=tuple(old)))
    return findings


def _way_out(judged: Judged) -> str:
    """Name a revision that lies in the work tree and is not part of what is judged, else how to write one."""
    here = judged.project.graph(judged.environment)
    left_out = [one.path for one in here.map.revisions.values() if one.id not in judged.graph.map]
    add = f"`git add {' '.join(left_out)}`" if left_out and judged.relative else ""
    return (add or judged.environment.as_typed(AUTOGENERATE)) + WAIVE


def _passed_over(judged: Judged, here: Verdict, before: list[Verdict]) -> list[Finding]:
    """Return tables whose DDL changed where autogenerate saw nothing and no revision that came is about them."""
    if len(before) != 1 or before[0].obstacle or set(here.lines) - set(before[0].lines):
        return []
    were, are = before[0].tables, here.tables
    changed = {name: _changes(name, were[name], are[name]) for name in are if name in were and are[name] != were[name]}
    news = judged.sources(list(judged.new())).values() if changed else ()
    left = {name: lines for name, lines in changed.items() if not any(may_be_about(one, name, lines) for one in news)}
    left = {name: lines for name, lines in left.items() if not _came_before(judged, new_names(were[name], are[name]))}
    if not left:
        return []
    came = "no revision that came with it is about that" if news else "no revision came with it"
    message = f"the DDL of {', '.join(left)} changed and {came}; autogenerate does not see it"
    hint = judged.environment.as_typed('`alembic revision -m "…"`, write it by hand, then `git add` it') + WAIVE
    lines = tuple(line for each in left.values() for line in each)
    return [Finding(Obstacle("DBS202", message, hint, judged.environment.name), lines=lines)]


def _came_before(judged: Judged, names: set[str]) -> bool:
    """Say whether a revision that is there already may be what a model follows now."""
    sources = judged.sources(list(judged.graph.map.revisions)) if names else {}
    return any(holds_all(source, names) for source in sources.values())


def _changes(name: str, before: Iterable[str], now: Iterable[str]) -> list[str]:
    gone, come = sorted(set(before) - set(now)), sorted(set(now) - set(before))
    return [*(f"- {name}: {line}" for line in gone), *(f"+ {name}: {line}" for line in come)]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

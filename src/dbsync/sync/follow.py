"""Making the databases of one environment what is wanted: look, judge, lock, move, write down."""

from __future__ import annotations

import base64
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.environment.client import Conversation, WorkerDiedError, converse
from dbsync.environment.materialize import files_of
from dbsync.errors import EXIT_LOCKED, DbsyncError, Obstacle
from dbsync.plan.ordinary import HOOK_BUDGET_SECONDS
from dbsync.revisions.forks import has_unwanted_heads
from dbsync.store.gate import remove_gate
from dbsync.store.records import update_record
from dbsync.sync.beforehand import Beforehand
from dbsync.sync.branch_files import recover_files
from dbsync.sync.doubt import whom_to_believe
from dbsync.sync.failures import died, obstacle_of
from dbsync.sync.half_way import dirty
from dbsync.sync.locks import Locks
from dbsync.sync.mover import Mover
from dbsync.sync.outcome import Outcome
from dbsync.sync.repair import RESTORE, Repairing, settle_half_way
from dbsync.sync.request import launch, request_for
from dbsync.sync.watched import watched_files

if TYPE_CHECKING:
    from dbsync.sync.project import Project
    from dbsync.sync.rules import Rules
    from dbsync.sync.target import Target

HEADS = "revision heads"  # how the note about several is known


class Attempt(NamedTuple):
    """One run of the worker: the mover that answered it and how it ended."""

    mover: Mover
    outcome: Outcome
    last: dict[str, Any]


def follow(project: Project, target: Target, rules: Rules) -> Outcome:
    """Move the databases of an environment to its target.

    It runs once more where somebody else changed a database and how had to be found out; where rows would be lost and
    that was accepted, to keep them first; where an old revision needs code that HEAD no longer has, with the old tree.
    """
    try:
        with Locks(project, target.environment, by_hook=rules.by_hook) as held:
            recover_files(project, target.environment)
            return _until_settled(project, target, rules, held)
    except DbsyncError as error:
        return Outcome(target.environment.name, obstacles=(error.obstacle,), locked=error.exit_code == EXIT_LOCKED)


def _until_settled(project: Project, target: Target, rules: Rules, held: tuple[int, ...]) -> Outcome:
    beforehand = Beforehand(project, target, turns=rules.turns)
    while True:
        attempt = _run(project, target, rules, (beforehand, held))
        if attempt.mover.doubted is not None:
            rules = rules._replace(believe=whom_to_believe(project, target, attempt.mover.doubted))
            continue
        tables = _to_keep(attempt, rules)
        if tables is not None:
            rules = rules._replace(keep=tables)
            continue
        if _failed_in_place(attempt):
            rules = rules._replace(in_place=False)
            continue
        lacking, outcome = _lacks_code(attempt), attempt.outcome._replace(turned=tuple(beforehand.turned))
        if lacking is None or lacking in rules.old_trees:
            return outcome
        commit = attempt.mover.commit_of(lacking)
        if not commit or not rules.trusted(commit):
            return outcome
        rules = rules._replace(old_trees={**rules.old_trees, lacking: _encoded(project, commit)})


def _run(project: Project, target: Target, rules: Rules, around: tuple[Beforehand, tuple[int, ...]]) -> Attempt:
    remove_gate(project.repository.git_dir)
    environment, mover = target.environment, Mover(project, target, rules)
    beforehand, held = around
    mover.clones = beforehand.clones
    request = request_for(project, target, "sync", create=True, old_trees=dict(rules.old_trees), **beforehand.options)
    try:
        started = launch(project, environment)._replace(deadline=rules.deadline)
        conversation = converse(started, request, beforehand.before(mover.answer), held)
    except WorkerDiedError as error:
        moved = mover.finish("late" if error.late else "died")
        obstacle = died(error, environment, project.settings.runner_for(environment.name))
        if mover.half_way:
            until = time.monotonic() + HOOK_BUDGET_SECONDS if rules.by_hook else None
            settled = settle_half_way(Repairing(project, RESTORE), target, held, until)
            obstacle = _taken_back(mover.half_way[0], obstacle, settled)
        waits = obstacle.code == "DBS417"
        return Attempt(mover, Outcome(environment.name, tuple(moved), (obstacle,), waits=waits), {})
    except BaseException:
        if mover.half_way:  # interrupted by the person, say
            settle_half_way(Repairing(project, RESTORE), target, held)
        raise
    if beforehand.refused is not None and mover.refused is None:
        mover.refused = beforehand.refused.obstacle
    return _ended(project, target, mover, conversation)


def _taken_back(name: str, obstacle: Obstacle, settled: Outcome) -> Obstacle:
    """Return what is said of a worker that died in the middle, once it was tried to put back what was kept."""
    if settled.obstacles or not settled.moved:
        why = [obstacle.message, *(one.message for one in settled.obstacles)]
        return dirty(name, "; ".join(why))
    return obstacle._replace(message=f"{obstacle.message}; what was there before was put back")


def _ended(project: Project, target: Target, mover: Mover, conversation: Conversation) -> Attempt:
    last, name = conversation.last, target.environment.name
    moved = tuple(mover.finish(last["event"]))
    if last["event"] == "done":
        _record(project, target, last)
        held_back = mover.held_back
        notes = (*mover.notes, *_strays(target), *(() if held_back else _heads(target, project.settings.heads)))
        return Attempt(mover, Outcome(name, moved, (held_back,) if held_back else (), notes), last)
    if mover.half_way:
        why = mover.refused or obstacle_of(last, target.environment)
        return Attempt(mover, Outcome(name, moved, (dirty(mover.half_way[0], why.message),)), last)
    if mover.losses:
        return Attempt(mover, Outcome(name, moved, (_loss(mover.losses),)), last)
    obstacle = _with_second_way(mover, last, mover.refused or obstacle_of(last, target.environment))
    locked = obstacle.code == "DBS404"
    return Attempt(mover, Outcome(name, moved, (obstacle,), locked=locked, silent=mover.never_adopted), last)


def _with_second_way(mover: Mover, last: dict[str, Any], obstacle: Obstacle) -> Obstacle:
    """Offer, where a downgrade is missing or does not do, to go without it."""
    step = last.get("step") or {}
    failed = obstacle.code == "DBS413" and step.get("direction") == "down"
    if mover.dialect != "sqlite" or not (failed or obstacle.code in ("DBS309", "DBS310")):
        return obstacle
    return obstacle._replace(
        hint=f"{obstacle.hint}; `dbsync sync --rebuild` goes without the downgrade, rows are carried"
    )


def _record(project: Project, target: Target, last: dict[str, Any]) -> None:
    update_record(
        project.layout,
        target.environment.name,
        variables=last["variables"],
        watched=watched_files(project.repository.top, target.environment),
    )


def _strays(target: Target) -> list[str]:
    what = "is left out: it is untracked and its parent is not in this tree"
    return [f"{one.id} {what} ({one.path})" for one in target.strays]


def _heads(target: Target, wanted: int) -> list[str]:
    heads = target.map.declared_heads
    if not has_unwanted_heads(target.map, wanted):
        return []
    return [f"{len(heads)} {HEADS}: {', '.join(heads)}; `dbsync rebase` puts yours on top, `dbsync merge` joins them"]


def _loss(losses: list[dict[str, str]]) -> Obstacle:
    named = [f"{one['table']}.{one['column']}" if one["column"] else one["table"] for one in losses]
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""  # noqa: PLR2004 - as many as fit a line
    changed = [one["what"] for one in losses if one["what"] not in ("table", "column")]
    how = f" ({changed[0]})" if changed else ""
    message = f"taking the revisions down would lose rows of {', '.join(named[:3])}{more}{how}"
    return Obstacle("DBS305", message, "`dbsync sync --yes` keeps a copy first, then moves")


def _to_keep(attempt: Attempt, rules: Rules) -> tuple[str, ...] | None:
    mover = attempt.mover
    if not mover.losses or mover.half_way or not rules.accept_loss or rules.keep is not None:
        return None
    return tuple(sorted({one["table"] for one in attempt.mover.losses}))


def _failed_in_place(attempt: Attempt) -> bool:
    """Say whether re-parented revisions have to go down after all."""
    outcome, mover = attempt.outcome, attempt.mover
    stays = outcome.locked or mover.losses or mover.half_way
    return bool(mover.stays_in_place and outcome.obstacles and not stays)


def _lacks_code(attempt: Attempt) -> str | None:
    """Name the revision whose downgrade could not import something, None where that was not the trouble."""
    step, error = attempt.last.get("step"), attempt.last.get("error")
    if attempt.mover.half_way or not step or not error or step["direction"] != "down":
        return None
    return str(step["revision"]) if error["type"] in ("ImportError", "ModuleNotFoundError", "AttributeError") else None


def _encoded(project: Project, commit: str) -> dict[str, str]:
    files = files_of(project.repository, project.commit_tree(commit))
    return {os.fsencode(path).decode("latin-1"): base64.b64encode(blob).decode("ascii") for path, blob in files.items()}

"""`dbsync hook NAME …`: what git's hooks call. Its exit code is always 0: git's own outcome is not ours to change."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from dbsync.checks.check import check
from dbsync.checks.judged import Subject
from dbsync.commands.check import Checked
from dbsync.commands.commit import check_commit
from dbsync.commands.context import Report
from dbsync.commands.push import check_push
from dbsync.commands.sync import Synced
from dbsync.errors import EXIT_FINDING, EXIT_OK, Obstacle
from dbsync.git.hooks import CHECKS, PUSH
from dbsync.git.operation import why_wait
from dbsync.plan.ordinary import HOOK_BUDGET_SECONDS
from dbsync.store.databases import owned
from dbsync.store.gate import remove_gate
from dbsync.store.pending import is_news, set_pending
from dbsync.sync.catch_up import Result, catch_up
from dbsync.sync.follow import HEADS
from dbsync.sync.held import held, words
from dbsync.sync.outcome import Outcome
from dbsync.sync.preview import preview
from dbsync.sync.rules import Rules
from dbsync.sync.target import FORKED
from dbsync.sync.trusted import why_untrusted

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context
    from dbsync.sync.project import Project


class Hooked(NamedTuple):
    """What a hook did: a sync, or `waits` for the end of a git operation, or `obstacle` why it did nothing.

    `checked` is what stands against a commit that is about to be made.
    """

    synced: Synced | None = None
    waits: str = ""
    obstacle: Obstacle | None = None
    quiet: bool = False
    checked: Checked | None = None


def run(context: Context, options: Namespace) -> Report:
    """Judge what git did and catch up, wait, or leave it to the person."""
    project = context.project()
    if not project.layout.initialised or not project.settings.enabled:
        return Report(EXIT_OK, Hooked())
    if options.name in (*CHECKS, PUSH):
        checked = check_push(project, context) if options.name == PUSH else check_commit(project)
        return Report(EXIT_FINDING if checked.stops else EXIT_OK, Hooked(checked=checked))
    if project.settings.auto == "never":
        return Report(EXIT_OK, Hooked())
    if options.name == "post-checkout" and options.arguments and not options.arguments[0].strip("0"):
        return Report(EXIT_OK, Hooked())  # `git worktree add` and `git clone`: nothing was here before
    waits = why_wait(project.repository, options.name, options.arguments)
    bisecting = waits == "bisect" and project.settings.bisect
    if waits and not bisecting:
        news = _put_off(project, waits)
        return Report(EXIT_OK, Hooked(waits=waits if news else ""))
    # A step of a bisection is followed however far it leads: what `git bisect run` starts needs the database.
    return Report(EXIT_OK, _follow(project, options, ordinary=project.settings.auto != "always" and not bisecting))


def _follow(project: Project, options: Namespace, *, ordinary: bool) -> Hooked:
    if not any(True for _ in owned(project.layout, project.repository.top)):
        return _without_database(project)
    at = held(project)
    if at:
        message = f"the database is held {words(at)}"
        return Hooked(obstacle=Obstacle("DBS306", message, "`dbsync sync` lets it follow"))
    obstacle = why_untrusted(project)
    if obstacle:
        return _leave(project, obstacle)
    rules = Rules(
        unasked=True,
        by=options.name,
        by_hook=ordinary,
        previous=_previous(project, options),
        deadline=time.monotonic() + HOOK_BUDGET_SECONDS,
    )
    result = catch_up(project, rules)
    for one in result.outcomes:
        if one.waits:
            _put_off(project, one.obstacles[0].message)
    forks = [found for one in result.outcomes for found in one.obstacles if found.code == FORKED]
    told = _told(project, options, forks)
    told_before = forks and not is_news(project.repository.git_dir, "; ".join(one.message for one in forks))
    if told or told_before:
        result = result._replace(outcomes=[_without_heads(one) for one in result.outcomes])
    return Hooked(Synced(result, []), quiet=project.settings.quiet, checked=told)


def _without_heads(outcome: Outcome) -> Outcome:
    """Leave out that there are several heads: it was said before, or who brought each is told instead."""
    obstacles = tuple(one for one in outcome.obstacles if one.code != FORKED)
    return outcome._replace(obstacles=obstacles, notes=tuple(note for note in outcome.notes if HEADS not in note))


def _told(project: Project, options: Namespace, forks: list[Obstacle]) -> Checked | None:
    """Return the revision heads that a merge, pull or rebase left beside each other, and what that holds back.

    After a commit those that it brought: it may conclude a merge.
    """
    if options.name not in ("post-merge", "post-rewrite") and not (options.name == "post-commit" and forks):
        return None
    committed = options.name == "post-commit"
    head = project.repository.head_commit() or ""
    before = project.repository.commit_of("HEAD^" if committed else "ORIG_HEAD") or ""
    subject = Subject(head, before, relative=committed, commits=(head,))
    found = check(project, subject, ("heads",)) if head else []
    held_back = tuple(one.message for one in forks)
    findings = [one._replace(stops=False, lines=(*one.lines, *held_back)) for one in found if one.stops]
    return Checked("HEAD", findings) if findings else None


def _without_database(project: Project) -> Hooked:
    """Say once that only other work trees have a database."""
    hint = "`dbsync worktree` makes a copy for this one, `dbsync init` adopts the one that is here"
    nothing = Obstacle("DBS508", "no database follows this work tree, only another one's", hint)
    return Hooked(obstacle=nothing) if _put_off(project, nothing.message) else Hooked()


def _leave(project: Project, obstacle: Obstacle) -> Hooked:
    """Show the plan of what is not run, once; say nothing where there is nothing to move."""
    moved = tuple(preview(project))
    if not moved or not _put_off(project, obstacle.message):
        return Hooked()
    return Hooked(Synced(Result([Outcome("", moved, (obstacle,))], []), []))


def _put_off(project: Project, reason: str) -> bool:
    """Keep why nothing was done, and let the next hook start Python; says whether that is news."""
    remove_gate(project.repository.git_dir)
    return set_pending(project.repository.git_dir, reason)


def _previous(project: Project, options: Namespace) -> str:
    if options.name == "post-checkout":
        return str(options.arguments[0]) if options.arguments else ""
    return project.repository.commit_of("HEAD@{1}") or ""

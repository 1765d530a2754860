"""What the hooks before a commit do: judge what is staged, and note what the next commit has to touch to be judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.checks.changes import CONFIGURES
from dbsync.checks.check import KINDS, check
from dbsync.checks.clear import remember_clear
from dbsync.checks.finding import Finding
from dbsync.checks.unjudged import Rules
from dbsync.checks.verdicts import Verdicts
from dbsync.commands.check import Checked, staged
from dbsync.errors import DbsyncError, Obstacle
from dbsync.git.operation import brings_heads, is_in_git_merge
from dbsync.store.databases import owned
from dbsync.store.watch import write_watch
from dbsync.sync.held import held
from dbsync.sync.own_server import NO_SERVER, first_time
from dbsync.sync.trusted import why_untrusted

if TYPE_CHECKING:
    from dbsync.sync.project import Project

# As warnings: what differed before is not this commit's, and a project without models knows that it has none.
SHOWN_ONLY_BY_HAND = ("DBS201", "DBS209")
HEADS = "DBS203"


def check_commit(project: Project) -> Checked:
    """Judge what is staged. What was wrong before is not said again each time; no failure of ours stops a commit."""
    try:
        findings = _judge(project)
    except DbsyncError as error:
        obstacle = Obstacle("DBS221", f"not judged: {error.message}", error.hint)
        findings = [Finding(obstacle, project.settings.unjudged == "stop")]
    if brings_heads(project.repository, project.environ):
        findings = _of_a_merge(project, findings)
    shown = [_once(project, one) for one in findings if one.stops or one.obstacle.code not in SHOWN_ONLY_BY_HAND]
    checked = Checked("what is staged", shown)
    _watch(project, stopped=checked.stops)
    return checked


def _once(project: Project, finding: Finding) -> Finding:
    """Say how to get a server for judging once only: it may not be wanted."""
    if finding.stops or finding.obstacle.hint != NO_SERVER or first_time(project, "no server"):
        return finding
    return finding._replace(obstacle=finding.obstacle._replace(hint=""))


def _of_a_merge(project: Project, findings: list[Finding]) -> list[Finding]:
    """Let a merge go on that leaves several heads: that is how they come about. The hook after it tells them."""
    others = [one for one in findings if one.obstacle.code != HEADS]
    heads = [one._replace(stops=False) for one in findings if one.obstacle.code == HEADS]
    told_later = heads and (is_in_git_merge(project.environ) or _will_follow(project))
    return others if told_later else [*heads, *others]


def _will_follow(project: Project) -> bool:
    """Say whether the hook after the commit will look at a database."""
    may = project.settings.auto != "never" and not held(project) and why_untrusted(project) is None
    return may and any(True for _ in owned(project.layout, project.repository.top))


def _judge(project: Project) -> list[Finding]:
    project.limit_judging()
    subject = staged(project)
    found = check(project, subject, KINDS, Rules(project.settings.unjudged == "stop", why_untrusted(project)))
    if not found:
        remember_clear(project, subject, KINDS)
    return found


def _watch(project: Project, *, stopped: bool) -> None:
    """Write down what the models were seen to depend on; all code and configuration where that is not known.

    What HEAD's depend on too where HEAD stays what the next commit is compared with.
    """
    environments, obstacles = project.environments()
    subject = staged(project)
    trees = [project.commit_tree(one) for one in (subject.tree, subject.base if stopped else "") if one]
    watched = [Verdicts(project, one).watched(tree) for one in environments for tree in trees]
    known = bool(watched) and all(watched) and not obstacles
    anywhere = {f"*{end}" for end in CONFIGURES}  # another environment may come
    write_watch(project.repository.git_dir, anywhere.union(*watched) if known else ())

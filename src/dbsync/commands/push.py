"""What the hook before a push does: heads, history and verification of what is pushed, counted from what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.checks.check import check
from dbsync.checks.finding import Finding
from dbsync.checks.judged import Subject
from dbsync.checks.unjudged import Rules
from dbsync.commands.check import Checked
from dbsync.commands.verify import Asked, verify_subject
from dbsync.errors import DbsyncError, Obstacle
from dbsync.git.upstream import merge_base, published
from dbsync.store.trust import read_remotes
from dbsync.sync.trusted import why_commit_untrusted

if TYPE_CHECKING:
    from dbsync.commands.context import Context
    from dbsync.sync.project import Project

TAGS = "refs/tags/"
FIELDS = 4


def check_push(project: Project, context: Context) -> Checked:
    """Judge what is about to be pushed, as git names it on standard input. No failure of ours stops a push."""
    project.limit_judging()
    findings: list[Finding] = []
    for commit, remote in _pushed(project, context.read_input()):
        base = remote or _shared(project, commit)
        try:
            findings += _judge(project, context, Subject(commit, base, relative=True, commits=(commit,)))
        except DbsyncError as error:
            obstacle = Obstacle("DBS221", f"not judged: {error.message}", error.hint)
            findings.append(Finding(obstacle, project.settings.unjudged == "stop"))
    return Checked("what is pushed", list(dict.fromkeys(findings)))


def _judge(project: Project, context: Context, subject: Subject) -> list[Finding]:
    found = check(project, subject, ("heads", "history"))
    rules = Rules(project.settings.unjudged == "stop", why_commit_untrusted(project, subject.tree))
    done = verify_subject(project, Asked("what is pushed", subject), rules, context.progress)
    return [*found, *done.findings]


def _pushed(project: Project, text: str) -> dict[tuple[str, str], None]:
    """Return the commits that branches are to be at, each with the one that the remote has, "" where it is unknown.

    A line is `<local ref> <local oid> <remote ref> <remote oid>` (githooks(5)); zeros stand for none.
    """
    found: dict[tuple[str, str], None] = {}
    for line in text.splitlines():
        fields = line.rsplit(" ", FIELDS - 1)
        if len(fields) == FIELDS and fields[1].strip("0") and not fields[2].startswith(TAGS):
            commit = project.repository.commit_of(fields[1])
            remote = project.repository.commit_of(fields[3]) if fields[3].strip("0") else None
            found |= {(commit, remote or ""): None} if commit else {}
    return found


def _shared(project: Project, commit: str) -> str:
    """Return what a new branch has in common with the upstream, "" where there is none."""
    upstream = published(project.repository, read_remotes(project.repository).tracked)
    return merge_base(project.repository, commit, upstream.commits[0]) if upstream else ""

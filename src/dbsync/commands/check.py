"""`dbsync check`: heads, history, danger and drift of what is staged, the work tree, a ref, or a merge to come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.checks.check import KINDS, check
from dbsync.checks.clear import remember_clear
from dbsync.checks.judged import Subject
from dbsync.checks.unjudged import Rules
from dbsync.commands.context import Report
from dbsync.errors import EXIT_FINDING, EXIT_OK, EXIT_USAGE, DbsyncError
from dbsync.git.operation import merging
from dbsync.git.staging import merged_tree, staged_tree, work_tree_tree

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.checks.finding import Finding
    from dbsync.commands.context import Context
    from dbsync.sync.project import Project


class Checked(NamedTuple):
    """What was judged, in words, and what was found."""

    subject: str
    findings: list[Finding]

    @property
    def stops(self) -> bool:
        """Whether something was found that is more than a warning."""
        return any(one.stops for one in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form (version 1)."""
        return {"version": 1, "subject": self.subject, "findings": [one.as_json() for one in self.findings]}


def run(context: Context, options: Namespace) -> Report:
    """Judge; `options` holds `staged`, `ref`, `against` (one of them or none: the work tree) and `only`."""
    project = context.project()
    if options.staged:
        project.limit_judging()
    name, subject = _subject(project, options)
    demand_environment(project, subject)
    strict = project.settings.unjudged == "stop" or bool(context.environ.get("CI"))
    kinds = options.only or KINDS
    value = Checked(name, check(project, subject, kinds, Rules(strict)))
    if options.staged and not value.findings:
        remember_clear(project, subject, kinds)
    return Report(EXIT_FINDING if value.stops else EXIT_OK, value)


def staged(project: Project) -> Subject:
    """Return what the next commit would have, compared with HEAD."""
    repository = project.repository
    head, other = repository.head_commit() or "", merging(repository, project.environ)
    commits = tuple(one for one in (head, other) if one)
    return Subject(staged_tree(repository), head, relative=True, commits=commits, other=other)


def _subject(project: Project, options: Namespace) -> tuple[str, Subject]:
    repository = project.repository
    head = repository.head_commit() or ""
    commits = (head,) if head else ()
    if options.staged:
        return "what is staged", staged(project)
    if options.against:
        theirs = commit_named(project, options.against)
        tree = merged_tree(repository, head, theirs)
        name = f"the merge of HEAD and {options.against}"
        return name, Subject(tree, theirs, relative=True, commits=(*commits, theirs))
    if options.ref:
        commit = commit_named(project, options.ref)
        before = repository.commit_of(f"{commit}^") or ""
        return options.ref, Subject(commit, before, relative=False, commits=(commit,))
    return "the work tree", Subject(work_tree_tree(repository), head, relative=False, commits=commits)


def commit_named(project: Project, ref: str) -> str:
    """Return the commit that a person named. Raises `DbsyncError` where there is none."""
    commit = project.repository.commit_of(ref)
    if commit is None:
        raise DbsyncError(f"{ref!r} names no commit", "`git branch --all` lists the branches", exit_code=EXIT_USAGE)
    return commit


def demand_environment(project: Project, subject: Subject) -> None:
    """Never say that all is well where nothing was looked at."""
    environments, obstacles = project.environments(project.commit_tree(subject.tree))
    if not environments and obstacles:
        first = obstacles[0]
        raise DbsyncError(first.message, first.hint, code=first.code, exit_code=EXIT_USAGE)

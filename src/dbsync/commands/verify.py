"""`dbsync verify`: each new revision up, down and up again, on a scratch database with rows in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.checks.judged import Subject, judged
from dbsync.checks.unjudged import Rules
from dbsync.checks.verify import verify
from dbsync.commands.check import commit_named, demand_environment
from dbsync.commands.context import Report
from dbsync.errors import EXIT_FINDING, EXIT_OK, EXIT_USAGE, DbsyncError
from dbsync.git.staging import work_tree_tree
from dbsync.git.upstream import merge_base, published
from dbsync.store.trust import read_remotes

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Collection

    from dbsync.checks.finding import Finding
    from dbsync.checks.judged import Judged
    from dbsync.commands.context import Context
    from dbsync.sync.project import Project

    Progress = Callable[[str], None]


class Verification(NamedTuple):
    """What was verified, in words and by revision id, and what was found; `known` were verified by an earlier run."""

    subject: str
    revisions: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def stops(self) -> bool:
        """Whether something was found that is more than a warning."""
        return any(one.stops for one in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form (version 1)."""
        findings = [one.as_json() for one in self.findings]
        return {"version": 1, "subject": self.subject, "revisions": list(self.revisions), "findings": findings}


class Asked(NamedTuple):
    """What is to be verified: the new revisions of a subject, all of them, or `revision` alone."""

    name: str
    subject: Subject
    revision: str = ""
    everything: bool = False


def run(context: Context, options: Namespace) -> Report:
    """Verify; `options` holds `revisions` and `all`."""
    project = context.project()
    asked = _asked(project, options)
    demand_environment(project, asked.subject)
    rules = Rules(project.settings.unjudged == "stop" or bool(context.environ.get("CI")))
    value = verify_subject(project, asked, rules, context.progress)
    return Report(EXIT_FINDING if value.stops else EXIT_OK, value)


def verify_subject(project: Project, asked: Asked, rules: Rules, progress: Progress) -> Verification:
    """Verify what was asked for in every environment."""
    value = Verification(asked.name)
    try:
        for one in judged(project, asked.subject):
            done = verify(one, _chosen(one, asked), rules, progress)
            value = value._replace(
                revisions=(*value.revisions, *done.verified),
                known=(*value.known, *done.known),
                findings=(*value.findings, *done.findings),
            )
    finally:
        progress("")
    return value


def _chosen(judged: Judged, asked: Asked) -> Collection[str]:
    if asked.revision:
        return [asked.revision]
    return list(judged.graph.map.revisions) if asked.everything else list(judged.new())


def _asked(project: Project, options: Namespace) -> Asked:
    named = options.revisions
    if options.all:
        return Asked("the work tree", _work_tree(project, ""), everything=True)
    if named is None:
        return Asked("the work tree", _work_tree(project, _upstream(project)))
    if ".." in named:
        return _range(project, named)
    ids = [one for environment in project.environments()[0] for one in project.graph(environment).map.revisions]
    commit = None if named in ids else project.repository.commit_of(named)
    if commit:
        before = project.repository.commit_of(f"{commit}^") or ""
        return Asked(named, Subject(commit, before, relative=True, commits=(commit,)))
    return _revision(project, named, [one for one in ids if named and one.startswith(named)])


def _work_tree(project: Project, base: str) -> Subject:
    head = project.repository.head_commit()
    return Subject(work_tree_tree(project.repository), base, relative=True, commits=(head,) if head else ())


def _upstream(project: Project) -> str:
    """Return the commit that what is new is counted from: the upstream's, else the one before HEAD."""
    repository = project.repository
    upstream = published(repository, read_remotes(repository).tracked)
    shared = merge_base(repository, "HEAD", upstream.commits[0]) if upstream else ""
    return shared or repository.commit_of("HEAD^") or ""


def _range(project: Project, named: str) -> Asked:
    first, dots, last = named.partition("..." if "..." in named else "..")
    start, end = (commit_named(project, one or "HEAD") for one in (first, last))
    base = merge_base(project.repository, start, end) if dots == "..." else start
    return Asked(named, Subject(end, base, relative=True, commits=(end,)))


def _revision(project: Project, named: str, found: list[str]) -> Asked:
    """Take one revision of the work tree, on top of what was there before it came."""
    ids = [named] if named in found else sorted(set(found))
    if len(ids) != 1:
        message = f"{named!r} names no revision and no commit" if not ids else f"{named!r} is short for several"
        raise DbsyncError(message, "`dbsync heads` lists the revision heads", exit_code=EXIT_USAGE)
    paths = [
        graph.map.revisions[ids[0]].path
        for environment in project.environments()[0]
        if ids[0] in (graph := project.graph(environment)).map
    ]
    added = project.repository.line("log", "-1", "--diff-filter=A", "--format=%H", "HEAD", "--", *paths)
    base = (project.repository.commit_of(f"{added}^") if added else project.repository.head_commit()) or ""
    return Asked(ids[0], _work_tree(project, base), revision=ids[0])

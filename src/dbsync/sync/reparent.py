"""Putting this git branch's revisions on top of the upstream's: which get which parent, and the files with them."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from dbsync.environment.script_directory import blob_id, read_sources
from dbsync.errors import EXIT_USAGE, DbsyncError, Obstacle
from dbsync.git.upstream import Upstream, published, upstreams
from dbsync.revisions.compare import same_body
from dbsync.revisions.on_top import OnTop, heads_apart, put_on_top, with_parents
from dbsync.revisions.parse import CONFLICT, parse
from dbsync.revisions.revision import Revision
from dbsync.revisions.revision_map import RevisionMap
from dbsync.revisions.rewrite import with_down_revision
from dbsync.store.trust import read_remotes
from dbsync.sync.sound import refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dbsync.config.environment import Environment
    from dbsync.environment.script_directory import Graph
    from dbsync.sync.project import Project

# What leaves revisions of another tree unread: one of ours might be theirs then.
UNREAD = frozenset({"DBS101", "DBS102", "DBS103", "DBS104", "DBS109", "DBS114"})
SUFFIX = ".dbsync-new"  # no name that Alembic would load


class Edit(NamedTuple):
    """A revision file with other parents: its content now and then."""

    revision: Revision
    parents: tuple[str, ...]
    before: bytes
    after: bytes


class Reparenting(NamedTuple):
    """What is to be changed in one environment, and onto which ref; `ahead` are heads that only that ref has."""

    environment: Environment
    onto: str
    edits: list[Edit]
    heads: tuple[str, ...]
    ahead: tuple[str, ...] = ()


class _Choice(NamedTuple):
    upstream: Upstream
    theirs: RevisionMap
    found: OnTop


def possible_upstreams(project: Project, onto: str | None) -> list[Upstream]:
    """Return the refs that revisions may be put on top of: the one that was named, or what git says."""
    if onto is None:
        found = upstreams(project.repository, read_remotes(project.repository).tracked)
        if not found:
            message = "no default branch is found that this git branch could go on top of"
            raise DbsyncError(message, "`dbsync rebase --onto REF` names one", exit_code=EXIT_USAGE)
        return found
    commit = project.repository.commit_of(onto)
    if commit is None:
        raise DbsyncError(f"{onto!r} names no commit", "`git branch --all` lists the branches", exit_code=EXIT_USAGE)
    return [Upstream(onto, (commit,))]


def reparent(project: Project, environment: Environment, graph: Graph, refs: list[Upstream]) -> Reparenting:
    """Return the edits that put the work tree's own revisions on top. Raises `DbsyncError` where there are none."""
    choice = _choose(project, environment, graph.map, refs)
    found, name = choice.found, choice.upstream.name
    if found.unclear:
        raise _unclear(found, graph.map)
    ahead = _ahead(graph.map, choice)
    if not found.parents:
        _require_in_line(choice, ahead)
        return Reparenting(environment, name, [], found.heads)
    _require_unpublished(project, environment, found.parents)
    edits = _edits(project, environment, graph.map, found.parents)
    _require_sound(graph.map, found, edits)
    return Reparenting(environment, name, edits, found.heads, _heads(ahead))


def _choose(project: Project, environment: Environment, graph: RevisionMap, refs: list[Upstream]) -> _Choice:
    """Take the first upstream that leaves nothing side by side by chance, else the one that leaves least."""
    choices = []
    for ref in refs:
        theirs = _revisions_of(project, environment, ref)
        choices.append(_Choice(ref, theirs, put_on_top(graph, {one for one in graph.revisions if one in theirs})))
        if choices[-1].found.settles:
            return choices[-1]
    return min(choices, key=lambda one: (bool(one.found.unclear), len(one.found.heads)))


def _revisions_of(project: Project, environment: Environment, ref: Upstream) -> RevisionMap:
    revisions: dict[str, Revision] = {}
    for commit in ref.commits:
        graph = project.graph(environment, project.commit_tree(commit))
        unread = next((one for one in graph.obstacles if one.code in UNREAD), None)
        if unread:
            raise refusal(unread._replace(message=f"in {ref.name}: {unread.message}"))
        for one in graph.map.revisions.values():
            revisions.setdefault(one.id, one)
    return RevisionMap(revisions.values())


def _ahead(graph: RevisionMap, choice: _Choice) -> dict[str, tuple[str, ...]]:
    """Return the heads of the upstream that are not in the work tree, by the revision that would go on top of them."""
    missing = [one for one in choice.theirs.revisions.values() if one.id not in graph]
    merged = RevisionMap([*graph.revisions.values(), *missing])
    moved = put_on_top(merged, choice.theirs.revisions.keys()).parents
    found = {one: tuple(parent for parent in parents if parent not in graph) for one, parents in moved.items()}
    return {one: parents for one, parents in found.items() if parents}


def _require_in_line(choice: _Choice, ahead: Mapping[str, tuple[str, ...]]) -> None:
    name = choice.upstream.name
    if choice.found.apart:
        message = f"nothing says which of the revision heads {', '.join(choice.found.apart)} is to be on top"
        hint = "`dbsync rebase --onto REF` names the git branch to go on top of, or `dbsync merge` joins them"
        raise DbsyncError(message, hint)
    if ahead:
        heads = ", ".join(_heads(ahead))
        message = f"{name} has {heads}, which is not in the work tree: {', '.join(ahead)} cannot go on top of it yet"
        raise DbsyncError(message, f"`git merge {name}` or `git rebase {name}` first, then `dbsync rebase`")


def _heads(ahead: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({one for heads in ahead.values() for one in heads}))


def _unclear(found: OnTop, graph: RevisionMap) -> DbsyncError:
    first = found.unclear[0]
    heads = " or ".join(first.heads)
    message = f"{first.revision} could go on top of {heads}: each builds on its parent {first.parent}"
    path = graph.revisions[first.revision].path
    return DbsyncError(message, f"write one of them as `down_revision` in {path}, or `dbsync merge` joins all heads")


def _require_unpublished(project: Project, environment: Environment, moved: Iterable[str]) -> None:
    ref = published(project.repository, read_remotes(project.repository).tracked)
    theirs = _revisions_of(project, environment, ref) if ref else RevisionMap()
    shared = sorted(one for one in moved if one in theirs)
    if ref and shared:
        message = f"{', '.join(shared)} is in {ref.name} already and keeps its parent"
        raise DbsyncError(message, f"`dbsync rebase --onto {ref.name}`, or `dbsync merge` joins the heads")


def _edits(
    project: Project, environment: Environment, graph: RevisionMap, parents: Mapping[str, tuple[str, ...]]
) -> list[Edit]:
    revisions = [graph.revisions[one] for one in graph.ordered(parents)]
    sources = read_sources(project.repository, project.work_tree, revisions)
    strays = [one for one in revisions if not _is_below(project, one.path)]
    if strays:
        message = f"{strays[0].path} of {environment.name} leads out of the repository: it is not written"
        raise DbsyncError(message, "write its `down_revision` there")
    return [_edit(one, parents[one.id], sources[one.id]) for one in revisions]


def _is_below(project: Project, path: str) -> bool:
    top = os.path.realpath(project.repository.top)
    return os.path.realpath(os.path.join(top, path)).startswith(top + os.sep)


def _edit(revision: Revision, parents: tuple[str, ...], before: bytes) -> Edit:
    """Write the parents into the source, and see that nothing else of it changed."""
    if CONFLICT.search(before):
        hint = "resolve the conflict, then `git add` the file"
        raise refusal(Obstacle("DBS102", "conflict markers in a revision file", hint, revision.path))
    after = with_down_revision(before, revision.path, parents)
    if isinstance(after, Obstacle):
        raise refusal(after)
    read = parse(after, revision.path, blob_id(after))
    wanted = revision._replace(down_revision=parents, doc="", oid="")
    if not isinstance(read, Revision) or read._replace(doc="", oid="") != wanted or not same_body(before, after):
        message = f"writing another parent into {revision.id} would change more than that ({revision.path})"
        raise DbsyncError(message, f"write `down_revision` = {', '.join(parents)} there yourself")
    return Edit(revision, parents, before, after)


def _require_sound(graph: RevisionMap, found: OnTop, edits: list[Edit]) -> None:
    """See that the files as they will be make the graph that is wanted."""
    after = with_parents(graph, {one.revision.id: one.parents for one in edits})
    if after.obstacles:
        raise refusal(after.obstacles[0]._replace(message=f"on top, {after.obstacles[0].message}"))
    parents = {new for one in edits for new in one.parents}
    expected = tuple(one for one in graph.declared_heads if one not in parents)
    if after.declared_heads != expected or heads_apart(after) != found.apart:
        heads = ", ".join(after.declared_heads)
        raise DbsyncError(f"the revision heads would be {heads}: nothing was changed", "`dbsync heads` lists them")


def write(project: Project, edits: Iterable[Edit]) -> None:
    """Put all files in place, each whole; they are written in full before the first is put there."""
    prepared: list[tuple[str, str]] = []
    try:
        for one in edits:
            path = os.path.realpath(os.path.join(project.repository.top, one.revision.path))
            fd, temporary = tempfile.mkstemp(suffix=SUFFIX, dir=os.path.dirname(path))
            prepared.append((temporary, path))
            with os.fdopen(fd, "wb") as file:
                file.write(one.after)
                os.fchmod(fd, os.stat(path).st_mode & 0o7777)
        for temporary, path in prepared:
            os.replace(temporary, path)
    finally:
        for temporary, _ in prepared:
            with suppress(FileNotFoundError):
                os.unlink(temporary)

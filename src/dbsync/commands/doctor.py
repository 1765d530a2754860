"""`dbsync doctor [--fix]`: every part that has to be in order, each with ok or the command that mends it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.commands.context import Report
from dbsync.errors import EXIT_FINDING, EXIT_OK, DbsyncError, Obstacle
from dbsync.git.hooks import install, installed
from dbsync.git.hooks.configured import git_version
from dbsync.store.pending import read_pending
from dbsync.sync.kept import listed, of_gone_branch, remove_kept
from dbsync.sync.project import own_interpreter
from dbsync.sync.request import interpreter_of
from dbsync.sync.scratch import remove_scratch
from dbsync.sync.status import environment_status
from dbsync.sync.unseen import untrue

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from dbsync.commands.context import Context
    from dbsync.config.environment import Environment
    from dbsync.sync.project import Project

OLDEST_GIT = (2, 30)
# What judging leaves to be quicker next time; all of it may go at any time.
SCRATCH = ("trees", "shadows", "verdicts")
MUCH = 500_000_000


class Part(NamedTuple):
    """One part: what it is, how it is, and where it is not in order the obstacle with what mends it."""

    what: str
    how: str
    obstacle: Obstacle | None = None


class Diagnosis(NamedTuple):
    """All parts, and what `--fix` did."""

    parts: list[Part]
    fixed: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form (version 1)."""
        parts = [{"part": one.what, "how": one.how, "ok": one.obstacle is None, **_why(one)} for one in self.parts]
        return {"version": 1, "parts": parts, "fixed": self.fixed}


def run(context: Context, options: Namespace) -> Report:
    """Look at every part; with `fix`, mend first what can be mended without moving a database."""
    project = context.project()
    fixed = _fix(project) if options.fix else []
    parts = [*_git(project), *_hooks(project), *_scratch(project), *_kept(project), *_environments(project)]
    diagnosis = Diagnosis(parts, fixed)
    wrong = any(one.obstacle for one in diagnosis.parts)
    return Report(EXIT_FINDING if wrong else EXIT_OK, diagnosis)


def _why(part: Part) -> dict[str, str]:
    return {"message": part.obstacle.message, "hint": part.obstacle.hint} if part.obstacle else {}


def _git(project: Project) -> Iterator[Part]:
    version = git_version(project.repository)
    how = ".".join(map(str, version))
    old = Obstacle("", f"git {how} is older than 2.30", "install a newer git")
    yield Part("git", how, old if version < OLDEST_GIT else None)
    pending = read_pending(project.repository.git_dir)
    if pending:
        yield Part("pending", pending, Obstacle("", f"a sync is pending: {pending}", "`dbsync sync`"))
    if not project.settings.enabled:
        off = Obstacle("", "dbsync is switched off here", "`git config --unset dbsync.enabled`")
        yield Part("settings", "dbsync.enabled is false", off)


def _hooks(project: Project) -> Iterator[Part]:
    found = installed(project.repository)
    if found.missing:
        missing = Obstacle("", f"not installed: {', '.join(found.missing)}", "`dbsync doctor --fix`, or `dbsync init`")
        yield Part("hooks", ", ".join(found.active) or "none", missing)
        return
    gone = Obstacle("", f"their interpreter {found.interpreter} is gone", "`dbsync init`")
    yield Part("hooks", f"{len(found.active)}, run by {found.interpreter}", None if found.interpreter_found else gone)


def _scratch(project: Project) -> Iterator[Part]:
    size = sum(_size(project.layout.path(name)) for name in SCRATCH)
    much = Obstacle("", f"scratch databases and trees take {size / 1e6:.0f} MB", "`dbsync doctor --fix` removes them")
    yield Part("scratch", f"{size / 1e6:.1f} MB", much if size > MUCH else None)


def _kept(project: Project) -> Iterator[Part]:
    gone = of_gone_branch(project)
    for one in listed(project):
        how = f"{os.path.basename(one.kept.name)}, {one.kept.size / 1e6:.1f} MB: {one.words} of {one.database}"
        nobody = Obstacle("", f"the git branch {one.kept.of} is gone", "`dbsync doctor --fix` removes its rows")
        yield Part("kept", how, nobody if gone(one.kept) else None)


def _environments(project: Project) -> Iterator[Part]:
    environments, obstacles = project.environments()
    for one in obstacles:
        yield Part("configuration", one.path or "", one)
    for environment in environments:
        yield from _environment(project, environment)


def _environment(project: Project, environment: Environment) -> Iterator[Part]:
    name = environment.name
    try:
        interpreter = interpreter_of(project, environment)
        yield Part(name, f"run by {interpreter.path} ({interpreter.why})")
    except DbsyncError as error:
        yield Part(name, "no interpreter", error.obstacle)
        return
    status = environment_status(project, environment)
    yield Part(name, f"{_count(len(status.target.map))}, head {', '.join(status.target.map.declared_heads) or 'none'}")
    for obstacle in status.obstacles:
        yield Part(name, obstacle.code, obstacle)
    for one in status.databases:
        differs = Obstacle("", f"{one.database} is not what the work tree says: {one.state}", "`dbsync sync`")
        yield Part(name, f"{one.database}: {one.state.replace('_', ' ')}", None if one.state == "in_sync" else differs)
    for obstacle in untrue(project, status):
        yield Part(name, "the schema", obstacle)


def _fix(project: Project) -> list[str]:
    """Put the hooks in again where a database follows, and remove what is only kept to be quick."""
    done = []
    if project.layout.initialised and install(project.repository, own_interpreter()).changed:
        done.append("hooks installed")
    removed = remove_scratch(project)
    done += [f"scratch database {name} dropped" for name in removed.dropped]
    if removed.left:
        done.append(f"not dropped, since the server did not answer: {', '.join(removed.left)}")
    rows = remove_kept(project, of_gone_branch(project))
    done += [f"rows of {one.database} removed: {one.words}" for one in rows.dropped]
    for name in SCRATCH:
        if os.path.isdir(project.layout.path(name)) and not (name == "shadows" and removed.left):
            shutil.rmtree(project.layout.path(name), ignore_errors=True)
            done.append(f"{name} removed")
    return done


def _size(folder: str) -> int:
    paths = (os.path.join(inner, name) for inner, _, names in os.walk(folder) for name in names)
    return sum(os.lstat(path).st_size for path in paths)


def _count(revisions: int) -> str:
    return "1 revision" if revisions == 1 else f"{revisions} revisions"

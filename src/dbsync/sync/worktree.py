"""A database for each work tree: a copy of the one that another work tree owns, or that one, taken over."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.environment.client import WorkerDiedError, converse
from dbsync.errors import DbsyncError, Obstacle
from dbsync.store.branch_rows import LIVE
from dbsync.store.databases import adopted, ledger_path, open_ledger
from dbsync.store.gate import remove_all_gates
from dbsync.store.kept_databases import KEY as KEPT
from dbsync.store.lock import DatabaseLock
from dbsync.store.pending import clear_pending
from dbsync.sync.failures import died, obstacle_of
from dbsync.sync.inspect import inspect
from dbsync.sync.outcome import display, track_of
from dbsync.sync.request import launch, request_for
from dbsync.sync.target import read_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.config.environment import Environment
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.project import Project

LOCK_SECONDS = 3.0
# What a variable is called that may say where a database is.
TELLING = re.compile(r"DATABASE|DB|SQL|URL|URI|DSN|PG|POSTGRES", re.IGNORECASE)


class Provided(NamedTuple):
    """What a work tree was given: `database` is its own now, a copy of `source` ("" where it was taken over).

    `leads_here` says that env.py connects to it already; else it reads `variables`, which may say where it connects.
    """

    database: str
    source: str = ""
    leads_here: bool = True
    variables: tuple[str, ...] = ()


def take_over(project: Project, environment: Environment) -> tuple[list[Provided], Obstacle | None]:
    """Make this work tree the owner of every database that its env.py connects to."""
    taken: list[Provided] = []

    def admit(identity: dict[str, Any]) -> Obstacle | None:
        ledger = open_ledger(project.layout, identity["key"])
        if ledger is None:
            name = display(identity, project.tops)
            return Obstacle("DBS504", f"{name} was never given to dbsync", "`dbsync init` adopts it")
        with ledger:
            ledger.set_meta("owner", project.repository.top)
        taken.append(Provided(display(identity, project.tops)))
        return None

    found = inspect(project, read_target(project, environment), admit)
    _let_all_look(project)
    return taken, found.obstacle


def clone(project: Project, environment: Environment) -> tuple[list[Provided], Obstacle | None]:
    """Copy every database that env.py connects to, where another work tree owns it, and adopt the copy for this one."""
    target = read_target(project, environment)
    with ExitStack() as stack:
        cloning = _Cloning(project, environment, stack)
        request = request_for(project, target, "inspect", create=True, clone=True)
        try:
            last = converse(launch(project, environment), request, cloning.answer).last
        except WorkerDiedError as error:
            return [], died(error, environment, project.settings.runner_for(environment.name))
        except DbsyncError as error:
            return [], error.obstacle
    variables = tuple(sorted(filter(TELLING.search, last.get("variables", ()))))
    made = [one if one.leads_here else one._replace(variables=variables) for one in cloning.made]
    _let_all_look(project)
    return made, cloning.refused or (None if last["event"] == "done" else obstacle_of(last, environment))


class _Cloning:
    """Answers the worker: which database is copied to what, and what the copy is then."""

    def __init__(self, project: Project, environment: Environment, stack: ExitStack) -> None:
        self._project = project
        self._environment = environment
        self._stack = stack
        self._sources: list[tuple[Ledger, bool]] = []
        self.made: list[Provided] = []
        self.refused: Obstacle | None = None

    def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        """Reply to one event."""
        if event["event"] == "current":
            self._adopt(event)
            return {}
        found = self._wanted(event["dialect"], event["target"])
        if isinstance(found, Obstacle):
            self.refused = found
            return {"stop": True, "code": found.code, "message": found.message, "hint": found.hint}
        return found

    def _wanted(self, dialect: str, target: dict[str, Any]) -> dict[str, str] | Obstacle:
        here = os.path.realpath(target["path"]) if dialect == "sqlite" else str(target["database"])
        source = next(self._matching(dialect, here, target), None)
        if source is None:
            return Obstacle("DBS504", f"{here} was never given to dbsync", "`dbsync init` adopts it")
        if source.meta("owner") == self._project.repository.top:
            return Obstacle("DBS509", f"{here} follows this work tree already", "`dbsync status`")
        self._stack.enter_context(DatabaseLock(f"{source.path}.lock", LOCK_SECONDS))
        if source.running():
            return Obstacle("DBS509", f"a move of {here} was interrupted", "`dbsync sync` where it belongs, then again")
        name = source.meta("identity")["name"] if dialect != "sqlite" else source.meta("identity")["key"]
        shared = name == here
        self._sources.append((source, not shared))
        return {"from": name, "to": self._own_name(name) if shared else here}

    def _matching(self, dialect: str, here: str, target: dict[str, Any]) -> Iterator[Ledger]:
        """Yield what env.py leads to here; else, of files, those at the same place of another work tree."""
        known = [open_ledger(self._project.layout, one.meta("identity")["key"]) for one in self._adopted()]
        listed = [self._stack.enter_context(closing(one)) for one in known if one is not None]
        same = [one for one in listed if one.meta("identity").get("dialect") == dialect]
        if dialect == "sqlite":
            yield from (one for one in same if one.meta("identity")["key"] == here)
            place = os.path.relpath(here, os.path.realpath(self._project.repository.top))
            yield from (one for one in same if _at(one.meta("owner", ""), place) == one.meta("identity")["key"])
            return
        port = str(target.get("port") or "")
        named = [one for one in same if one.meta("identity")["name"] == here]
        # The server names no port on a local socket.
        yield from (one for one in named if not port or one.meta("identity")["port"] in ("", port))

    def _adopted(self) -> Iterator[Ledger]:
        return adopted(self._project.layout, self._environment.name)

    def _own_name(self, name: str) -> str:
        """Return the name of the copy: the work tree's folder is in it, as git names linked work trees."""
        own = re.sub(r"\W+", "_", os.path.basename(self._project.repository.top)).strip("_").lower() or "worktree"
        stem, extension = os.path.splitext(name) if os.sep in name else (name, "")
        return f"{stem}_{own}"[: 63 if not extension else None] + extension

    def _adopt(self, event: dict[str, Any]) -> None:
        """Give the copy a ledger that says what the original's says."""
        source, leads_here = self._sources[-1]
        identity = event["identity"]
        path = ledger_path(self._project.layout, identity["key"])
        with closing(sqlite3.connect(source.path)) as one, closing(sqlite3.connect(path)) as other:
            one.backup(other)
        os.chmod(path, 0o600)
        copy = open_ledger(self._project.layout, identity["key"])
        if copy is None:
            raise RuntimeError("a ledger that was just written is gone")
        track = track_of(event["schema"], event["version_table"])
        with copy:
            copy.set_meta("identity", identity)
            copy.set_meta("owner", self._project.repository.top)
            copy.set_meta(KEPT, {})  # what is kept beside the original is the original's
            copy.set_meta(LIVE, "")
            copy.set_meta(f"track:{track}", {**copy.meta(f"track:{track}", {}), "stamp": event["stamp"]})
        tops = self._project.tops
        self.made.append(Provided(display(identity, tops), display(source.meta("identity"), tops), leads_here))


def _at(top: str, place: str) -> str:
    return os.path.realpath(os.path.join(top, place))


def _let_all_look(project: Project) -> None:
    """Make every work tree ask again whose database it connects to."""
    remove_all_gates(project.repository.common_dir)
    clear_pending(project.repository.git_dir)

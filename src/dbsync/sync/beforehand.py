"""What is done on a server before env.py connects for a move: the rows of the right git branch, a clone for an undo.

Nobody may be connected while a database is cloned, this run neither, so whether there will be a move is told from the
ledger. Where that was wrong, a clone is superfluous, or there is none: then an undo goes by the revisions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbsync.errors import DbsyncError
from dbsync.plan.planner import make_plan
from dbsync.plan.rows_changed import changes_rows
from dbsync.revisions.revision import path_order
from dbsync.revisions.revision_map import RevisionMap
from dbsync.store.copies import MEGABYTE
from dbsync.store.databases import owned, tracks_of
from dbsync.store.kept_databases import UNDO
from dbsync.sync.branch_servers import may_turn, turn_server
from dbsync.sync.on_server import Talk, Waiting
from dbsync.sync.swap import copy, prune

if TYPE_CHECKING:
    from dbsync.environment.client import Answer
    from dbsync.ledger.entry import Entry
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.on_server import Acting, Server
    from dbsync.sync.project import Project
    from dbsync.sync.target import Target


class Beforehand:
    """Turns and clones the databases of a target before they are moved, once a run.

    `clones` are their names by key; `turned` says which database got the rows of which git branch.
    """

    def __init__(self, project: Project, target: Target, *, turns: bool) -> None:
        self._project = project
        self._target = target
        self._turns = turns
        self.clones: dict[str, str] = {}
        self.turned: list[str] = []
        self.refused: DbsyncError | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What of it the worker is told in its request."""
        project, name = self._project, self._target.environment.name
        own = owned(project.layout, project.repository.top, name)
        asked = any(_is_server(one) and (self._may_turn(one) or self._is_worth_a_clone(one)) for one in own)
        return {"maintenance": 0.0} if asked else {}

    def _may_turn(self, ledger: Ledger) -> bool:
        return self._turns and may_turn(self._project, ledger)

    def _is_worth_a_clone(self, ledger: Ledger) -> bool:
        """Say whether it will be moved by steps after which going back does not bring all rows back."""
        settings, name = self._project.settings, self._target.environment.name
        if settings.undo_clone == "never" or not settings.undo_size:
            return False
        tracks = tracks_of(ledger, name)
        return any(_is_worth_it(self._project, self._target, ledger.entries(track)) for track in tracks)

    def before(self, answer: Answer) -> Answer:
        """Answer what the worker asks before it connects; all else is for the other one."""
        talk = Talk(self._project, self._act, Waiting(), soft=True)

        def answered(event: dict[str, Any]) -> dict[str, Any] | None:
            if event["event"] not in ("server", "did", "waiting"):
                return answer(event)
            reply = talk.answer(event)
            self.refused = talk.refused
            return reply

        return answered

    def _act(self, server: Server) -> Acting:
        if self._may_turn(server.ledger):
            said = yield from turn_server(self._project, server)
            self.turned += [said] if said else []
        yield from self._clone(server)

    def _clone(self, server: Server) -> Acting:
        key, size = server.facts["identity"]["key"], server.facts["size"]
        allowed = not (server.facts["sessions"] or server.facts["forbidden"])
        if key in self.clones or not allowed or not self._is_worth_a_clone(server.ledger):
            return
        if size > self._project.settings.undo_size * MEGABYTE:
            return
        try:
            yield from prune(server.ledger, size)
            self.clones[key] = (yield from copy(server, server.name, UNDO)).name
        except DbsyncError:
            return  # somebody came in between, or there is no room


def _is_server(ledger: Ledger) -> bool:
    return bool(ledger.meta("identity", {}).get("dialect") == "postgresql")


def _is_worth_it(project: Project, target: Target, entries: list[Entry]) -> bool:
    applied = RevisionMap(sorted((one.revision for one in entries), key=lambda one: path_order(one.path)))
    if applied.obstacles or target.map.obstacles:
        return False
    wanted = target.less_held_back(applied.revisions)
    plan = make_plan(applied, wanted.map, wanted.same_source(project, entries))
    if project.settings.undo_clone == "always":
        return plan.changes
    known = {one.revision.id: one.source for one in entries}
    coming = target.sources(project, plan.up)
    return any(changes_rows(known[one], "down") for one in plan.down) or any(
        changes_rows(source, "up") for source in coming.values()
    )

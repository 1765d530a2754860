"""Moving the databases of one environment: the host's half of the conversation with the worker.

The worker asks, under the lock it holds in the database, what to do from the heads it finds there. So a plan is
never older than what it is carried out on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.errors import Obstacle
from dbsync.plan.planner import make_plan
from dbsync.plan.way_back import raises_on_the_way_back
from dbsync.store import copies
from dbsync.store.databases import open_ledger, other_owner, replaced_server
from dbsync.store.dumps import remove_dump
from dbsync.store.shelf import Shelf
from dbsync.sync import half_way
from dbsync.sync.adoption import Built
from dbsync.sync.after import EntriesAfter
from dbsync.sync.applied import Applied, explain_heads
from dbsync.sync.before import copy_before
from dbsync.sync.clock import utc_now
from dbsync.sync.current_database import CurrentDatabase
from dbsync.sync.half_way import WholeCopy
from dbsync.sync.keeping import KeptRows
from dbsync.sync.known import as_written, known_entries
from dbsync.sync.left_behind import lines_of_those_staying, types_of_those_going
from dbsync.sync.outcome import Moved, display
from dbsync.sync.request import graph_facts
from dbsync.sync.rules import why_no_plan, why_not
from dbsync.sync.shelving import EVENTS, Shelving, shelving_of
from dbsync.sync.sources import SourceFinder
from dbsync.sync.staying import as_facts, is_built, shortest
from dbsync.sync.swapped import settle_interrupted

if TYPE_CHECKING:
    from dbsync.ledger.entry import Entry
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.project import Project
    from dbsync.sync.rules import Rules
    from dbsync.sync.target import Target


class Doubted(NamedTuple):
    """A database that was changed by somebody else, and what the ledger says is applied to it."""

    key: str
    track: str
    applied: Applied


class Mover:
    """Answers the worker's events and remembers what came of them."""

    def __init__(self, project: Project, target: Target, rules: Rules) -> None:
        self._project = project
        self._target = target
        self._rules = rules
        self._ledgers: dict[str, Ledger] = {}
        self._current: CurrentDatabase | None = None
        self._looked_at: list[CurrentDatabase] = []
        self.clones: dict[str, str] = {}
        self.refused: Obstacle | None = None
        self.losses: list[dict[str, str]] = []
        self.never_adopted = False
        self.doubted: Doubted | None = None

    def answer(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Reply to one event; None where none is expected."""
        if event["event"] in EVENTS:
            return self._shelf.answer(event)
        whole_copy = self._looked_at[-1].whole_copy if self._looked_at else None
        if event["event"] in half_way.EVENTS and whole_copy is not None:
            return whole_copy.answer(event)
        reply: dict[str, Any] | None = getattr(self, f"_on_{event['event']}")(event)
        return reply

    def _on_database(self, event: dict[str, Any]) -> dict[str, Any]:
        identity = event["identity"]
        ledger = open_ledger(self._project.layout, identity["key"])
        if ledger is not None:
            self._ledgers[identity["key"]] = ledger
            owner = other_owner(ledger, self._project.repository.top)
            return self._stop(owner) if owner else {"dead": half_way.connections_of(ledger)}
        self.never_adopted = True
        name = display(identity, self._project.tops)
        if replaced_server(self._project.layout, identity):
            self.never_adopted = False
            return self._stop(Obstacle("DBS505", f"{name} is on another server than the one adopted", "`dbsync init`"))
        return self._stop(Obstacle("DBS504", f"{name} was never given to dbsync", "`dbsync init` adopts it"))

    def _on_current(self, event: dict[str, Any]) -> dict[str, Any]:
        ledger = self._ledgers[event["identity"]["key"]]
        current = CurrentDatabase(event, ledger, display(event["identity"], self._project.tops))
        self._current = current
        self._looked_at.append(current)
        running = ledger.running(current.track)
        if running:
            current.interrupted = running[-1]
            return {"outcome_of": running[-1].facts.get("evidence", {})}
        return self._plan(current)

    def _on_outcome(self, event: dict[str, Any]) -> dict[str, Any]:
        current = self._now
        operation = current.interrupted
        if event["status"] == "dirty":
            return self._stop(half_way.dirty(current.name))
        if operation is not None:
            committed = event["status"] == "committed" or (
                event["status"] is None and sorted(operation.facts["after"]) == sorted(current.heads)
            )
            entries = current.ledger.entries_of(operation) if committed else None
            name = f"{current.identity['key']} {operation.id}"
            certain = committed or event["status"] == "aborted"
            Shelf(self._project.layout).settle(name, committed=committed, when=utc_now(), certain=certain)
            if entries is not None:
                applied = {one.revision.id for one in entries}
                Shelf(self._project.layout).recall(operation.facts.get("undoes", ()), name, applied)
            settle_interrupted(self._project, current, operation.facts, committed=committed)
            current.ledger.finish(operation, "done" if committed else "failed", entries)
            remove_dump(half_way.path_of(self._project, current.ledger, operation.id))
            if committed:
                current.ledger.set_meta(f"track:{current.track}", current.seen_at(current.heads))
        return self._plan(current)

    @property
    def _now(self) -> CurrentDatabase:
        if self._current is None:
            raise RuntimeError("the worker spoke of a database before it named one")
        return self._current

    def _plan(self, current: CurrentDatabase) -> dict[str, Any]:
        known = known_entries(current.ledger, current)
        entries = known.entries if self._rules.believe != "files" else self._as_written(known.entries)
        finder = SourceFinder(self._project, self._target.environment, current.ledger, self._rules.previous)
        applied = current.applied = explain_heads(current.heads, entries, finder)
        obstacle = why_no_plan(self._target, applied)
        if obstacle is not None:
            return self._stop(obstacle)
        wanted = self._target.less_held_back(applied.map.revisions)
        plan = make_plan(applied.map, wanted.map, wanted.same_source(self._project, applied.entries))
        current.plan = shortest(self._project, wanted, applied.map, plan) if self._rules.in_place else plan
        current.whole = plan
        if known.doubtful and not self._rules.believe and current.plan.difference.changed:
            self.doubted = Doubted(current.identity["key"], current.track, applied)
            return self._stop(Obstacle("DBS308", "the schema was changed by somebody else"))
        if applied.learned or current.recreated:
            current.ledger.replace(current.track, applied.entries)
        current.remember(self._target.environment.name)
        obstacle = why_not(self._project, self._target, self._rules, current)
        return self._stop(obstacle) if obstacle else self._begin(current)

    def _as_written(self, entries: list[Entry]) -> list[Entry]:
        return as_written(self._project, self._target, entries)

    def _begin(self, current: CurrentDatabase) -> dict[str, Any]:
        plan, entries = current.planned, {entry.revision.id: entry for entry in current.known.entries}
        up = self._target.sources(self._project, plan.up)
        current.after = EntriesAfter(self._project, self._target).of(current, up)
        if plan.changes or self._rules.restore:
            current.copy = self._copy_before(current)
            current.clone = self.clones.get(current.identity["key"], "")
            current.open_operation(self._about())
            current.shelving = shelving_of(self._project, self._target, current)
            current.whole_copy = WholeCopy(
                self._project, current.ledger, current.operation, anyway=self._rules.accept_loss and not plan.down
            )
        keep = self._rules.keep
        if keep is not None and plan.down:
            current.kept = KeptRows(self._project.layout, current.name)
        return {
            "applied": graph_facts(current.known.map, {one: entries[one].source for one in plan.down}),
            "target": graph_facts(self._target.map, up),
            "down": plan.down,
            "up": plan.up,
            "skipped": [one for one in plan.down if raises_on_the_way_back(entries[one].source)],
            "heads": list(plan.heads),
            "in_place": list(plan.in_place),
            "whole": self._whole(current) if plan.in_place else None,
            "keep": list(keep or ()) if current.kept else None,
            "allow_loss": self._rules.accept_loss and keep is not None,
            "allow_commit": self._rules.accept_loss,
            "allow_difference": self._rules.accept_loss,
            "record": True,
            "shelf": current.shelving is not None,
            "restore": self._shelf.by_hand(self._rules.restore, force=self._rules.force)
            if self._rules.restore
            else None,
            "changes": current.ledger.changes(current.track, [entries[one] for one in plan.down]),
        }

    def _copy_before(self, current: CurrentDatabase) -> str:
        runner = self._project.settings.runner_for(self._target.environment.name)
        return copy_before(self._project, current, reachable=not runner)

    def _about(self) -> dict[str, Any]:
        """Return what the reflog says of an operation besides what it does."""
        repository = self._project.repository
        return {
            "by": self._rules.by,
            "run": self._project.run,
            "branch": repository.branch() or "",
            "commit": repository.head_commit() or "",
        }

    def _whole(self, current: CurrentDatabase) -> dict[str, Any]:
        whole = current.whole or current.planned
        return as_facts(current.known, self._target, whole, self._target.sources(self._project, whole.up))

    def _on_kept(self, event: dict[str, Any]) -> None:
        kept = self._now.kept
        if kept is not None:
            kept.add(event)

    def _restored(self) -> dict[str, Any] | None:
        return self._shelf.by_hand(self._rules.restore, force=self._rules.force) if self._rules.restore else None

    @property
    def _shelf(self) -> Shelving:
        shelving = self._now.shelving
        if shelving is None:
            raise RuntimeError("the worker spoke of rows before there was a plan")
        return shelving

    def _on_step(self, event: dict[str, Any]) -> None:
        self._now.durations[event["revision"], event["direction"]] = event["seconds"]

    def _on_losses(self, event: dict[str, Any]) -> None:
        self.losses = event["losses"]

    def _on_types(self, event: dict[str, Any]) -> dict[str, Any]:
        return {"left": types_of_those_going(self._now, event["names"])}

    def _on_gone(self, event: dict[str, Any]) -> dict[str, Any]:
        return {"lines": lines_of_those_staying(self._now, event["lines"])}

    def _on_cleared(self, event: dict[str, Any]) -> None:
        self._now.notes.append(f"cleared away what downgrades left behind: {', '.join(event['what'])}")

    def _on_differs(self, event: dict[str, Any]) -> None:
        self._now.notes.append(event["message"])

    def _on_ready(self, event: dict[str, Any]) -> dict[str, Any]:
        current = self._now
        if current.planned.in_place:
            built = Built(len(self._looked_at) - 1, event["schema_lines"], self._rules.deadline)
            wanted = self._target.less_held_back(current.known.map.revisions)
            if not is_built(self._project, wanted, built, event["whole_lines"]):
                return self._stop(Obstacle("DBS409", "what is missing alone does not make the schema"))
            current.notes.append(
                f"{', '.join(current.planned.in_place)} stayed applied: only the parent is another one"
            )
        if current.kept is not None:
            current.kept.close()
        current.ready(event)
        self._current = None
        return {}

    def _on_committing(self, event: dict[str, Any]) -> None:
        self._looked_at[event["place"] - 1].committing = True

    def _on_committed(self, event: dict[str, Any]) -> None:
        self._looked_at[event["place"] - 1].committed = True

    def _on_written(self, event: dict[str, Any]) -> None:
        for current in self._looked_at:
            if current.identity.get("name") == event["name"]:
                current.left = event["left"]

    def _stop(self, obstacle: Obstacle) -> dict[str, Any]:
        self.refused = obstacle
        return {"stop": True, "code": obstacle.code, "message": obstacle.message, "hint": obstacle.hint}

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of the databases that were moved."""
        return tuple(note for current in self._looked_at if current.done for note in current.notes)

    @property
    def half_way(self) -> list[str]:
        """The names of databases that were left half-way."""
        return [one.name for one in self._looked_at if one.half_way]

    @property
    def dialect(self) -> str:
        """The dialect of the database that was looked at last, "" where there was none."""
        return str(self._looked_at[-1].facts["dialect"]) if self._looked_at else ""

    @property
    def held_back(self) -> Obstacle | None:
        """Why some of the target's revisions were not applied, None where all were."""
        found = (self._target.held_back(one.known.map.revisions) for one in self._looked_at if one.plan)
        return next((one for one in found if one), None)

    @property
    def stays_in_place(self) -> bool:
        """Whether it was tried to leave re-parented revisions as they are."""
        return any(current.plan and current.plan.in_place for current in self._looked_at)

    def commit_of(self, revision_id: str) -> str:
        """Return the commit that held an applied revision, "" where it was never committed."""
        entries = [entry for current in self._looked_at if current.applied for entry in current.applied.entries]
        return next((entry.commit for entry in entries if entry.revision.id == revision_id), "")

    def finish(self, ending: str) -> list[Moved]:
        """Write down what became of the operations; returns a line for every database that was looked at.

        `ending` is the worker's: "done"; "failed", where only what it said it had committed is committed, as env.py
        may commit one database after the other; "died" or "late", where nobody knows, as of a commit that failed: the
        next run asks the database.
        """
        for current in self._looked_at:
            current.done = ending == "done" or (ending == "failed" and current.committed)
            if current.done or (ending == "failed" and not current.committing and not current.half_way):
                current.close(committed=current.done)
            elif current.shelving is not None:
                current.shelving.close(committed=None)
            if ending == "late" and current.plan is not None:
                current.ledger.set_meta(current.late_key, [current.plan.down, current.plan.up])
        self._let_go_of_copies(ending)
        for ledger in self._ledgers.values():
            ledger.close()
        return [current.moved() for current in self._looked_at]

    def _let_go_of_copies(self, ending: str) -> None:
        """Remove the copies of databases that were not moved after all, and the oldest ones."""
        made = {one.copy for one in self._looked_at if one.copy}
        moved = {one.copy for one in self._looked_at if one.copy and one.done}
        for copy in made - moved if ending == "failed" else ():
            copies.remove(copy)
        if moved:
            copies.prune(self._project.layout)

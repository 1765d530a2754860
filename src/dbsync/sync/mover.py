"""Moving the databases of one environment: the host's half of the conversation with the worker.

The worker asks, under the lock it holds in the database, what to do from the heads it finds there. So a plan is
never older than what it is carried out on.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.errors import Obstacle
from dbsync.plan.left_alone import why_left_alone
from dbsync.plan.ordinary import why_not_ordinary
from dbsync.plan.planner import make_plan
from dbsync.plan.way_back import lacks_way_back
from dbsync.store.databases import open_ledger, other_owner, replaced_server
from dbsync.store.shelf import Shelf
from dbsync.sync.adoption import Built
from dbsync.sync.after import EntriesAfter
from dbsync.sync.applied import Applied, explain_heads
from dbsync.sync.clock import utc_now
from dbsync.sync.current_database import CurrentDatabase
from dbsync.sync.keeping import KeptRows
from dbsync.sync.known import as_written, known_entries
from dbsync.sync.outcome import Moved, display
from dbsync.sync.request import graph_facts
from dbsync.sync.shelving import EVENTS, Shelving, shelving_of
from dbsync.sync.sources import SourceFinder
from dbsync.sync.staying import as_facts, is_built, shortest
from dbsync.sync.target import Target, blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dbsync.ledger.entry import Entry
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.project import Project


class Rules(NamedTuple):
    """How far a run may go.

    `by_hook` keeps to ordinary plans; `accept_loss` was said with --yes; `previous` is the commit the work tree was at
    before; `keep` names the tables to copy first, `old_trees` holds the files that some revisions import from;
    `trusted` judges the commit of a source that was found in Git, which counts where the run is `unasked`: a
    hook's, or an application's start; `believe` says whether the "files" or the "ledger" tell how revisions were
    applied, where the database was changed by somebody else; `in_place` lets re-parented revisions stay where they
    are; `deadline` is when it has to end, by time.monotonic(); `restore` is the number of an entry of the shelf to put
    back by hand, with `force` onto rows that differ too.
    """

    unasked: bool = False
    by_hook: bool = False
    accept_loss: bool = False
    previous: str = ""
    keep: tuple[str, ...] | None = None
    old_trees: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    believe: str = ""
    in_place: bool = True
    deadline: float | None = None
    trusted: Callable[[str], bool] = bool
    restore: int = 0
    force: bool = False


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
        self.refused: Obstacle | None = None
        self.losses: list[dict[str, str]] = []
        self.never_adopted = False
        self.doubted: Doubted | None = None

    def answer(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Reply to one event; None where none is expected."""
        if event["event"] in EVENTS:
            return self._shelf.answer(event)
        reply: dict[str, Any] | None = getattr(self, f"_on_{event['event']}")(event)
        return reply

    def _on_database(self, event: dict[str, Any]) -> dict[str, Any]:
        identity = event["identity"]
        ledger = open_ledger(self._project.layout, identity["key"])
        if ledger is not None:
            self._ledgers[identity["key"]] = ledger
            owner = other_owner(ledger, self._project.repository.top)
            return self._stop(owner) if owner else {}
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
        if operation is not None:
            committed = event["status"] == "committed" or (
                event["status"] is None and sorted(operation.facts["after"]) == sorted(current.heads)
            )
            entries = current.ledger.entries_of(operation) if committed else None
            name = f"{current.identity['key']} {operation.id}"
            certain = committed or event["status"] == "aborted"
            Shelf(self._project.layout).settle(name, committed=committed, when=utc_now(), certain=certain)
            current.ledger.finish(operation, "done" if committed else "failed", entries)
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
        obstacle = self._first_obstacle(applied)
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
        current.remember()
        obstacle = self._why_not(current)
        return self._stop(obstacle) if obstacle else self._begin(current)

    def _as_written(self, entries: list[Entry]) -> list[Entry]:
        return as_written(self._project, self._target, entries)

    def _first_obstacle(self, applied: Applied) -> Obstacle | None:
        found = [
            *applied.obstacles,
            *applied.map.obstacles,
            *blocks(self._target.obstacles, anything_applied=bool(applied.entries)),
        ]
        if not found and applied.entries and not self._target.map.revisions:
            where = self._target.environment.version_locations[:1] or ("the work tree",)
            found = [Obstacle("DBS301", f"revisions are applied and there are none in {where[0]}", "`git switch` back")]
        return found[0] if found else None

    def _why_not(self, current: CurrentDatabase) -> Obstacle | None:
        plan, entries = current.planned, {entry.revision.id: entry for entry in current.known.entries}
        left_alone = why_left_alone(current.facts["dialect"], plan)
        if left_alone is not None:
            return left_alone._replace(hint=self._target.environment.as_typed(left_alone.hint))
        for one in plan.down if self._rules.unasked else ():
            if entries[one].observed and entries[one].commit and not self._rules.trusted(entries[one].commit):
                message = f"the source of {one} was found in {entries[one].commit[:12]}, which is not trusted: not run"
                return Obstacle("DBS506", message, f"`dbsync explain {one}`, look at it, then `dbsync sync`")
        one_way = [one for one in plan.down if lacks_way_back(entries[one].source)]
        if one_way and not self._rules.accept_loss:
            message = f"revision {one_way[0]} has an empty downgrade: what its upgrade changed would stay"
            return Obstacle("DBS309", message, "write its downgrade, or `dbsync sync --yes` takes it down all the same")
        if not self._rules.by_hook or not plan.steps:
            return None
        sources = {**self._target.sources(self._project, plan.up), **{one: entries[one].source for one in plan.down}}
        expected = sum(entries[one].seconds or 0.0 for one in plan.down)
        was_late = current.ledger.meta(current.late_key) == [plan.down, plan.up]
        return why_not_ordinary(plan.down, sources, expected, was_late=was_late)

    def _begin(self, current: CurrentDatabase) -> dict[str, Any]:
        plan, entries = current.planned, {entry.revision.id: entry for entry in current.known.entries}
        up = self._target.sources(self._project, plan.up)
        current.after = EntriesAfter(self._project, self._target).of(current, up)
        if plan.changes or self._rules.restore:
            current.open_operation()
            current.shelving = shelving_of(self._project, self._target, current)
        keep = self._rules.keep
        if keep is not None and plan.down:
            current.kept = KeptRows(self._project.layout, current.name)
        return {
            "applied": graph_facts(current.known.map, {one: entries[one].source for one in plan.down}),
            "target": graph_facts(self._target.map, up),
            "down": plan.down,
            "up": plan.up,
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
        """Say which types, used no longer, only the revisions taken down speak of: those are theirs."""
        down, stay = self._going_and_staying()
        words = {name: name.lower().encode() for name in event["names"]}
        return {"left": [name for name, word in words.items() if _speaks(down, word) and not _speaks(stay, word)]}

    def _on_gone(self, event: dict[str, Any]) -> dict[str, Any]:
        """Say which lines of the schema were made by revisions that stay, so that they should still be there."""
        made = self._now.ledger.changes(self._now.track, self._going_and_staying()[1])
        known = {line for added, _ in made.values() for line in added}
        return {"lines": [line for line in event["lines"] if line in known]}

    def _going_and_staying(self) -> tuple[list[Entry], list[Entry]]:
        going, entries = set(self._now.planned.down), self._now.known.entries
        return (
            [entry for entry in entries if entry.revision.id in going],
            [entry for entry in entries if entry.revision.id not in going],
        )

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

    def _stop(self, obstacle: Obstacle) -> dict[str, Any]:
        self.refused = obstacle
        return {"stop": True, "code": obstacle.code, "message": obstacle.message, "hint": obstacle.hint}

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of the databases that were moved."""
        return tuple(note for current in self._looked_at if current.done for note in current.notes)

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
            if current.done or (ending == "failed" and not current.committing):
                current.close(committed=current.done)
            elif current.shelving is not None:
                current.shelving.close(committed=None)
            if ending == "late" and current.plan is not None:
                current.ledger.set_meta(current.late_key, [current.plan.down, current.plan.up])
        for ledger in self._ledgers.values():
            ledger.close()
        return [current.moved() for current in self._looked_at]


def _speaks(entries: list[Entry], word: bytes) -> bool:
    return any(word in entry.source.lower() for entry in entries)

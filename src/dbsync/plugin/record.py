"""Writing down what plain Alembic did, once the database holds it: the version table is the truth, as elsewhere."""

from __future__ import annotations

import datetime as dt
import os
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.ledger.entry import Entry
from dbsync.ledger.ledger import Ledger
from dbsync.plugin.run import ledger_path, source_of
from dbsync.revisions.parse import parse
from dbsync.revisions.revision import Revision, path_order
from dbsync.revisions.revision_map import RevisionMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.plugin.repository import Repository
    from dbsync.plugin.run import Run, Step

# A ledger that another holds longer is left as it is: the next dbsync command finds out what happened.
BUSY_SECONDS = 1.0


class StaleBytecodeError(Exception):
    """A revision's file is not what ran: nobody can say now what did."""


class Moment(NamedTuple):
    """When something was applied (UTC, ISO form), and where HEAD was then."""

    when: str
    branch: str
    commit: str


def record(run: Run, dbapi: Any) -> None:
    """Write a run's steps to the ledger of the database, if it has one and nobody else is moving the database.

    The ledger is held meanwhile: a sync that begins has to wait until the version table is read and written down.
    """
    if not run.steps:
        return
    identity = run.adapter.identity(dbapi)
    path = ledger_path(identity, run.repository)
    if path is None:
        return
    run.repository.remove_gates()
    with Ledger(path, seconds=BUSY_SECONDS) as ledger, ledger.writing():
        known = run.track in ledger.meta("tracks", []) and not ledger.running(run.track)
        if known and run.rows(dbapi) == run.heads:
            _write(ledger, run, identity["instance"], dbapi)


def _write(ledger: Ledger, run: Run, instance: str, dbapi: Any) -> None:
    moment = _moment(run.repository)
    same_file = instance in (ledger.meta("identity", {}).get("instance"), ledger.meta(f"recorded:{run.track}"))
    known = ledger.entries(run.track) if same_file else []
    here = {step.id: _entry(run.repository, step, moment) for step in run.steps}
    explained = Explained(run, {**{one.revision.id: one for one in known}, **here}, moment)
    all_seen = all(entry is here.get(one) for one, entry in explained.entries.items())
    was_sure = same_file and run.stamp == ledger.meta(f"track:{run.track}", {}).get("stamp")
    stamp = run.stamp_now(dbapi) if all_seen or was_sure else ""
    facts = {"before": run.before, "after": run.heads, "as_of": moment.when, "stamp": stamp}
    ledger.carried_out(run.track, facts, explained.in_order())
    ledger.set_meta(f"recorded:{run.track}", instance)


class Explained:
    """What the version table's rows stand for: they and everything below them, as it was applied.

    `known` holds entries by id, None for a revision that was taken down; what is in none is read from the script
    directory and marked as observed. What is not there either is left to the next dbsync command, which asks Git.
    """

    def __init__(self, run: Run, known: dict[str, Entry | None], moment: Moment) -> None:
        self._run = run
        self._known = known
        self._moment = moment
        self.entries: dict[str, Entry] = {}
        self._labels = {label: one.revision.id for one in known.values() if one for label in one.revision.branch_labels}
        waiting = list(run.heads)
        while waiting:
            one = waiting.pop()
            if one not in self.entries:
                waiting += self._take(one)

    def _take(self, one: str) -> list[str]:
        """Take an id in; return what it builds on. `depends_on` may name a branch label."""
        entry = self._known.get(one) or self._observed(one)
        if entry is None:
            return []
        self.entries[one] = entry
        self._labels.update(dict.fromkeys(entry.revision.branch_labels, one))
        return [*entry.revision.down_revision, *(self._labels.get(name, name) for name in entry.revision.depends_on)]

    def _observed(self, one: str) -> Entry | None:
        try:
            script = self._run.context.script.get_revision(one)
            source = source_of(script)
        except Exception:  # noqa: BLE001 - Alembic's own, or the file's
            return None
        revision = _revision(self._run.repository, script.path, source)
        return Entry(revision, source, observed=True, commit=self._moment.commit) if revision else None

    def in_order(self) -> list[Entry]:
        """Return the entries, each after what it builds on."""
        revisions = sorted((one.revision for one in self.entries.values()), key=lambda one: path_order(one.path))
        found = RevisionMap(revisions)
        return [self.entries[one] for one in found.ordered(found.revisions)]


def _entry(repository: Repository, step: Step, moment: Moment) -> Entry | None:
    """Return what is applied of a step's revision after it; None where it is not, or cannot be read."""
    if step.script is None:
        return None
    _check_that_it_ran(step)
    revision = _revision(repository, step.script.path, step.source)
    return Entry(revision, step.source, False, *moment, step.seconds) if revision else None  # noqa: FBT003 - in order


def _revision(repository: Repository, path: str, source: bytes) -> Revision | None:
    found = parse(source, repository.relative(path), repository.blob_id(source))
    return found if isinstance(found, Revision) else None


def _check_that_it_ran(step: Step) -> None:
    """Compare the functions of the module that ran with those of the file.

    Python trusts bytecode by whole seconds and size, so an edited file may have run as it was before.
    """
    module = step.script.module
    written = set(_codes(compile(step.source, step.script.path, "exec", dont_inherit=True)))
    for function in vars(module).values():
        code = getattr(function, "__code__", None)
        if isinstance(code, CodeType) and code.co_filename == module.__file__ and code not in written:
            raise StaleBytecodeError(os.path.basename(module.__file__))


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of every function in a piece of code, inner ones as well."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _codes(one)


def _moment(repository: Repository) -> Moment:
    branch, commit = repository.head()
    return Moment(dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"), branch, commit)

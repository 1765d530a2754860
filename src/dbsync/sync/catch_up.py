"""Bringing every database of the work tree where it should be: what hooks, `sync` and `ensure` have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.errors import EXIT_LOCKED, DbsyncError
from dbsync.store.databases import adopted, owned
from dbsync.store.gate import remove_gate
from dbsync.sync.branch_files import turn_files
from dbsync.sync.follow import follow
from dbsync.sync.outcome import Outcome
from dbsync.sync.remember import remember
from dbsync.sync.settle import settle
from dbsync.sync.status import environment_status
from dbsync.sync.target import FORKED, read_target
from dbsync.sync.trusted import trust_of

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.errors import Obstacle
    from dbsync.sync.project import Project
    from dbsync.sync.rules import Rules


class Result(NamedTuple):
    """What came of all environments; `untrusted` is the verdict that kept a hook from loading env.py."""

    outcomes: list[Outcome]
    obstacles: list[Obstacle]

    @property
    def in_sync(self) -> bool:
        """Whether every database that was given to dbsync is what the work tree says."""
        return not self.obstacles and not any(one.obstacles for one in self.outcomes if not one.silent)

    @property
    def carried_out(self) -> bool:
        """Whether every plan was carried out: all is in sync, or held back at a fork of the revision heads only."""
        found = [*self.obstacles, *(found for one in self.outcomes if not one.silent for found in one.obstacles)]
        return all(one.code == FORKED for one in found)

    @property
    def locked(self) -> bool:
        """Whether somebody else was at it."""
        return any(one.locked for one in self.outcomes)

    @property
    def elsewhere(self) -> bool:
        """Whether env.py led to a database never given to dbsync, so that nothing is known of the one that was."""
        return any(one.silent and one.obstacles for one in self.outcomes)


def catch_up(project: Project, rules: Rules, commit: str | None = None) -> Result:
    """Move the databases of every environment to the work tree, or to a commit. Environments are independent."""
    environments, obstacles = project.environments()
    trust = trust_of(project)
    rules = rules._replace(trusted=lambda one: trust.judge(one).trusted)
    outcomes = [_one(project, environment, rules, commit) for environment in environments]
    result = Result(outcomes, _missing_environments(project, environments, obstacles))
    if result.in_sync and not result.elsewhere and not commit:
        settle(project)
        found = project.environments()[0]
        remember(project, [environment_status(project, environment, ask=False) for environment in found])
    else:
        remove_gate(project.repository.git_dir)
    return result


def _one(project: Project, environment: Environment, rules: Rules, commit: str | None) -> Outcome:
    if not any(True for _ in adopted(project.layout, environment.name)):
        return Outcome(environment.name, silent=True)
    if commit is not None:
        return follow(project, read_target(project, environment, commit), rules)
    try:
        turned = tuple(turn_files(project, environment, by_hook=rules.by_hook))
    except DbsyncError as error:
        locked = error.exit_code == EXIT_LOCKED
        return Outcome(environment.name, obstacles=(error.obstacle,), locked=locked, waits=locked)
    quiet = _quietly(project, environment)
    outcome = (
        quiet if quiet is not None else follow(project, read_target(project, environment), rules._replace(turns=True))
    )
    return outcome._replace(turned=(*turned, *outcome.turned))


def _quietly(project: Project, environment: Environment) -> Outcome | None:
    """Return the outcome where the disk alone shows that there is nothing to do, and nothing to write down."""
    status = environment_status(project, environment, ask=False)
    if not status.databases or any(one.state not in ("in_sync", "forked") for one in status.databases):
        return None
    for one in status.databases:
        new = status.target.has_another_downgrade(project, one.applied.entries)
        if one.applied.learned or one.seen.recreated or new:
            return None
    forked = any(one.state == "forked" for one in status.databases)
    return Outcome(environment.name, obstacles=tuple(status.obstacles) if forked else ())


def _missing_environments(project: Project, found: list[Environment], obstacles: list[Obstacle]) -> list[Obstacle]:
    """Say of each adopted database whose environment is not in this tree that it was left where it is."""
    from dbsync.errors import Obstacle

    names = {one.name for one in found}
    own = owned(project.layout, project.repository.top)
    gone = [name for ledger in own for name in ledger.meta("environments", []) if name not in names]
    message = "no migration environment here ({}): the database was left where it is"
    known = [one for one in obstacles if one.code != "DBS112" or not gone]
    return known + [
        Obstacle("DBS301", message.format(name), "`git switch` back, or `dbsync sync` later")
        for name in dict.fromkeys(gone)
    ]

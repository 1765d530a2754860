"""`dbsync init`: find the environments, adopt their databases, install the hooks. Repeatable."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.commands.context import Report
from dbsync.errors import EXIT_FINDING, EXIT_OK, EXIT_USAGE, DbsyncError, Obstacle
from dbsync.git.hooks import InstallReport, install
from dbsync.store.watch import write_watch
from dbsync.sync.adoption import (
    Adopted,
    Candidate,
    anything,
    candidates,
    only_unasked,
    take,
    why_unstamped,
)
from dbsync.sync.catch_up import Result, catch_up
from dbsync.sync.project import own_interpreter
from dbsync.sync.rules import Rules
from dbsync.sync.status import EnvironmentStatus, environment_status
from dbsync.sync.target import read_target
from dbsync.sync.trusted import trust_of

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from dbsync.commands.context import Context
    from dbsync.config.environment import Environment
    from dbsync.sync.project import Project


class Prepared(NamedTuple):
    """One environment after `init`: what was adopted, and what kept it from being adopted."""

    environment: Environment
    adopted: list[Adopted]
    obstacles: list[Obstacle]


class Initialised(NamedTuple):
    """All that `init` did. `creators` are places of the application that change the schema by themselves."""

    prepared: list[Prepared]
    obstacles: list[Obstacle]
    hooks: InstallReport | None
    statuses: list[EnvironmentStatus]
    synced: Result | None
    creators: list[str]
    proposals: dict[str, object]


class Asking(NamedTuple):
    """How questions are answered: by the person, or with yes by `--yes`."""

    confirm: Callable[[str], bool]
    yes: bool

    def agrees(self, question: str) -> bool:
        """Say whether the answer is yes."""
        return self.yes or self.confirm(question)


def run(context: Context, options: Namespace) -> Report:
    """Adopt what is found; `options.yes` answers yes to what needs no second thought."""
    project = context.project()
    environments, obstacles = project.environments()
    if not environments:
        raise _nothing_found(obstacles)
    asking = Asking(context.confirm, options.yes)
    prepared = [_prepare(asking, project, one) for one in environments]
    taken = any(one.adopted for one in prepared)
    hooks = None
    if taken:
        trust_of(project).start()
        hooks = install(project.repository, own_interpreter())
        write_watch(project.repository.git_dir, ())  # until the first commit of code tells what the models read
    statuses = [environment_status(project, one) for one in environments] if taken else []
    synced = _offer_sync(asking, project, prepared, statuses)
    value = Initialised(
        prepared, obstacles, hooks, statuses, synced, _creators(project), dict(project.settings.proposals)
    )
    failed = obstacles or any(one.obstacles for one in prepared) or (synced and not synced.carried_out)
    return Report(EXIT_FINDING if failed else EXIT_OK, value)


def _nothing_found(obstacles: list[Obstacle]) -> DbsyncError:
    first = obstacles[0] if obstacles else Obstacle("DBS112", "no Alembic configuration was found", "`alembic init`")
    where = f" ({first.path}{f':{first.line}' if first.line else ''})" if first.path else ""
    return DbsyncError(first.message + where, first.hint, code=first.code, exit_code=EXIT_USAGE)


def _prepare(asking: Asking, project: Project, environment: Environment) -> Prepared:
    target = read_target(project, environment)
    admit = only_unasked(project) if asking.yes else anything
    listed, found = candidates(project, target, admit, create=False)
    if found.obstacle is not None and found.obstacle.code == "DBS403":
        if not asking.agrees(f"{found.obstacle.message}. Build it from the work tree?"):
            return Prepared(environment, [], [found.obstacle._replace(hint="`dbsync init --yes` builds it")])
        listed, found = candidates(project, target, admit, create=True)
    obstacles = [found.obstacle] if found.obstacle else []
    taken: list[Adopted] = []
    for candidate in listed if not obstacles else []:
        refusal = why_unstamped(project, target, candidate) or _refusal(asking, candidate)
        if refusal:
            obstacles.append(refusal)
        else:
            taken.append(take(project, target, candidate, found))
    return Prepared(environment, taken, obstacles)


def _refusal(asking: Asking, candidate: Candidate) -> Obstacle | None:
    others = f", also connected: {', '.join(candidate.sessions)}" if candidate.sessions else ""
    size = f"{candidate.size / 1e6:.1f} MB"
    where = f" at {candidate.host}" if candidate.host else ""
    if asking.agrees(f"Let {candidate.name}{where} ({candidate.seen.facts['dialect']}, {size}{others}) follow Git?"):
        return None
    return Obstacle("DBS504", f"{candidate.name} was not adopted", "`dbsync init --yes` adopts it without asking")


def _offer_sync(
    asking: Asking, project: Project, prepared: list[Prepared], statuses: list[EnvironmentStatus]
) -> Result | None:
    """Settle what is in sync already; offer to move the rest."""
    if not any(one.adopted for one in prepared):
        return None
    differing = any(one.state != "in_sync" for status in statuses for one in status.databases)
    if differing and not asking.agrees("Move it to what the work tree says?"):
        return None
    return catch_up(project, Rules(unasked=True, by="init", by_hook=True))


def _creators(project: Project) -> list[str]:
    """Find places that may build the schema when the application starts: they work against every migration."""
    output = project.repository.ask("grep", "-n", "-I", "-F", "-e", ".create_all(").stdout.decode(errors="replace")
    scripts = tuple(f"{one.script_location}/" for one in project.environments()[0])
    places = [line.split(":", 2)[:2] for line in output.splitlines()]
    return [
        f"{path}:{line}"
        for path, line in (place for place in places if len(place) == 2)  # noqa: PLR2004 - path and line
        if path.endswith(".py") and not path.startswith(scripts) and "test" not in path
    ]

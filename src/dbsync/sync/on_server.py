"""Acting on whole databases of a server: the host's half of the conversation, one generator a database.

What is to be done is written as a generator: it yields what the worker is to do, and is sent what came of it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.environment.client import WorkerDiedError, converse
from dbsync.errors import DbsyncError, Obstacle
from dbsync.store.databases import open_ledger, other_owner, owned
from dbsync.store.gate import remove_gate
from dbsync.store.lock import DatabaseLock
from dbsync.sync.failures import died, obstacle_of
from dbsync.sync.inspect import only_adopted
from dbsync.sync.outcome import display
from dbsync.sync.request import launch, request_for
from dbsync.sync.target import read_target

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from dbsync.config.environment import Environment
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.project import Project

    Acting = Generator[dict[str, Any], Any, None]
    Act = Callable[["Server"], Acting]

LOCK_SECONDS = 30.0


class Waiting(NamedTuple):
    """How long others who are connected are waited for, and whom that is told."""

    seconds: float = 0.0
    say: Callable[[str], Any] = str


class Server(NamedTuple):
    """One adopted database on a server: its ledger, how it is named to a person, and what the worker found."""

    ledger: Ledger
    shown: str
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        """The database's name on the server."""
        return str(self.facts["identity"]["name"])

    def require_allowed(self) -> None:
        """Raise `DbsyncError` where the role may not copy it."""
        if self.facts["forbidden"]:
            role = "`ALTER ROLE … CREATEDB`, or let its owner connect"
            raise DbsyncError(self.facts["forbidden"], role, code="DBS331")


def do(what: str, **arguments: Any) -> dict[str, Any]:
    """Return what the worker is told to do: a method of its `Databases`."""
    return {"do": what, "with": arguments}


def alone(server: Server) -> Generator[dict[str, Any], Any, None]:
    """Go on once nobody else is connected. Raises `DbsyncError` with who is."""
    sessions = yield do("wait")
    if sessions:
        raise in_use(server.shown, sessions)


def in_use(shown: str, sessions: list[str]) -> DbsyncError:
    """Return the error that says who is connected."""
    more = f" and {len(sessions) - 5} more" if len(sessions) > 5 else ""  # noqa: PLR2004 - as many as fit a line
    message = f"others are connected to {shown}: {', '.join(sessions[:5])}{more}"
    return DbsyncError(message, "end those sessions, or `--wait` for them", code="DBS330")


def on_server(project: Project, environment: Environment, act: Act, waiting: Waiting | None = None) -> None:
    """Let a generator act on every adopted database on a server that an environment connects to, under their locks.

    Raises `DbsyncError` where something is in the way.
    """
    target, waits = read_target(project, environment), waiting or Waiting()
    with contextlib.ExitStack() as stack:
        paths = [f"{one.path}.lock" for one in owned(project.layout, project.repository.top, environment.name)]
        held = tuple(stack.enter_context(DatabaseLock(path, LOCK_SECONDS)).fd for path in paths)
        remove_gate(project.repository.git_dir)
        talk = Talk(project, act, waits)
        stack.callback(talk.close)
        request = request_for(project, target, "inspect", maintenance=waits.seconds)
        try:
            last = converse(launch(project, environment), request, talk.answer, held).last
        except WorkerDiedError as error:
            raise _raised(died(error, environment, project.settings.runner_for(environment.name))) from error
        if last["event"] != "done":
            talk.fail(talk.refused or _raised(obstacle_of(last, environment)))


def _raised(obstacle: Obstacle) -> DbsyncError:
    return DbsyncError(obstacle.message, obstacle.hint, code=obstacle.code)


class Talk:
    """Answers the worker by one generator a database. `soft`: where the server cannot be asked, nothing is done."""

    def __init__(self, project: Project, act: Act, waiting: Waiting, *, soft: bool = False) -> None:
        self._project = project
        self._act = act
        self._waiting = waiting
        self._soft = soft
        self._ledgers: list[Ledger] = []
        self._acting: Acting | None = None
        self.refused: DbsyncError | None = None

    def answer(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Reply to one event; None where none is expected."""
        if event["event"] == "waiting":
            self._waiting.say(f"waiting for {', '.join(event['sessions'])}")
            return None
        if event["event"] == "database":
            obstacle = only_adopted(self._project)(event["identity"])
            return _stop(_raised(obstacle)) if obstacle else {}
        if event["event"] not in ("server", "did"):
            return {}
        try:
            return self._begin(event) if event["event"] == "server" else self._go_on(event)
        except DbsyncError as error:
            self.refused = error
            return _stop(error)

    def _begin(self, event: dict[str, Any]) -> dict[str, Any]:
        if "trouble" in event:
            return {} if self._soft else _stop(_error(event["trouble"]))
        identity = event["identity"]
        ledger = open_ledger(self._project.layout, identity["key"])
        if ledger is None:
            return {}
        self._ledgers.append(ledger)
        if other_owner(ledger, self._project.repository.top):
            return {}
        self._acting = self._act(Server(ledger, display(identity, self._project.tops), event))
        return self._go_on({"result": None})

    def _go_on(self, came: dict[str, Any]) -> dict[str, Any]:
        if self._acting is None:
            return {}
        try:
            return self._acting.throw(_error(came["error"])) if "error" in came else self._acting.send(came["result"])
        except StopIteration:
            self._acting = None
            return {}

    def fail(self, error: DbsyncError) -> None:
        """Let what was under way know that it failed, and raise that."""
        if self._acting is not None:
            with contextlib.suppress(StopIteration):
                self._acting.throw(error)
        raise error

    def close(self) -> None:
        """Close the ledgers."""
        for ledger in self._ledgers:
            ledger.close()


def _error(facts: dict[str, Any]) -> DbsyncError:
    return DbsyncError(facts["message"], facts["hint"], code=facts["code"])


def _stop(error: DbsyncError) -> dict[str, Any]:
    one = error.obstacle
    return {"stop": True, "code": one.code, "message": one.message, "hint": one.hint}

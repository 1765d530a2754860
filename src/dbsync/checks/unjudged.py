"""What cannot be judged, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.checks.finding import Finding
from dbsync.errors import DbsyncError, Obstacle
from dbsync.sync.own_server import NO_SERVER
from dbsync.sync.request import interpreter_of

if TYPE_CHECKING:
    from dbsync.checks.judged import Judged

OF_THE_CODE = ("DBS413", "DBS414")  # a revision that fails, an env.py that cannot be loaded
# No server, none for scratch databases, none that may be touched.
OF_A_SERVER = ("DBS401", "DBS403", "DBS416", "DBS418", "DBS501", "DBS503")


class Rules(NamedTuple):
    """What becomes of what cannot be judged: `strict`, it stops; `untrusted` is why nothing may be run at all."""

    strict: bool = False
    untrusted: Obstacle | None = None


def why_not(judged: Judged, rules: Rules) -> Obstacle | None:
    """Return why nothing of a subject may or can be run."""
    if rules.untrusted:
        return Obstacle("DBS221", f"not judged: {rules.untrusted.message}", rules.untrusted.hint)
    if judged.project.settings.runner_for(judged.environment.name):
        return None
    try:
        interpreter_of(judged.project, judged.environment)
    except DbsyncError as error:
        return Obstacle("DBS221", f"not judged: {error.message}", error.hint)
    return None


def not_judged(obstacle: Obstacle, rules: Rules, done: str = "judged") -> Finding:
    """Say what kept dbsync from judging. A server that is not there never stops: it is needed for judging only."""
    hint = NO_SERVER if obstacle.code in OF_A_SERVER or not obstacle.hint else obstacle.hint
    return Finding(Obstacle("DBS221", f"not {done}: {obstacle.message}", hint), rules.strict)

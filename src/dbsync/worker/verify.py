"""Whether new revisions go up, down and up again: one run of env.py, against scratch databases only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic.runtime.environment import EnvironmentContext

from .trial import LostError, Trial

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verify:
    """Tries the revisions of the plan one after the other. Has the face of `Run`.

    The migrations are called here and not handed to Alembic as steps: one that fails must not end the run.
    """

    partly_committed = False

    def __init__(self, channel: Any, sources: Any, options: dict[str, Any]) -> None:
        self._channel = channel
        self._sources = sources
        self._options = options
        self._arguments: dict[str, Any] = {}
        self.current_step: dict[str, Any] | None = None
        self.databases = 0

    def load(self, config: Any, script: Any) -> None:
        """Run env.py. Raises whatever it raises."""
        as_upgrade = {"starting_rev": None, "destination_rev": "heads", "tag": None}
        env = EnvironmentContext(config, script, fn=self._steps, as_sql=False, **as_upgrade)
        configure = env.configure

        def configured(*args: Any, **kw: Any) -> None:
            configure(*args, **{**kw, "transaction_per_migration": True})
            self._wrap(env.get_context())

        env.configure = configured  # type: ignore[method-assign]  # see run.py
        with env:
            script.run_env()

    def _wrap(self, context: Any) -> None:
        """Keep what env.py hands to every migration, an engine's name say: steps would be called with it."""
        run_migrations = context.run_migrations

        def wrapped(**kw: Any) -> None:
            self._arguments = kw
            run_migrations(**kw)

        context.run_migrations = wrapped

    def check_committed(self) -> None:
        """Nothing: whether a scratch database keeps anything does not matter."""

    def _steps(self, heads: Any, context: Any) -> Iterable[Any]:
        self.databases += 1
        plan = self._channel.ask("current", heads=sorted(heads))
        revisions = self._sources.map_of(plan["target"])
        self._try_all(Trial(context, self._arguments, self._options["top"]), plan, revisions)
        return ()

    def _try_all(self, trial: Trial, plan: dict[str, Any], revisions: Any) -> None:
        """Build or try each but those that build on one that cannot be applied."""
        wanted, missing = set(plan["verify"]), set[str]()
        for one in plan["order"]:
            script = revisions.get_revision(one)
            if missing.intersection(script._all_down_revisions):  # noqa: SLF001 - with depends_on, resolved
                missing.add(one)
                continue
            self._channel.tell("trying", revision=one, building=one not in wanted)
            self.current_step = {"revision": one, "direction": "up"}
            if one not in wanted:
                trial.build(script)
            elif not self._try(trial, script):
                return
            missing |= set() if trial.applied else {one}
        self.current_step = None

    def _try(self, trial: Trial, script: Any) -> bool:
        """Say whether the run can go on."""
        try:
            found = trial.judge(script)
        except LostError as lost:
            self._channel.tell("found", revision=script.revision, found=lost.found, applied=trial.applied)
            self._channel.tell("lost", revision=script.revision)
            return False
        self._channel.tell("found", revision=script.revision, found=found, applied=trial.applied)
        return True

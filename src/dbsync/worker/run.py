"""One run of the project's env.py, with the plan in the place of Alembic's own upgrade or downgrade.

`configure()` is how env.py hands over connection and options. It is replaced on the *instance*: `alembic.context`
passes every call on to the current EnvironmentContext object, and a subclass would not be installed there
(ModuleClsProxy looks its names up by class).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationStep, StampStep

from .engines import adapter_for
from .engines.driver import dbapi_of
from .failures import Stop
from .keeping import Keeping
from .leftovers import Downgrades, Upgrades, blame, parts
from .stepping import Stepping
from .whole import schema_after

if TYPE_CHECKING:
    from collections.abc import Iterator


class Run:
    """Loads env.py once and answers every `run_migrations` it makes: one a database, or one a tenant schema."""

    def __init__(self, channel: Any, guard: Any, sources: Any, options: dict[str, Any]) -> None:
        self._channel = channel
        self._guard = guard
        self._sources = sources
        self._options = options
        self._connection: Any | None = None
        self._inside = ""
        self._stepping: Stepping | None = None
        self.keeping: Keeping | None = None
        self._all_or_nothing = self._allow_loss = False
        self._uncommitted: list[tuple[int, Any]] = []
        self.partly_committed = False
        self.current_step: dict[str, Any] | None = None
        self.databases = 0

    def load(self, config: Any, script: Any) -> None:
        """Run env.py. Raises whatever it raises, and `Stop` where dbsync says so."""
        self._listen()
        moving = self._options["mode"] != "inspect"
        as_upgrade = {"starting_rev": None, "destination_rev": "heads", "tag": None}  # what env.py may ask for
        env = EnvironmentContext(config, script, fn=self._steps, as_sql=False, dont_mutate=not moving, **as_upgrade)
        configure = env.configure

        def configured(*args: Any, **kw: Any) -> None:
            forced = {"transaction_per_migration": False, "transactional_ddl": True}
            configure(*args, **{**kw, **(forced if moving else {})})
            self._wrap(env.get_context(), moving=moving)

        env.configure = configured  # type: ignore[method-assign]  # see above
        with env:
            script.run_env()

    def _wrap(self, context: Any, *, moving: bool) -> None:
        run_migrations = context.run_migrations

        def wrapped(**kw: Any) -> None:
            self._connection = context.connection
            adapter = adapter_for(context.dialect)
            try:
                if moving:
                    adapter.lock(context.connection, context.version_table_schema, context.version_table)
                    self._guard.writable = context.connection
                run_migrations(**kw)
            except BaseException as error:
                reason = adapter.blocked(context.connection, error) if isinstance(error, Exception) else None
                if self.keeping is not None:
                    self.keeping.put_back()
                if reason is None:
                    raise
                raise Stop("DBS404", reason, "end that session or its transaction, then `dbsync sync`") from error

        context.run_migrations = wrapped

    def _steps(self, heads: Any, context: Any) -> Iterator[Any]:
        self.databases += 1
        plan = self._ask_for_plan(heads, context)
        if self._options["mode"] == "inspect" or plan.get("settled"):
            return
        if plan.get("put_back"):
            Keeping(self._channel, context).restore()
            return
        down, up = self._load_steps(plan)
        yield from self._perform(context, down, up, plan)

    def _ask_for_plan(self, heads: Any, context: Any) -> dict[str, Any]:
        adapter, connection = adapter_for(context.dialect), context.connection
        facts = {
            "dialect": context.dialect.name,
            "version_table": context.version_table,
            "schema": context.version_table_schema or adapter.own_schema(connection),
            "heads": sorted(heads),
            "evidence": adapter.evidence(connection) if self._guard.redirect is None else {},
            "stamp": adapter.stamp(connection, context.version_table),
        }
        if self._options.get("describe"):
            facts["describe"] = adapter.describe(connection)
        if self._options.get("report_schema"):
            facts["schema_lines"] = adapter.schema(connection, context.version_table)
        plan: dict[str, Any] = self._channel.ask("current", identity=adapter.identity(connection), **facts)
        while "outcome_of" in plan:
            status = adapter.outcome(connection, {**plan["outcome_of"], "heads": sorted(heads)})
            plan = self._channel.ask("outcome", status=status)
        if plan.get("stop"):
            raise Stop(plan["code"], plan["message"], plan.get("hint", ""))
        return plan

    def _load_steps(self, plan: dict[str, Any]) -> Any:
        """Make every planned module before any step runs, so that an import that fails has changed nothing."""
        old, new = self._sources.map_of(plan["applied"]), self._sources.map_of(plan["target"])
        down = [(one, old.get_revision(one), old) for one in plan["down"]]
        up = [(one, new.get_revision(one), new) for one in plan["up"]]
        for direction, steps in (("down", down), ("up", up)):
            for one, script, _ in steps:
                self.current_step = {"revision": one, "direction": direction, "loading": True}
                script.module  # noqa: B018 - makes it
                if direction == "down" and one in plan.get("skipped", ()):
                    script.module.downgrade = lambda *_, **__: None  # it only raises; what is left is cleared away
        self.current_step = None
        return down, up

    def _perform(self, context: Any, down: list[Any], up: list[Any], plan: dict[str, Any]) -> Iterator[Any]:
        adapter, connection = adapter_for(context.dialect), context.connection
        if not adapter.ROLLS_BACK_DDL and self._guard.redirect is None and _does_something(plan):
            self.keeping = Keeping(self._channel, context)
            self.keeping.begin()
        if plan.get("keep") is not None:
            for piece in adapter.keep(connection, plan["keep"]):
                self._channel.tell("kept", **piece)
        plan["whole_lines"] = schema_after(context, self._sources, plan.get("whole"))
        self._all_or_nothing = adapter.ROLLS_BACK_DDL and not plan.get("allow_commit")
        self._allow_loss = bool(plan.get("allow_loss"))
        read, now = self._schema_reader(context), None
        stepping = self._stepping = Stepping(self._channel, context, lambda: self.partly_committed)
        stepping.shelves = bool(plan.get("shelf")) and adapter.shelf.shelves(connection)
        for part in parts(plan["down"], plan.get("changes") or {}):
            downgrades = Downgrades(adapter, connection, read, {**plan, "down": part})
            steps = [one for one in down if one[0] in part]
            yield from self._timed(steps, "down", MigrationStep.downgrade_from_script, downgrades)
            self._clear(downgrades)
            if part[-1] == plan["down"][-1]:
                self._report_losses(plan)
                self._report_differences(downgrades, plan)
                now = downgrades.now
        upgrades = Upgrades(read, plan["up"] if plan.get("record") else [], now)
        yield from self._timed(up, "up", MigrationStep.upgrade_from_script, upgrades)
        if plan.get("in_place"):
            yield from self._straighten(context, plan)
        if plan.get("restore"):
            stepping.restore(plan["restore"])
        self._finish(context, plan, upgrades.changes)

    def _straighten(self, context: Any, plan: dict[str, Any]) -> Iterator[Any]:
        """Write the planned rows of the version table where a revision has another parent without being run."""
        heads, wanted = set(context.get_current_heads()), set(plan["heads"])
        revisions = self._sources.map_of(plan["target"])
        for one in sorted(heads - wanted):
            yield StampStep(one, None, is_upgrade=False, branch_move=True, revision_map=revisions)
        for one in sorted(wanted - heads):
            yield StampStep(None, one, is_upgrade=True, branch_move=True, revision_map=revisions)

    @staticmethod
    def _schema_reader(context: Any) -> Any:
        adapter, connection, known = adapter_for(context.dialect), context.connection, {}  # type: ignore[var-annotated]
        return lambda: frozenset(adapter.schema(connection, context.version_table, known))

    def _timed(self, steps: list[Any], direction: str, make: Any, around: Any) -> Iterator[Any]:
        for one, script, revisions in steps:
            self.current_step = {"revision": one, "direction": direction}
            around.before(one)
            if direction == "up" and self._stepping is not None:
                self._stepping.look(one)
            start = time.monotonic()
            step = make(revisions, script)
            step.migration_fn = self._performing(script, step.migration_fn, direction)
            yield step
            self._channel.tell("step", revision=one, direction=direction, seconds=round(time.monotonic() - start, 4))
            around.after(one)
            if direction == "up" and self._stepping is not None:
                self._stepping.put_back()

    def _performing(self, script: Any, function: Any, direction: str) -> Any:
        def perform(function: Any, **kw: Any) -> Any:
            self._inside = script.revision
            try:
                with self._sources.imports_of(script.revision):
                    return function(**kw)
            finally:
                self._inside = ""

        def call(**kw: Any) -> Any:
            if self._stepping is None or direction == "up":
                return perform(function, **kw)
            again = (lambda: perform(_repeatable(script.module), **kw)) if self._all_or_nothing else None
            return self._stepping.down(script.revision, lambda: perform(function, **kw), again)

        call.__name__ = function.__name__
        return call

    def _report_losses(self, plan: dict[str, Any]) -> None:
        losses = self._stepping.losses if self._stepping else []
        if losses and not plan.get("allow_loss"):
            self._channel.tell("losses", losses=losses)
            raise Stop("DBS305", "rows would be lost")

    def _clear(self, downgrades: Downgrades) -> None:
        """Clear away what the downgrades left; dbsync knows which types other revisions speak of."""
        if self._stepping is not None:
            downgrades.clear(self._stepping.held, self._stepping.lose)
        unused = downgrades.unused_types()
        if unused:
            answer = self._channel.ask("types", names=sorted(unused))
            downgrades.clear_types([unused[name] for name in answer["left"]])
        if downgrades.cleared:
            self._channel.tell("cleared", what=downgrades.cleared)

    def _report_differences(self, downgrades: Downgrades, plan: dict[str, Any]) -> None:
        found = downgrades.judge()
        if found.gone:
            found = downgrades.owned(found, self._channel.ask("gone", lines=sorted(found.gone))["lines"])
        said = downgrades.differences(found)
        if not said:
            return
        message = blame(downgrades.behind(found), said)
        if not plan.get("allow_difference"):
            raise Stop(
                "DBS310", message, "`git switch` back and correct it, or `dbsync sync --yes` goes on all the same"
            )
        self._channel.tell("differs", message=message)

    def _finish(self, context: Any, plan: dict[str, Any], changes: dict[str, Any]) -> None:
        adapter, connection = adapter_for(context.dialect), context.connection
        heads = sorted(context.get_current_heads())
        if heads != sorted(plan["heads"]):
            raise Stop("DBS409", f"the version table holds {heads} where {sorted(plan['heads'])} was planned")
        facts: dict[str, Any] = {}
        if self._guard.redirect is None:
            adapter.finish(connection)
            if self._guard.maintenance is not None:
                self._guard.maintenance.settle(adapter, connection)
            facts["evidence"] = adapter.evidence(connection)
            if self.keeping is not None:
                facts["evidence"].update(schema=adapter.digest(connection), heads=heads)
            facts["stamp"] = adapter.stamp(connection, context.version_table)
        if self._options.get("report_built") or plan.get("in_place"):
            facts["schema_lines"] = adapter.schema(connection, context.version_table)
            facts["whole_lines"] = plan.get("whole_lines")
        self.current_step = None  # until here it is the last step that is to blame
        answer = self._channel.ask(
            "ready", identity=adapter.identity(connection), heads=heads, changes=changes, **facts
        )
        if answer.get("stop"):
            raise Stop(answer["code"], answer["message"], answer.get("hint", ""))
        if self.keeping is not None:
            self.keeping.end(self.databases)
            self.keeping = None
        elif _does_something(plan):
            self._uncommitted.append((self.databases, connection))

    def _listen(self) -> None:
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        event.listen(Engine, "before_cursor_execute", self._before_statement)
        event.listen(Engine, "after_cursor_execute", self._after_statement)
        event.listen(Engine, "commit", self._committing)
        event.listen(Engine, "commit_twophase", self._committing)
        event.listen(Engine, "rollback", self._rolling_back)
        self._listen_to_renames()

    def _before_statement(self, conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if self._stepping is not None and conn is self._connection:
            self._stepping.before_statement(statement)

    def _after_statement(self, conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if self._stepping is not None and conn is self._connection:
            self._stepping.after_statement(statement, cursor.rowcount)

    def _listen_to_renames(self) -> None:
        from alembic.operations.ops import AlterColumnOp

        apply = AlterColumnOp.__init__
        run = self

        def noted(self: Any, table_name: str, column_name: str, **kw: Any) -> None:
            apply(self, table_name, column_name, **kw)
            if kw.get("modify_name") and run._stepping is not None:
                run._stepping.renamed_column(table_name, column_name, str(kw["modify_name"]))

        AlterColumnOp.__init__ = noted  # type: ignore[method-assign]  # the one place where every rename passes

    def _committing(self, conn: Any, *rest: Any) -> None:
        """Note a commit that is about to happen: env.py may make one for each database, or one for all in the end."""
        step = self.current_step
        if conn is self._connection and step is not None:
            if self._all_or_nothing:
                message = f"revision {step['revision']} commits by itself, so it cannot be rolled back"
                raise Stop("DBS410", message, "`dbsync sync --yes` runs it all the same")
            if self.keeping is None:
                self._keep_from_losing()
            self.partly_committed = self.keeping is None or not self.keeping.whole
        places = [place for place, connection in self._uncommitted if connection is conn]
        for place in places:
            self._channel.tell("committing", place=place)
        if places and not rest:  # SQLAlchemy tells nothing of a commit that has succeeded; its own finds nothing left
            dbapi_of(conn).commit()
            for place in places:
                self._channel.tell("committed", place=place)
        self._uncommitted = [one for one in self._uncommitted if one[1] is not conn]

    def _keep_from_losing(self) -> None:
        """Stop before a commit in the middle of a downgrade by which rows would be gone that nobody has kept."""
        losses = self._stepping.losses_so_far() if self._stepping is not None and not self._allow_loss else []
        if losses:
            self._channel.tell("losses", losses=losses)
            raise Stop("DBS305", "rows would be lost")

    def _rolling_back(self, conn: Any) -> None:
        """Stop a revision that rolls back by itself: what was done before it would be gone, and nobody would know."""
        if conn is self._connection and self._inside:
            message = f"revision {self._inside} rolls back the whole transaction by itself"
            raise Stop("DBS410", message, "a savepoint is what it needs: `with op.get_bind().begin_nested():`")

    def check_committed(self) -> None:
        """After env.py has ended: what it left uncommitted is gone."""
        if self._uncommitted:
            message = "env.py does not commit its transaction: nothing was changed"
            raise Stop("DBS412", message, "use `with context.begin_transaction():` around run_migrations()")


def _repeatable(module: Any) -> Any:
    from .made import repeatable

    return repeatable(module)


def _does_something(plan: dict[str, Any]) -> bool:
    return bool(plan["down"] or plan["up"] or plan.get("in_place") or plan.get("restore"))

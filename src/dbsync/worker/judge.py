"""Whether the revisions of a tree make its models: built in a scratch database, compared by Alembic's autogenerate.

Under the options that env.py gives (include_object, compare_type, naming, plugins). What autogenerate does not look at
is in `tables`: the DDL of every table, for a comparison with what it was before.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from alembic.autogenerate import api, produce_migrations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationStep

from .engines import adapter_for
from .models import describe, has_comments, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class Judge:
    """Runs env.py once, against scratch databases only. Has the face of `Run`."""

    partly_committed = False

    def __init__(self, channel: Any, sources: Any, options: dict[str, Any]) -> None:
        self._channel = channel
        self._sources = sources
        self._options = options
        self.current_step: dict[str, Any] | None = None
        self.databases = 0

    def load(self, config: Any, script: Any) -> None:
        """Run env.py. Raises whatever it raises."""
        config.cmd_opts.autogenerate = True  # a process_revision_directives may ask for it
        as_upgrade = {"starting_rev": None, "destination_rev": "heads", "tag": None}
        with EnvironmentContext(config, script, fn=self._steps, as_sql=False, **as_upgrade):
            script.run_env()

    def check_committed(self) -> None:
        """Nothing: whether a scratch database keeps anything does not matter."""

    def _steps(self, heads: Any, context: Any) -> Iterator[Any]:
        self.databases += 1
        if self._options.get("create_all"):
            _create_all(context, self._options["stamp"])
            self._channel.tell("judged", dialect=context.dialect.name, lines=[], **_declared(context))
            return
        plan = self._channel.ask("current", heads=sorted(heads))
        revisions = self._sources.map_of(plan["target"])
        for one in plan["up"]:
            self.current_step = {"revision": one, "direction": "up"}
            yield MigrationStep.upgrade_from_script(revisions, revisions.get_revision(one))
        self.current_step = None
        self._channel.tell("judged", dialect=context.dialect.name, **_judgement(context, plan["heads"]))


def _judgement(context: Any, heads: list[str]) -> dict[str, Any]:
    declared = _declared(context)
    if declared["empty"]:
        return {"lines": [], **declared}
    if adapter_for(context.dialect).SCHEMA_IS_DATABASE:
        context.opts["include_schemas"] = False  # they are other databases of the server
    migrations = produce_migrations(context, context.opts["target_metadata"])
    directives = [migrations]
    process = context.opts.get("process_revision_directives")
    if process:
        process(context, tuple(heads), directives)
    diffs = [diff for one in directives for ops in one.upgrade_ops_list for diff in ops.as_diffs()]
    return {"lines": sorted({line for diff in diffs for line in describe(diff)}), **declared}


def _declared(context: Any) -> dict[str, Any]:
    """Return the DDL of the tables that the models declare, and whether there are none."""
    if not _metadatas(context):
        return {"tables": {}, "empty": True, "commented": False}
    filtering = api.AutogenContext(context, metadata=context.opts["target_metadata"])
    tables = tables_of(_metadatas(context), context.dialect, filtering)
    return {"tables": tables, "empty": not tables, "commented": any(map(has_comments, _metadatas(context)))}


def _create_all(context: Any, heads: list[str]) -> None:
    """Make what the models say, at these heads: where a chain does not start from nothing, that is what it starts from.

    In the place of a step: Alembic's own statements come after it, and env.py ends the transaction.
    """
    connection = context.connection
    for metadata in _metadatas(context):
        for schema in sorted({table.schema for table in metadata.tables.values() if table.schema}):
            _create_schema(connection, schema)
        metadata.create_all(connection)
    context._ensure_version_table()  # noqa: SLF001 - what `stamp` does, less the graph
    for head in heads:
        connection.execute(context._version.insert().values(version_num=head))  # noqa: SLF001 - as above
    if not context.impl.transactional_ddl:  # then nobody else ends what the INSERT began
        connection.connection.dbapi_connection.commit()


def _create_schema(connection: Any, name: str) -> None:
    if connection.dialect.name == "postgresql":
        quoted = connection.dialect.identifier_preparer.quote_schema(name)
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quoted}".replace("%", "%%"))


def _metadatas(context: Any) -> list[Any]:
    target = context.opts.get("target_metadata")
    return [] if target is None else list(target) if isinstance(target, (list, tuple)) else [target]


def import_from(top: str, real_top: str) -> None:
    """Import the project from the tree that is judged, also where it is installed as editable from the work tree."""
    real, here = os.path.join(os.path.realpath(real_top), ""), os.path.realpath(top)
    for place, path in enumerate(sys.path):
        whole = os.path.join(os.path.realpath(path or "."), "")
        if path and whole.startswith(real) and not whole.startswith(os.path.join(here, "")) and _is_source(whole):
            sys.path[place] = os.path.join(here, whole[len(real) :].rstrip(os.sep))
    for finder in sys.meta_path:
        mapping = getattr(sys.modules.get(getattr(finder, "__module__", "")), "MAPPING", None)
        if isinstance(mapping, dict):  # setuptools' editable finder
            for name, path in mapping.items():
                if isinstance(path, str) and os.path.realpath(path).startswith(real) and _is_source(path):
                    mapping[name] = os.path.join(here, os.path.realpath(path)[len(real) :])


def _is_source(path: str) -> bool:
    return "site-packages" not in path and "dist-packages" not in path

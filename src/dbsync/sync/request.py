"""What the worker is told, and how it is started."""

from __future__ import annotations

import base64
import os
import shlex
import tempfile
from typing import TYPE_CHECKING, Any

from dbsync.config.interpreter import Surroundings, find_interpreter
from dbsync.environment.client import BOOTSTRAP, Launch
from dbsync.process import without_git
from dbsync.store.records import read_records
from dbsync.sync.baseline import baseline_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dbsync.config.environment import Environment
    from dbsync.config.interpreter import Interpreter
    from dbsync.revisions.revision_map import RevisionMap
    from dbsync.sync.project import Project
    from dbsync.sync.target import Target


def interpreter_of(project: Project, environment: Environment) -> Interpreter:
    """Return the project's Python for an environment. Raises `DbsyncError` where there is none.

    A hook that a graphical client starts has no VIRTUAL_ENV: then what `dbsync init` recorded counts.
    """
    from dbsync.config.interpreter import Interpreter

    recorded = read_records(project.layout).get(environment.name, {}).get("interpreter")
    configured = project.settings.interpreter_for(environment.name)
    active = project.environ.get("VIRTUAL_ENV") or project.environ.get("CONDA_PREFIX")
    if isinstance(recorded, str) and not configured and not active and os.path.exists(recorded):
        return Interpreter(recorded, "recorded by dbsync init")
    around = Surroundings(project.environ, project.repository.top, project.main_top)
    return find_interpreter(environment, project.settings, around)


def launch(project: Project, environment: Environment) -> Launch:
    """Return how to start the worker: the project's Python beside us, or through the configured runner."""
    top = project.repository.top
    environ = without_git(project.environ)
    baseline = project.settings.baseline_for(environment.name)
    started = Launch([], top, environ, top, baseline=shlex.split(baseline or ""))
    runner = project.settings.runner_for(environment.name)
    if runner:
        command = [*shlex.split(runner), "-c", BOOTSTRAP]
        return started._replace(command=command, top=runner_top(project, environment))
    return started._replace(command=[interpreter_of(project, environment).path, "-c", BOOTSTRAP])


def runner_top(project: Project, environment: Environment) -> str:
    """Return where the repository lies for the runner: `dbsync.runnerTop`, else the path it has here."""
    values = project.repository.settings()
    own = values.get(f"dbsync.{environment.name}.runnertop") or values.get("dbsync.runnertop")
    return own[-1] if own else project.repository.top


def request_for(project: Project, target: Target, mode: str, **options: Any) -> dict[str, Any]:
    """Return the request: the environment, the graph that Alembic is to see, and the guard's policy."""
    environment = target.environment
    scratch = mode in ("build", "judge", "verify")
    return {
        "mode": mode,
        "baseline": baseline_facts(project, environment, target.tree) if scratch else {},
        "ini": environment.ini,
        "toml": environment.toml,
        "section": environment.section,
        "directory": environment.directory,
        "script_location": environment.script_location,
        "flask_migrate": environment.flask_migrate,
        "target": graph_facts(target.map),
        "policy": policy(project, environment, create=bool(options.pop("create", False))),
        **options,
    }


def policy(project: Project, environment: Environment, *, create: bool) -> dict[str, Any]:
    """Return the guard's rules; `create` allows an SQLite file that is not there yet."""
    roots = [project.repository.top, project.main_top, os.path.expanduser("~"), tempfile.gettempdir()]
    roots.append(runner_top(project, environment))
    return {"allow_hosts": [host.lower() for host in project.settings.allow_host], "roots": roots, "create": create}


def graph_facts(graph: RevisionMap, sources: Mapping[str, bytes] | None = None) -> list[dict[str, Any]]:
    """Return a graph as the worker reads it; sources only of the revisions that are to be run."""
    facts = []
    for revision in graph.revisions.values():
        one: dict[str, Any] = {**revision._asdict(), "direct_parents": graph.direct_parents(revision.id)}
        source = (sources or {}).get(revision.id)
        if source is not None:
            one["source"] = base64.b64encode(source).decode("ascii")
        facts.append(one)
    return facts

"""The worker's whole life: read the request, load env.py, answer for every database, say how it ended."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Any

from .bytecode import distrust_bytecode_of
from .channel import Channel
from .failures import Stop, describe
from .unpacked import unpacked


def main() -> None:
    """Serve one request. Ends without the interpreter's own clean-up, which costs a fifth of a short run."""
    channel = Channel.take_over()
    request = channel.receive()
    try:
        with unpacked(request):
            _serve(channel, request)
    finally:
        sys.stderr.flush()
        os._exit(0)


def _serve(channel: Channel, request: dict[str, Any]) -> None:
    top = os.path.realpath(request["top"])
    state: dict[str, Any] = {}
    try:
        _prepare_process(request, top)
        facts = _merge(request, top) if request["mode"] == "merge" else _run(channel, request, top, state)
    except BaseException as error:  # noqa: BLE001 - whatever the project raises, SystemExit included, is reported
        stop = Stop.behind(error)
        why = {"stop": stop.as_facts()} if stop else {"error": describe(error, top)}
        channel.tell("failed", **_progress(state), **why)
    else:
        channel.tell("done", **facts)


def _progress(state: dict[str, Any]) -> dict[str, Any]:
    run = state.get("run")
    if not run:
        return {"step": None}
    keeping = getattr(run, "keeping", None)
    kept = {"kept": keeping.whole, "not_put_back": keeping.failed} if keeping is not None else {}
    return {"step": run.current_step, "partly_committed": run.partly_committed, **kept}


def _prepare_process(request: dict[str, Any], top: str) -> None:
    """Stand where `alembic` would: its working directory, its import path.

    The plugin that may be installed beside the project is off: what is done here is recorded by who asked for it. A
    runner hands no variable over, so it is set here as well.
    """
    os.environ["DBSYNC_ACTIVE"] = "worker"
    _load_alembic()
    _take_over_commands()
    if request["mode"] != "merge":  # what that writes belongs to the project
        os.umask(0o077)
    os.chdir(os.path.join(top, request["directory"]))
    sys.path.insert(0, "")
    distrust_bytecode_of(top)
    sys.argv = ["alembic"]


def _load_alembic() -> None:
    """Import Alembic before the project's folders are on the path, as its command line does.

    The collector finds nothing to free meanwhile, and pygments, which Mako takes for colouring tracebacks, is not
    needed: without the two it takes a quarter less.
    """
    gc.disable()
    absent = "pygments" not in sys.modules
    if absent:
        sys.modules["pygments"] = None  # type: ignore[assignment]  # makes the import fail, as if it were not installed
    for name in ("alembic.command", "alembic.config", "sqlalchemy"):
        importlib.import_module(name)
    if absent:
        del sys.modules["pygments"]
    gc.enable()


def _take_over_commands() -> None:
    """Let an application that upgrades its database when it starts do nothing of the kind: here the plan moves it."""
    from alembic import command

    for name in ("upgrade", "downgrade", "stamp"):
        setattr(command, name, lambda *_, **__: None)


def _merge(request: dict[str, Any], top: str) -> dict[str, Any]:
    from .merge import write_merge_revision

    return write_merge_revision(request, top)


def _run(channel: Channel, request: dict[str, Any], top: str, state: dict[str, Any]) -> dict[str, Any]:
    from .environment import EnvironmentLog, load_application, make_config, make_script_directory
    from .guard import Guard
    from .scripts import Sources

    guard = Guard(channel, request["policy"])
    guard.redirect = _redirect(channel, guard, request)
    guard.maintenance = _maintenance(channel, request)
    guard.install()
    reading = _reading(request, top)
    config = make_config(request, top)
    sources = Sources(top)
    sources.lay_out(request.get("old_trees", {}))
    run = state["run"] = _runner(channel, guard, sources, request)
    with EnvironmentLog() as log:
        script = make_script_directory(config, request, sources)
        with load_application(request):
            try:
                run.load(config, script)
            finally:
                sources.remove()
                if guard.redirect is not None:
                    guard.redirect.remove()
    run.check_committed()
    if guard.maintenance is not None and request["mode"] == "sync":
        guard.maintenance.after()
    return {"databases": run.databases, "variables": log.variables(), **(reading.facts() if reading else {})}


def _redirect(channel: Channel, guard: Any, request: dict[str, Any]) -> Any:
    """Return what stands between env.py and its database; nothing where that is what is wanted."""
    shadow = request.get("shadow", {})
    if request["mode"] == "remove":
        from .redirect import Removal

        return Removal(shadow, guard.check, channel)
    if request.get("clone"):
        from .clone import Clone

        return Clone(channel, guard.check)
    if request["mode"] not in ("build", "judge", "verify"):
        return None
    from .baseline import Baseline
    from .redirect import Redirect

    baseline = Baseline(channel, {} if request.get("create_all") else request["baseline"])
    return Redirect(shadow, guard.check, baseline.make)


def _maintenance(channel: Any, request: dict[str, Any]) -> Any:
    """Return what acts on whole databases before they are connected to; nothing where that is not wanted."""
    if "maintenance" not in request:
        return None
    from .maintenance import Maintenance

    return Maintenance(channel, request["maintenance"])


def _runner(channel: Channel, guard: Any, sources: Any, request: dict[str, Any]) -> Any:
    if request["mode"] in ("judge", "remove"):
        from .judge import Judge

        gc.disable()  # what is made stays until the end: models, and two pictures of each table
        return Judge(channel, sources, request)
    if request["mode"] == "verify":
        from .verify import Verify

        return Verify(channel, sources, request)
    from .run import Run

    return Run(channel, guard, sources, request)


def _reading(request: dict[str, Any], top: str) -> Any:
    """Import from the tree that is judged, and note what it reads; nothing where the work tree itself is run."""
    if request["mode"] not in ("judge", "verify"):
        return None
    from .judge import import_from
    from .reading import Reading

    import_from(top, request["real_top"])
    return Reading(top, request["real_top"])

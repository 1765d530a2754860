"""Writing a merge revision as `alembic merge` does, without loading a revision or connecting to a database."""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING, Any

from alembic import util
from alembic.runtime.environment import EnvironmentContext

from .environment import load_application, make_config, make_script_directory
from .failures import Stop
from .scripts import Sources

if TYPE_CHECKING:
    from collections.abc import Iterator


def write_merge_revision(request: dict[str, Any], top: str) -> dict[str, Any]:
    """Write the revision that joins the heads named, from the project's template; returns its id and its file."""
    config = make_config(request, top)
    script = make_script_directory(config, request, Sources(top))
    arguments: dict[str, Any] = {"config": config}
    if _wants_environment(config):
        _load_environment(config, script, request, arguments)
    location = request["version_location"]
    if location is not None:
        arguments["version_path"] = os.path.join(top, location)
    with _nothing_left(arguments.get("version_path") or script.versions):
        written = script.generate_revision(util.rev_id(), request["message"], head=tuple(request["heads"]), **arguments)
    if written is None:
        raise RuntimeError("Alembic takes what script.py.mako makes for no revision")
    return {"revision": written.revision, "path": os.path.relpath(os.path.realpath(written.path), top)}


@contextlib.contextmanager
def _nothing_left(folder: str) -> Iterator[None]:
    """Remove what was written where it fails after all, as a post-write hook may."""
    before = _files(folder)
    try:
        yield
    except BaseException:
        for path in _files(folder) - before:
            os.remove(path)
        raise


def _files(folder: str) -> set[str]:
    return {os.path.join(inner, name) for inner, _, names in os.walk(folder) for name in names}


def _wants_environment(config: Any) -> bool:
    read = getattr(config, "get_alembic_option", config.get_main_option)  # Alembic 1.16 reads pyproject.toml too
    return util.asbool(read("revision_environment"))


def _load_environment(config: Any, script: Any, request: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Let env.py give the template its arguments, as it does for `--sql`: that mode needs no database."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    event.listen(Engine, "do_connect", _refuse)
    nothing = {"fn": lambda *_: [], "as_sql": True, "output_buffer": io.StringIO()}
    with load_application(request), EnvironmentContext(config, script, template_args=arguments, **nothing):
        script.run_env()


def _refuse(*_: Any) -> None:
    message = "env.py connects to a database although it is asked for the template's arguments only"
    raise Stop("DBS414", message, "`alembic merge heads` writes the revision with a connection")

"""Which Python runs an environment: the project's own, found as a person at the terminal would.

Paths are never resolved: a virtual environment's python is a link, and following it leaves the environment.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from dbsync.config.options import folder_of
from dbsync.errors import EXIT_USAGE, DbsyncError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dbsync.config.environment import Environment
    from dbsync.config.settings import Settings

WINDOWS = os.name == "nt"
PYTHON = ("Scripts/python.exe", "python.exe") if WINDOWS else ("bin/python", "bin/python3")
FOLDERS = (".venv", "venv")


class Surroundings(NamedTuple):
    """Where dbsync runs: its environment variables, the work tree, the main work tree, its own interpreter."""

    environ: Mapping[str, str]
    top: str
    main_worktree_top: str
    own: str = sys.executable


class Interpreter(NamedTuple):
    """An interpreter's absolute path, and why it is the one."""

    path: str
    why: str


def find_interpreter(environment: Environment, settings: Settings, around: Surroundings) -> Interpreter:
    """Find the Python that has the project and its Alembic.

    In order: what git config names; VIRTUAL_ENV; CONDA_PREFIX; the nearest .venv or venv above the config; the same in
    the main work tree; dbsync's own. What pre-commit or prek made for a hook is none of these. One that has no Alembic
    gives way to a later one that has, since conda activates its base everywhere. Raises `DbsyncError` where what is
    configured is gone, and where nothing is found.
    """
    configured = settings.interpreter_for(environment.name)
    if configured:
        return _configured(configured, environment, settings, around)
    found = list(_candidates(environment, around))
    for candidate, prefix in found:
        if may_have_alembic(prefix):
            return candidate
    for candidate, _ in found:
        if candidate.why != "CONDA_PREFIX":
            return candidate
    if _imports_alembic() and not _is_of_a_hook_manager(sys.prefix):
        return Interpreter(around.own, "dbsync's own")
    raise _nothing(environment)


def may_have_alembic(prefix: str) -> bool:
    """Say whether Alembic is installed below a prefix, or may come from the system's packages; starts nothing."""
    return any(os.path.isfile(os.path.join(folder, "alembic", "__init__.py")) for folder in _site_packages(prefix)) or (
        _sees_system_packages(prefix)
    )


def _site_packages(prefix: str) -> Iterator[str]:
    if WINDOWS:
        yield os.path.join(prefix, "Lib", "site-packages")
        return
    for library in ("lib", "lib64"):
        folder = os.path.join(prefix, library)
        names = os.listdir(folder) if os.path.isdir(folder) else []
        pythons = [name for name in names if name.startswith(("python", "pypy"))]
        yield from (os.path.join(folder, name, "site-packages") for name in pythons)


def _sees_system_packages(prefix: str) -> bool:
    try:
        with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8", errors="replace") as file:
            lines = [line.replace(" ", "").strip().lower() for line in file]
    except OSError:
        return False
    return "include-system-site-packages=true" in lines


def _configured(value: str, environment: Environment, settings: Settings, around: Surroundings) -> Interpreter:
    own = environment.name in settings.interpreters
    key = f"dbsync.{environment.name}.interpreter" if own else "dbsync.interpreter"
    path = _executable(value, around)
    if path is None:
        message = f"the interpreter that git config {key} names is not there: {value}"
        raise DbsyncError(message, f"git config {key} /path/to/the/project's/python", exit_code=EXIT_USAGE)
    return Interpreter(path, f"git config {key}")


def _executable(value: str, around: Surroundings) -> str | None:
    """Return the python that a path, a virtual environment's folder, or the name of a command stands for."""
    if value.startswith("~/"):
        value = os.path.join(around.environ.get("HOME", "~"), value[2:])
    if os.sep not in value:
        named = [os.path.join(folder, value) for folder in around.environ.get("PATH", "").split(os.pathsep) if folder]
        found = next((path for path in named if os.path.isabs(path) and _runs(path)), None)
        return found or _python_of(os.path.join(around.top, value))
    path = os.path.join(around.top, value)
    return _python_of(path) if os.path.isdir(path) else (os.path.normpath(path) if _runs(path) else None)


def _candidates(environment: Environment, around: Surroundings) -> Iterator[tuple[Interpreter, str]]:
    """Yield the interpreters that exist with their prefixes, best first."""
    for prefix, why in _prefixes(environment, around):
        path = _python_of(prefix) if os.path.isabs(prefix) else None
        if path:
            yield Interpreter(path, why), prefix


def _prefixes(environment: Environment, around: Surroundings) -> Iterator[tuple[str, str]]:
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if around.environ.get(variable) and not _is_of_a_hook_manager(around.environ[variable]):
            yield around.environ[variable], variable
    for top in dict.fromkeys((around.top, around.main_worktree_top)):
        for folder in _folders_above(environment):
            for name in FOLDERS:
                prefix = os.path.join(top, folder, name)
                yield prefix, f"{prefix} of the main work tree" if top != around.top else prefix


def _is_of_a_hook_manager(prefix: str) -> bool:
    """Say whether an environment was made by pre-commit or prek for a hook: the project is not in it."""
    folders = os.path.abspath(prefix).split(os.sep)
    return folders[-1].startswith("py_env-") or ("prek" in folders and "hooks" in folders)


def _folders_above(environment: Environment) -> list[str]:
    """Return the config's folder, the directory Alembic is run in, and those above, nearest first, the top last."""
    folders: dict[str, None] = {}
    for start in (folder_of(environment.config_path), environment.directory):
        folder = start
        while folder:
            folders[folder] = None
            folder = folder_of(folder)
    return [*folders, ""]


def _python_of(prefix: str) -> str | None:
    return next((path for name in PYTHON if _runs(path := os.path.join(prefix, name))), None)


def _runs(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _imports_alembic() -> bool:
    """Say whether this process could import Alembic. A project's own folder `alembic` is not it."""
    import importlib.util  # the last resort only

    spec = importlib.util.find_spec("alembic")
    places = (spec.submodule_search_locations if spec else None) or ()
    return any(os.path.isfile(os.path.join(place, "runtime", "migration.py")) for place in places)


def _nothing(environment: Environment) -> DbsyncError:
    message = f"no Python with Alembic is found for {environment.name}"
    return DbsyncError(message, "git config dbsync.interpreter /path/to/the/project's/python", exit_code=EXIT_USAGE)

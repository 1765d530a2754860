"""What an environment's database address hangs on, as far as dbsync can watch it cheaply: files and variables."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dbsync.config.environment import Environment


def watched_files(top: str, environment: Environment) -> dict[str, str]:
    """Return a hash of every file that commonly names the database: configuration, env.py, .env; "" where missing."""
    return {path: _hash_of_file(os.path.join(top, path)) for path in watched_paths(environment)}


def unchanged(top: str, environment: Environment, record: Mapping[str, object], environ: Mapping[str, str]) -> bool:
    """Say whether the recorded address still counts: no watched file and no variable env.py asked for has changed."""
    variables, files = record.get("variables"), record.get("watched")
    if not isinstance(variables, dict) or files != watched_files(top, environment):
        return False
    return all(hash_of(environ.get(name)) == value for name, value in variables.items())


def hash_of(value: str | None) -> str:
    """Return the hash under which the worker reports a variable's value; "" where it is not set."""
    return "" if value is None else hashlib.sha256(os.fsencode(value)).hexdigest()[:16]


def watched_paths(environment: Environment) -> list[str]:
    """Return those files, relative to the top of the repository."""
    folder = f"{environment.directory}/" if environment.directory else ""
    found = [environment.ini, environment.toml, f"{environment.script_location}/env.py"]
    found += [f"{folder}{name}" for name in (".env", ".flaskenv")]
    return sorted({path for path in [*found, ".env", ".flaskenv"] if path})


def _hash_of_file(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()[:16]
    except OSError:
        return ""

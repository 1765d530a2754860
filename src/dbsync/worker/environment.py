"""Configuration, script directory and application as `alembic` or `flask db` would set them up."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from alembic.config import Config
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator


def make_config(request: dict[str, Any], top: str) -> Config:
    """Return Alembic's Config for the work tree's files, the way its command line makes it."""
    ini = os.path.join(top, request["ini"]) if request.get("ini") else None
    options: dict[str, Any] = {"ini_section": request["section"]}
    if request.get("toml"):
        options["toml_file"] = os.path.join(top, request["toml"])  # Alembic 1.16
    config = Config(ini, **options)
    from argparse import Namespace

    config.cmd_opts = Namespace(
        x=None, name=request["section"], raiseerr=False, verbose=False, quiet=True, autogenerate=False
    )
    # Flask-Migrate and applications that build their Config name it in code; elsewhere it is the same place.
    config.set_main_option("script_location", os.path.join(top, request["script_location"]).replace("%", "%%"))
    return config


def make_script_directory(config: Config, request: dict[str, Any], sources: Any) -> ScriptDirectory:
    """Return the script directory with dbsync's graph in it: strays are left out of what Alembic sees."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = ScriptDirectory.from_config(config)
    script.revision_map = sources.map_of(request["target"])
    return script


def load_application(request: dict[str, Any]) -> contextlib.AbstractContextManager[Any]:
    """Return the application context that Flask-Migrate's env.py needs; nothing for any other env.py.

    The application is found as the `flask` command finds it (FLASK_APP, .flaskenv, .env, app.py, wsgi.py), but its
    command line is not run.
    """
    if not request["flask_migrate"]:
        return contextlib.nullcontext()
    from flask.cli import ScriptInfo, load_dotenv

    load_dotenv()
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    context: contextlib.AbstractContextManager[Any] = (
        ScriptInfo(app_import_path=os.environ.get("FLASK_APP")).load_app().app_context()
    )
    return context


class EnvironmentLog:
    """Which environment variables env.py asked for: while they are unchanged, its database is where it was.

    Their values count as the caller set them; what env.py itself puts there, from a .env say, is no variable of his.
    """

    # A settings library may walk over the whole environment; then only names that could say where a database is count.
    _TELLING = re.compile(r"DATABASE|DB|SQL|URL|URI|DSN|HOST|PG|ENV|CONFIG|SETTINGS|STAGE", re.IGNORECASE)
    # What differs between a terminal and a hook of git.
    _PASSING = re.compile(r"^(PATH|PWD|OLDPWD|SHLVL|_|TERM.*|COLUMNS|LINES|LC_ALL|GIT_.*|DBSYNC.*|PYTHON.*)$")

    def __init__(self) -> None:
        self._asked: set[str] = set()
        self._given = dict(os.environ)

    def __enter__(self) -> EnvironmentLog:  # noqa: PYI034 - Self is not in Python 3.9
        kind = type(os.environ)
        self._kind, self._getitem, self._iter = kind, kind.__getitem__, kind.__iter__
        asked, getitem, walk, telling = self._asked, kind.__getitem__, kind.__iter__, self._TELLING
        walking: list[bool] = []

        def recorded(environ: Any, key: Any) -> Any:
            if not walking or telling.search(str(key)):
                asked.add(str(key))
            return getitem(environ, key)

        def walked(environ: Any) -> Iterator[Any]:
            walking.append(True)
            return walk(environ)

        kind.__getitem__, kind.__iter__ = recorded, walked  # type: ignore[method-assign]  # undone below
        return self

    def __exit__(self, *exc: object) -> None:
        self._kind.__getitem__, self._kind.__iter__ = self._getitem, self._iter  # type: ignore[method-assign]

    def variables(self) -> dict[str, str]:
        """Return each variable asked for with a hash of its value ("" for one that is not set), never the value."""
        return {name: hash_of(self._given.get(name)) for name in sorted(self._asked) if not self._PASSING.match(name)}


def hash_of(value: Any) -> str:
    """Return a short hash of an environment variable's value, "" where it is not set."""
    return "" if value is None else hashlib.sha256(os.fsencode(value)).hexdigest()[:16]

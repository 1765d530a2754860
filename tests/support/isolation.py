"""The surroundings of a test run: nothing of the machine's user, and the same on every machine."""

from __future__ import annotations

import os

DATE = "2026-01-05T09:00:00+00:00"

# What a developer's shell, an editor's hook or a CI service sets and a test must not see. PYTHONDONTWRITEBYTECODE is
# among them because stale bytecode is one of the things tested: it has to be written.
NAMES = {
    "ALEMBIC_CONFIG",
    "CI",
    "COLUMNS",
    "CONDA_PREFIX",
    "DATABASE_URL",
    "DBSYNC",
    "EDITOR",
    "EMAIL",
    "FLASK_APP",
    "FORCE_COLOR",
    "LANGUAGE",
    "NO_COLOR",
    "PAGER",
    "SKIP",
    "SQLALCHEMY_DATABASE_URI",
    "VIRTUAL_ENV",
    "VIRTUAL_ENV_PROMPT",
    "VISUAL",
}
# Said to the tests themselves, and handed on to the processes that pytest-xdist starts.
SAID = ("HISTORIES", "STEPS", "TESTS_MARIADB", "TESTS_POSTGRES", "TESTS_PYTHON", "TESTS_SLOW")
KEPT = {f"DBSYNC_{name}" for name in SAID}
PREFIXES = ("DBSYNC_", "GIT_", "LC_", "PG", "PRE_COMMIT", "PYTHON", "XDG_")

GIT_CONFIG = """\
[user]
	name = Ada Tester
	email = ada@example.invalid
[init]
	defaultBranch = main
[advice]
	detachedHead = false
[commit]
	gpgSign = false
[core]
	fsync = none
[gc]
	auto = 0
[maintenance]
	auto = false
[protocol "file"]
	allow = always
"""


def isolate(home: str) -> None:
    """Turn this process's environment into one that knows only `home`, an empty folder."""
    for name in list(os.environ):
        if name not in KEPT and (name in NAMES or name.startswith(PREFIXES)):
            del os.environ[name]
    config = os.path.join(home, "gitconfig")
    with open(config, "w", encoding="utf-8") as file:
        file.write(GIT_CONFIG)
    os.environ.update(
        HOME=home,
        XDG_CACHE_HOME=os.path.join(home, "cache"),
        XDG_CONFIG_HOME=os.path.join(home, "config"),
        XDG_DATA_HOME=os.path.join(home, "data"),
        XDG_STATE_HOME=os.path.join(home, "state"),
        GIT_CONFIG_GLOBAL=config,
        GIT_CONFIG_NOSYSTEM="1",
        GIT_AUTHOR_DATE=DATE,
        GIT_COMMITTER_DATE=DATE,
        GIT_TERMINAL_PROMPT="0",
        LC_ALL="C.UTF-8",
        TERM="dumb",
        TZ="UTC",
    )

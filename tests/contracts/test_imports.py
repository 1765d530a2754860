"""What a hot path imports: by `sys.modules`, not by the clock."""

from __future__ import annotations

import sys
import time

import pytest

HEAVY = {"alembic", "asyncio", "click", "git", "importlib.metadata", "mako", "psycopg", "rich", "sqlalchemy"}

PROBE = """\
import os, runpy, sys
path, sys.argv, leave = sys.argv[1], ["dbsync", *sys.argv[2:]], os._exit

def note():
    with open(path, "w") as file:
        file.write("\\n".join(sys.modules))

# What is answered at once ends with os._exit.
os._exit = lambda code: (note(), leave(code))
try:
    runpy.run_module("dbsync", run_name="__main__", alter_sys=True)
finally:
    note()
"""


@pytest.fixture
def modules(project, tmp_path):
    """A function that runs `dbsync *args` on an adopted project in sync and returns what was imported."""
    project.table("r1")
    project.column("r2", "r1", "t_r1", "email")
    project.commit("two revisions")
    project.alembic("upgrade", "heads")
    project.dbsync("init", "--yes")

    def run(*args):
        path = tmp_path / "modules"
        done = project.run(sys.executable, "-P", "-c", PROBE, str(path), *args)
        assert done.rc == 0, done.err
        return set(path.read_text().split("\n"))

    return run


@pytest.mark.parametrize(
    "args",
    [
        ["--version"],
        ["--help"],
        ["heads"],
        ["heads", "--json"],
        ["heads", "--ref", "HEAD"],
        ["heads", "--staged"],
        ["status"],
        ["status", "--json"],
        ["ensure"],
        ["hook", "post-checkout", "HEAD", "HEAD", "1"],
        ["check", "--staged", "--only", "heads"],
    ],
    ids=" ".join,
)
def test_a_hot_path_imports_nothing_heavy(modules, args):
    imported = modules(*args)
    assert not imported & HEAVY
    assert "dbsync" in imported


SLOW_TO_IMPORT = {"argparse", "ast", "json", "re", "sqlite3", "subprocess", "tempfile", "typing"}


def test_a_check_that_is_known_imports_next_to_nothing(modules):
    words = ("check", "--staged", "--only", "heads")
    modules(*words)
    time.sleep(0.05)  # what is as young as a verdict is not believed
    modules(*words)

    assert not modules(*words) & (HEAVY | SLOW_TO_IMPORT)

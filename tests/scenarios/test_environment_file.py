"""Settings that env.py itself loads into the environment, as every project with a .env does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.following import follow

if TYPE_CHECKING:
    from tests.support.project import Project

LOAD = """\
import os
open(os.path.join(os.path.dirname(__file__), "..", ".git", "runs"), "a").write("x")
for line in open(".env"):
    os.environ.setdefault(*line.strip().split("=", 1))
"""


@pytest.fixture
def loading(project: Project) -> Project:
    """Give a project whose env.py takes the database's address from .env, and counts its runs."""
    env = project.path("migrations/env.py").read_text()
    env = env.replace(
        "config = context.config\n",
        f'{LOAD}config = context.config\nconfig.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"])\n',
        1,
    )
    project.write("migrations/env.py", env)
    project.write(".env", f"DATABASE_URL={project.url}\n")
    project.table("r1")
    project.commit("Add r1")
    return follow(project)


def runs(project: Project) -> int:
    return len(project.path(".git/runs").read_text())


def test_the_database_is_looked_at_without_env_py(loading: Project):
    """The address is known as long as .env and the caller's variables are what they were, not what env.py set."""
    before = runs(loading)

    loading.dbsync("ensure")
    loading.dbsync("status")
    r1 = loading.table("r1")
    r1.write_text(r1.read_text() + "# the same\n")
    loading.commit("Reword r1")
    loading.git("checkout", "--quiet", "HEAD~1")
    loading.git("checkout", "--quiet", "main")

    assert runs(loading) == before


def test_another_address_in_the_callers_variables_is_asked_for(loading: Project):
    before = runs(loading)

    loading.dbsync("ensure", env={"DATABASE_URL": "sqlite:///other.db"})

    assert runs(loading) > before


def test_another_address_in_the_file_is_asked_for(loading: Project):
    before = runs(loading)
    loading.write(".env", "DATABASE_URL=sqlite:///other.db\n")

    loading.dbsync("ensure")

    assert runs(loading) > before

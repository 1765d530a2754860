"""dbsync on the migrations of real projects, as their releases have them: the wheels' own revisions, to the byte."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.corpora.releases import Releases, ini_of
from tests.support.following import codes
from tests.support.schema import assert_in_sync, is_postgres, state_of
from tests.support.warm_python import warm_python

if TYPE_CHECKING:
    from tests.support.project import Project

OPTUNA = Releases("optuna", ("2.4.0", "2.6.0", "3.0.0", "3.2.0", "5.0.0"), "optuna/storages/_rdb/alembic/versions")
# What the revisions import of NumPy and of Optuna itself.
BESIDE_OPTUNA = {
    "optuna/__init__.py": "",
    "optuna/study.py": "import enum\nStudyDirection = enum.Enum('StudyDirection', 'NOT_SET MINIMIZE MAXIMIZE')\n",
    "optuna/trial.py": "import enum\nTrialState = enum.Enum('TrialState', 'RUNNING COMPLETE PRUNED FAIL WAITING')\n",
    "optuna/distributions.py": "def __getattr__(name):\n    return type(name, (), {})\n",
    "numpy.py": "class float32:\n    max, min = 3.4e38, -3.4e38\n\n\ndef finfo(kind):\n    return kind\n\n\n"
    "def __getattr__(name):\n    return type(name, (), {})\n",
}
# The releases, the configuration that counts, and what it says where the release leaves that to code.
GRAPHS = {
    "galaxy": (
        Releases(
            "galaxy-data", ("23.0.6", "23.1.4", "24.0.3", "24.1.4", "24.2.4", "25.0.4"), "galaxy/model/migrations"
        ),
        "galaxy/model/migrations/alembic.ini",
        "",
    ),
    "keystone": (
        Releases("keystone", ("21.0.0", "25.0.0", "28.0.0", "29.0.0"), "keystone/common/sql/migrations"),
        "alembic.ini",
        "[alembic]\nscript_location = %(here)s/keystone/common/sql/migrations\nrecursive_version_locations = true\n",
    ),
    "mlflow": (
        Releases("mlflow-skinny", ("1.20.2", "3.0.1", "3.5.1", "3.10.1"), "mlflow/store/db_migrations"),
        "alembic.ini",
        "[alembic]\nscript_location = %(here)s/mlflow/store/db_migrations\n",
    ),
}


@pytest.fixture(params=["project", "postgres_project"], ids=["sqlite", "postgresql"])
def optuna(request: pytest.FixtureRequest) -> Project:
    """Give a project on each engine with the releases of Optuna, and a commit for each revision of 3.2.0."""
    project: Project = request.getfixturevalue(request.param)
    OPTUNA.commit_to(project, {**BESIDE_OPTUNA, "alembic.ini": ini_of(project, OPTUNA.folder)})
    project.git("checkout", "--quiet", "3.2.0")
    for file in sorted(project.path(OPTUNA.folder).glob("v*.py"), reverse=True):
        project.git("tag", file.stem.rstrip("_"))
        file.unlink()
        project.commit(f"Without {file.stem}")
    project.git("config", "dbsync.interpreter", warm_python(project.python))
    return project


def start(project: Project, ref: str) -> None:
    """Let the database follow from a ref on, built there from nothing."""
    project.git("checkout", "--quiet", ref, env={"DBSYNC": "off"})
    empty(project.database)
    project.dbsync("init", "--yes")
    project.dbsync("sync")
    assert_in_sync(project, ignore_column_order=True)


def empty(database: str) -> None:
    """Make a database one without tables."""
    if not is_postgres(database):
        Path(database.removeprefix("sqlite:///")).unlink(missing_ok=True)
        return
    with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def walk(project: Project, *refs: str) -> list[str]:
    """Check out one ref after the other: the schema is a fresh build's. Where there is an obstacle nothing changes.

    Returns the refs that were refused, with the codes.
    """
    refused = []
    for ref in refs:
        before = state_of(project.database)
        done = project.git("checkout", "--quiet", ref)
        assert "this is a bug" not in done.err
        if codes(done):
            refused.append(f"{ref}: {', '.join(codes(done))}")
            assert state_of(project.database) == before
        else:
            assert_in_sync(project, ignore_column_order=True)
    return refused


def test_optuna_is_walked_back_and_forth_on_either_side_of_what_cannot_be_taken_down(optuna: Project):
    start(optuna, "v0.9.0.a")
    assert walk(optuna, "v1.2.0.a", "v1.3.0.a", "v1.2.0.a", "v0.9.0.a", "v1.3.0.a") == []

    start(optuna, "v2.4.0.a")
    assert walk(optuna, "v3.0.0.a", "v2.6.0.a", "v2.4.0.a", "v2.6.0.a", "v3.0.0.c") == []

    start(optuna, "3.2.0")
    assert walk(optuna, "v3.0.0.d", "v3.0.0.c", "v3.2.0.a", "5.0.0", "3.2.0") == []


def test_optunas_empty_downgrade_is_not_run(optuna: Project):
    """v2.4.0.a: what it created would have stayed."""
    start(optuna, "v2.4.0.a")

    assert walk(optuna, "v1.3.0.a", "v2.4.0.a", "2.4.0", "2.6.0", "v2.6.0.a") == [
        "v1.3.0.a: DBS309",
        "2.4.0: DBS309",
        "2.6.0: DBS309",
    ]


def test_optunas_broken_downgrade_leaves_the_database_as_it_was(optuna: Project):
    """v3.0.0.c names an enumeration that is not there; and 3.2.0 rewrote it, so 3.0.0 cannot be reached."""
    start(optuna, "5.0.0")

    assert walk(optuna, "3.2.0", "v3.0.0.b", "v3.0.0.c", "3.0.0", "5.0.0") == ["v3.0.0.b: DBS413", "3.0.0: DBS309"]


@pytest.mark.parametrize(("releases", "config", "ini"), GRAPHS.values(), ids=GRAPHS)
def test_the_graph_of_every_release_is_alembics(project: Project, releases: Releases, config: str, ini: str):
    releases.commit_to(project, {config: ini} if ini else {})

    expected = alembics(project, releases, config)

    for version, (revisions, heads) in zip(releases.versions, expected, strict=True):
        found = json.loads(project.dbsync("heads", "--ref", version, "--json").out)
        (graph,) = [one for one in found["environments"] if one["config"] == config]
        assert (revisions, heads, []) == (graph["revisions"], sorted(graph["heads"]), graph["obstacles"])


def alembics(project: Project, releases: Releases, config: str) -> list[tuple[int, list[str]]]:
    """Return how many revisions Alembic's own ScriptDirectory finds in each release, and their heads."""
    folder = project.top.parent
    for version in releases.versions:
        project.git("worktree", "add", "--quiet", str(folder / version), version)
    program = Path(__file__).with_name("script_directory.py")
    names = [str(folder / version / config) for version in releases.versions]
    done = project.run(sys.executable, str(program), *names, check=True, cwd=str(folder))
    return [json.loads(line) for line in done.out.splitlines()]

"""Chains that do not start from nothing: `dbsync.baseline` makes what they start from, in scratch databases only."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing

import pytest

from tests.support.models import MODELS, model, with_models

EMAIL = "email = sa.Column(sa.String(20))"
LEGACY = """\
class Legacy(Base):
    __tablename__ = "legacy"
    id = sa.Column(sa.Integer, primary_key=True)
    x = sa.Column(sa.Integer)"""
STRUCTURE = "CREATE TABLE legacy (id INTEGER NOT NULL PRIMARY KEY);\n"
MAKING = """\
import os, sqlalchemy as sa
with sa.create_engine(os.environ["DBSYNC_DATABASE_URL"]).begin() as connection:
    connection.exec_driver_sql("CREATE TABLE legacy (id INTEGER NOT NULL PRIMARY KEY)")
"""


def legacy(project):
    """Give the chain a second revision that changes a table which no revision makes; the dev database has it."""
    with_models(project)
    project.revision("r2", "r1", 'op.add_column("legacy", sa.Column("x", sa.Integer))', 'op.drop_column("legacy", "x")')
    model(project, more=LEGACY)
    project.commit("legacy")
    return project


@pytest.fixture
def chained(project):
    """Give such a project on SQLite, with its development database."""
    legacy(project)
    with closing(sqlite3.connect(project.path("dev.db"))) as connection:
        connection.executescript(STRUCTURE)
    project.alembic("upgrade", "head")
    return project


def commit(project):
    project.git("add", ".")
    return project.git("commit", "-m", "change", check=False)


def test_a_file_of_the_repository_needs_no_more_than_the_projects_word(chained):
    chained.write("schema.sql", STRUCTURE)
    chained.write("pyproject.toml", '[tool.dbsync]\nbaseline = "schema.sql"\n')
    chained.commit("baseline")

    done = chained.dbsync("init", "--yes")
    assert "was not compared" not in done.out + done.err
    assert "proposes" not in done.out + done.err

    model(chained, columns=EMAIL, more=LEGACY)
    assert "+ column users.email" in commit(chained).err
    chained.column("r3", "r2", "users", "email")
    model(chained, columns="email = sa.Column(sa.String(50))", more=LEGACY)
    done = commit(chained)
    assert (done.rc, "DBS" in done.err) == (0, False), done.err
    assert chained.dbsync("verify", "--all").rc == 0


def test_what_the_baseline_lacks_is_seen(chained):
    chained.write("schema.sql", STRUCTURE.replace("legacy", "other"))
    chained.git("config", "dbsync.baseline", "schema.sql")
    chained.git("add", ".")

    done = chained.dbsync("check", "--staged", check=False)

    assert "the upgrade of r2 failed" in done.err
    assert "legacy" in done.err


def test_a_command_makes_it_where_it_is_told(chained):
    chained.write("structure.py", MAKING)
    chained.commit("structure")
    chained.write("pyproject.toml", f'[tool.dbsync]\nbaseline = "{sys.executable} structure.py"\n')
    assert f"git config --add dbsync.baseline '{sys.executable} structure.py'" in (chained.dbsync("init", "--yes").err)
    chained.git("config", "dbsync.baseline", f"{sys.executable} structure.py")
    before = chained.path("dev.db").read_bytes()

    done = chained.dbsync("check", "--ref", "HEAD")

    assert "DBS" not in done.err
    assert chained.path("dev.db").read_bytes() == before
    assert chained.dbsync("verify", "r2").rc == 0


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (f"{sys.executable} -c pass", "made nothing in the scratch database"),
        (f"{sys.executable} -c 'raise SystemExit(\"no schema here\")'", "command failed: no schema here"),
        ("/nowhere/make-schema", "/nowhere/make-schema: No such file or directory"),
        ("gone.sql", "the baseline gone.sql is not there"),
    ],
)
def test_a_baseline_that_cannot_be_made_stops_nothing(chained, command, said):
    chained.dbsync("init", "--yes")
    chained.git("config", "dbsync.baseline", command)
    model(chained, columns=EMAIL, more=LEGACY)

    done = commit(chained)

    assert (done.rc, "warning: not judged" in done.err) == (0, True), done.err
    assert said in done.err


def test_a_baseline_that_is_changed_is_built_anew(chained):
    chained.write("schema.sql", STRUCTURE)
    chained.git("config", "dbsync.baseline", "schema.sql")
    chained.commit("baseline")
    assert chained.dbsync("check").rc == 0

    chained.write("schema.sql", STRUCTURE + "CREATE TABLE left_over (id INTEGER);\n")

    assert "- table left_over" in chained.dbsync("check", check=False).err


def test_a_baseline_may_say_which_revisions_are_in_it(chained):
    dump = "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(50));\n"
    stamp = (
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);\nINSERT INTO alembic_version VALUES ('r1');\n"
    )
    chained.write("schema.sql", STRUCTURE + dump + stamp)
    chained.git("config", "dbsync.baseline", "schema.sql")

    assert "DBS" not in chained.dbsync("check").err
    assert chained.dbsync("verify", "r2").rc == 0


def test_what_to_set_is_said_where_it_is_not_found(project):
    legacy(project)

    done = project.dbsync("check", "--ref", "HEAD", check=False)

    assert (done.rc, done.err.count("dbsync.baseline")) == (1, 1), done.err
    assert project.dbsync("verify", "--all", check=False).err.count("dbsync.baseline") == 1


def test_on_postgresql(postgres_project, postgres):
    project = legacy(postgres_project)
    project.write(
        "schema.sql",
        "\\restrict x\nSELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE public.legacy (id SERIAL PRIMARY KEY);\n",
    )
    project.git("config", "dbsync.baseline", "schema.sql")
    model(project, columns=EMAIL, more=LEGACY)

    done = project.dbsync("check", check=False)

    assert (done.rc, "+ column users.email" in done.err) == (1, True), done.err
    project.write("structure.py", MAKING.replace("INTEGER NOT NULL", "SERIAL"))
    project.git("config", "dbsync.baseline", f"{sys.executable} structure.py")
    model(project, more=LEGACY)
    assert "DBS" not in project.dbsync("check").err
    assert project.path(MODELS).exists()


def test_one_that_is_missing_is_said_where_env_py_names_no_models(project):
    project.table("r1")
    project.commit("a table")
    project.git("config", "dbsync.baseline", "gone.sql")

    done = project.dbsync("check")

    assert "warning: the baseline gone.sql is not there [DBS419]" in done.err

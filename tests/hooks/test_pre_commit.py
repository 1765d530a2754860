"""The hooks of .pre-commit-hooks.yaml under the real pre-commit and the real prek."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.models import model, with_models

TOP = Path(__file__).resolve().parents[2]
CONFIG = """\
repos:
  - repo: {repo}
    rev: HEAD
    hooks: [{{id: dbsync-heads}}, {{id: dbsync-history}}, {{id: dbsync-drift}}]
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Give a repository that holds dbsync as it is now: uncommitted changes are tested too."""
    folder = tmp_path_factory.mktemp("dbsync")
    for name in ("src", "hooks"):
        shutil.copytree(TOP / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(TOP / name, folder / name)
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "dbsync"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Give the folder in which the hooks' environment is made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("manager", ["pre_commit", "prek"])
def test_the_framework_stops_what_is_wrong(project, source, home, manager):
    with_models(project)
    project.git("config", "dbsync.interpreter", sys.executable)
    project.environ.update(PRE_COMMIT_HOME=str(home), PREK_HOME=str(home / "prek"))
    project.write(".pre-commit-config.yaml", CONFIG.format(repo=source))
    project.commit("Configure")
    project.run(sys.executable, "-m", manager, "install", check=True)

    model(project, columns="email = sa.Column(sa.String(20))")
    done = project.git("commit", "-am", "drift", check=False)
    assert done.rc == 1, done.err
    assert "[DBS201]" in done.out + done.err

    project.table("r2", "r1")
    project.table("r3", "r1")
    project.git("checkout", "app")
    project.git("add", ".")
    done = project.git("commit", "-m", "two heads", check=False)
    assert "[DBS203]" in done.out + done.err

    project.remove(project.revision_path("r3", "create t_r3"))
    project.git("add", ".")
    done = project.git("commit", "-m", "extra table", check=False, env={"SKIP": "dbsync-drift"})
    assert done.rc == 0, done.err


def test_without_an_interpreter_drift_is_not_judged_which_stops_only_in_ci(project, source, home):
    with_models(project)
    project.environ.update(PRE_COMMIT_HOME=str(home), VIRTUAL_ENV=None, CI=None)
    project.write(".pre-commit-config.yaml", CONFIG.format(repo=source))
    project.commit("Configure")
    model(project, columns="email = sa.Column(sa.String(20))")
    project.git("add", ".")
    words = (sys.executable, "-m", "pre_commit", "run", "--verbose", "dbsync-drift")

    done = project.run(*words)
    assert done.rc == 0, done.out
    assert "not judged: no Python with Alembic" in done.out
    assert project.run(*words, env={"CI": "true"}).rc == 1


STAGES = ("pre-commit", "pre-merge-commit", "pre-push", "post-checkout", "post-merge", "post-rewrite")
EVERY = """\
repos:
  - repo: {repo}
    rev: HEAD
    hooks:
      [{{id: dbsync-heads}}, {{id: dbsync-history}}, {{id: dbsync-drift}}, {{id: dbsync-verify}}, {{id: dbsync-sync}}]
"""


@pytest.mark.parametrize("manager", ["pre_commit", "prek"])
def test_every_stage_is_installed_and_does_its_part(project, source, home, tmp_path, manager):
    with_models(project)
    project.git("config", "dbsync.interpreter", sys.executable)
    project.environ.update(PRE_COMMIT_HOME=str(home), PREK_HOME=str(home / "prek"))
    project.write(".pre-commit-config.yaml", EVERY.format(repo=source))
    project.commit("Configure")
    stages = [word for stage in STAGES for word in ("--hook-type", stage)]
    project.run(sys.executable, "-m", manager, "install", *stages, check=True)
    assert all(project.path(f".git/hooks/{stage}").exists() for stage in STAGES)
    project.git("clone", "--quiet", "--bare", str(project.top), str(tmp_path / "origin.git"))
    project.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    project.git("fetch", "--quiet", "origin")

    assert project.switch("-c", "feature", check=False).rc == 0  # post-checkout
    model(project, columns="email = sa.Column(sa.String(50))")
    project.revision("r2", "r1", 'op.add_column("users", sa.Column("email", sa.String(50)))', "pass")
    project.git("add", ".")
    done = project.git("commit", "-m", "email", check=False)
    assert done.rc == 0, done.out + done.err

    done = project.git("push", "-u", "origin", "feature", check=False)  # pre-push
    assert (done.rc, "[DBS23" in done.out + done.err) == (1, True), done.out + done.err


def test_tried_without_being_configured(project, source, home):
    with_models(project)
    project.environ.update(PRE_COMMIT_HOME=str(home))
    project.table("r2", "r1")
    project.commit("second")
    project.table("r3", "r1")
    project.git("add", ".")

    done = project.run(sys.executable, "-m", "pre_commit", "try-repo", str(source), "dbsync-heads", "--ref", "HEAD")

    assert (done.rc, "[DBS203]" in done.out) == (1, True), done.out + done.err

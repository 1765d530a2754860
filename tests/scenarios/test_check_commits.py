"""The ways in which a commit comes about, each with a real `git commit`; and models that cannot be loaded."""

from __future__ import annotations

import pytest

from tests.support.models import HEADER, MODELS, USERS, model, with_models

EMAIL = "email = sa.Column(sa.String(50))"


@pytest.fixture
def modelled(project):
    """Give a project with models whose database follows Git."""
    with_models(project)
    project.dbsync("init", "--yes")
    return project


def test_a_hunk_that_was_picked_is_judged_and_the_others_are_not(modelled):
    far = "\n".join(f"# line {number}" for number in range(20))
    modelled.write(MODELS, f"{HEADER}{far}\n{USERS}")
    modelled.commit("room")
    modelled.write(MODELS, f"# first\n{HEADER}{far}\n{USERS}    {EMAIL}\n")

    modelled.git("add", "-p", input="y\nn\n")
    assert modelled.git("commit", "-m", "a comment", check=False).rc == 0

    modelled.git("add", "-p", input="y\n")
    done = modelled.git("commit", "-m", "a column", check=False)
    assert (done.rc, "+ column users.email" in done.err) == (1, True), done.err


def test_a_first_commit(modelled):
    modelled.git("switch", "--quiet", "--orphan", "fresh")
    modelled.git("checkout", "main", "--", ".")
    model(modelled, columns=EMAIL)
    modelled.git("add", ".")

    done = modelled.git("commit", "-m", "first", check=False)
    assert (done.rc, "+ column users.email" in done.err) == (1, True), done.err

    modelled.column("r2", "r1", "users", "email")
    modelled.git("add", ".")
    done = modelled.git("commit", "-m", "first", check=False)
    assert (done.rc, "DBS2" in done.err) == (0, False), done.err


def test_a_merge_that_loses_a_part(modelled):
    modelled.switch("-c", "feature")
    model(modelled, columns=EMAIL)
    path = modelled.column("r2", "r1", "users", "email")
    modelled.commit("email")
    modelled.switch("main")
    modelled.write("README", "text")
    modelled.commit("readme")
    modelled.git("merge", "--no-commit", "feature")
    modelled.git("rm", "-qf", str(path))

    done = modelled.git("commit", "--no-edit", check=False)
    assert (done.rc, "+ column users.email" in done.err) == (1, True), done.err

    modelled.git("checkout", "feature", "--", str(path))
    done = modelled.git("commit", "--no-edit", check=False)
    assert (done.rc, "DBS2" in done.err) == (0, False), done.err


def test_an_amendment_that_takes_the_revision_out(modelled):
    model(modelled, columns=EMAIL)
    path = modelled.column("r2", "r1", "users", "email")
    modelled.commit("email")
    modelled.git("rm", "-q", "--cached", str(path))

    done = modelled.git("commit", "--amend", "--no-edit", check=False)

    assert done.rc == 1
    assert f"`git add {path.relative_to(modelled.top)}`" in done.err


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("class Broken(:", "SyntaxError"),
        ("import os\nos.environ['NOT_SET_ANYWHERE']", "NOT_SET_ANYWHERE"),
        ("from gone_package import Thing", "gone_package"),
        ("raise SystemExit('no settings')", "no settings"),
    ],
)
def test_models_that_fail_stop_the_commit_with_their_own_error(modelled, code, said):
    model(modelled, more=code)

    done = modelled.git("commit", "-am", "broken", check=False)

    assert (done.rc, "[DBS222]" in done.err, said in done.err, "--no-verify" in done.err) == (1, True, True, True)
    assert "Traceback" not in done.err


def test_models_without_a_table_are_a_finding_and_no_pass(modelled):
    modelled.write(MODELS, HEADER)
    modelled.git("add", ".")

    said = modelled.dbsync("check", check=False).err

    assert "names no models" in said or "- table users" in said, said


# what is known holds for the environments that were known only


def test_after_a_commit_from_before_alembic_came_models_are_judged_again(project):
    start = project.rev("HEAD")
    with_models(project)
    project.dbsync("init", "--yes")
    project.switch("-c", "old", f"{project.git('rev-list', '--max-parents=0', start).out.strip()}")
    project.git("rm", "--quiet", "-r", "alembic.ini", "migrations")
    project.git("commit", "--quiet", "-m", "Before Alembic", "--no-verify")
    for number in range(2):
        project.write("notes.py", f"X = {number}\n")
        project.commit("A commit without any environment")
    project.switch("main")

    model(project, columns="email = sa.Column(sa.String(20))")
    project.git("add", ".")
    done = project.git("commit", "-m", "Drift", check=False)

    assert done.rc == 1
    assert "+ column users.email" in done.err


def test_an_environment_that_comes_beside_is_judged(project):
    with_models(project)
    project.dbsync("init", "--yes")
    model(project, more="def said():\n    return 1\n")
    project.commit("What the models read is known from here on")
    env = project.path("migrations/env.py").read_text()
    for name, text in {
        "billing/alembic.ini": project.path("alembic.ini").read_text().replace("dev.db", "bills.db"),
        "billing/migrations/env.py": env.replace("from app.models", "from models"),
        "billing/migrations/script.py.mako": project.path("migrations/script.py.mako").read_text(),
        "billing/models.py": project.path("app/models.py").read_text().replace("users", "bills"),
        "billing/migrations/versions/b1_start.py": 'revision = "b1"\ndown_revision = None\n\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n',
    }.items():
        project.write(name, text)
    project.git("add", ".")

    done = project.git("commit", "-m", "Bills", check=False)

    assert done.rc == 1
    assert "table bills" in done.err

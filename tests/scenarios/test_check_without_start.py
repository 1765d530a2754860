"""The gate where a chain does not start from nothing: its first tables were made by `create_all`, and no revision has them."""

from __future__ import annotations

import pytest

from tests.support.models import model, with_models

LEGACY = """\
class Legacy(Base):
    __tablename__ = "legacy"
    id = sa.Column(sa.Integer, primary_key=True)
    x = sa.Column(sa.Integer)
"""
EMAIL = "email = sa.Column(sa.String(20))"
ADD_EMAIL = ('op.add_column("users", sa.Column("email", sa.String(20)))', 'op.drop_column("users", "email")')
ADD_AGE = ('op.add_column("users", sa.Column("age", sa.Integer))', 'op.drop_column("users", "age")')


@pytest.fixture
def without_start(project):
    """Give a project with hooks whose revision r2 changes a table that no revision creates."""
    with_models(project)
    project.revision("r2", "r1", 'op.add_column("legacy", sa.Column("x", sa.Integer))', 'op.drop_column("legacy", "x")')
    model(project, more=LEGACY)
    project.commit("legacy")
    made = "from app.models import Base, sa; Base.metadata.create_all(sa.create_engine('sqlite:///dev.db'))"
    project.run(project.python, "-c", made, check=True)
    project.alembic("stamp", "r2")
    project.dbsync("init", "--yes")
    return project


def commit(project, *args):
    project.git("add", ".")
    return project.git("commit", "-m", "change", *args, check=False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('kind = sa.Column(sa.Enum("a", "b"))', 'kind = sa.Column(sa.Enum("a", "b", "c"))'),
        ("age = sa.Column(sa.Integer)", 'age = sa.Column(sa.Integer, sa.CheckConstraint("age > 0"))'),
    ],
)
def test_what_autogenerate_passes_over_is_found(without_start, before, after):
    model(without_start, columns=before, more=LEGACY)
    without_start.commit("before", verify=False)
    model(without_start, columns=after, more=LEGACY)

    done = commit(without_start)

    assert done.rc == 1
    assert "[DBS202]" in done.err


def test_what_changes_no_table_is_none(without_start):
    model(without_start, columns="def said(self): return 1", more=LEGACY)

    done = commit(without_start)

    assert (done.rc, "DBS" in done.err) == (0, False), done.err


def test_a_revision_of_the_last_commit_is_edited_with_its_model(without_start):
    model(without_start, columns=EMAIL, more=LEGACY)
    without_start.revision("r3", "r2", *ADD_EMAIL)
    assert commit(without_start).rc == 0
    model(without_start, columns=f"{EMAIL}\nage = sa.Column(sa.Integer)", more=LEGACY)
    assert "+ column users.age" in commit(without_start, "--amend").err

    without_start.revision("r3", "r2", "\n".join((ADD_EMAIL[0], ADD_AGE[0])), "\n".join((ADD_EMAIL[1], ADD_AGE[1])))

    done = commit(without_start, "--amend")
    assert (done.rc, "error" in done.err) == (0, False), done.err


def test_a_revision_of_the_last_commit_loses_what_its_model_has(without_start):
    model(without_start, columns=EMAIL, more=LEGACY)
    without_start.revision("r3", "r2", *ADD_EMAIL)
    assert commit(without_start).rc == 0
    without_start.revision("r3", "r2")

    assert "+ column users.email" in commit(without_start, "--amend").err


def test_it_is_judged_once(without_start):
    model(without_start, columns="def said(self): return 1", more=LEGACY)
    assert commit(without_start).rc == 0
    without_start.write("other/code.py", "X = 1\n")
    without_start.git("add", ".")

    watched = without_start.path(".git/dbsync-watch").read_text()

    assert "app/models.py" in watched
    assert "*.py\n" not in watched.replace("/*.py\n", "")


def test_a_merge_brings_models_with_their_revision(without_start):
    without_start.switch("-c", "feature")
    model(without_start, columns=EMAIL, more=LEGACY)
    without_start.revision("r3", "r2", *ADD_EMAIL)
    without_start.commit("email")
    without_start.switch("main")
    without_start.write("README", "text")
    without_start.commit("readme")

    done = without_start.git("merge", "--no-edit", "feature", check=False)

    assert (done.rc, "error" in done.err) == (0, False), done.err


def test_alembic_comes_to_a_project_that_has_its_tables_already(project):
    project.git("rm", "-q", "-r", "--cached", "migrations", "alembic.ini")
    project.git("commit", "-qm", "before Alembic")
    with_models(project)
    project.git("reset", "-q", "--soft", "HEAD^")
    project.revision("r1", None, 'op.add_column("legacy", sa.Column("x", sa.Integer))', message="users")
    project.git("add", ".")

    done = project.dbsync("check", "--staged", check=False)

    assert (done.rc, "warning: not judged" in done.err) == (0, True), done.err


def test_models_that_cannot_be_loaded_any_more_stop_the_commit(without_start):
    without_start.write("app/models.py", "import gone_module\n")

    done = commit(without_start)

    assert done.rc == 1
    assert "gone_module" in done.err


def test_a_new_revision_that_fails_stops_the_commit(without_start):
    without_start.revision("r3", "r2", 'op.add_column("nowhere", sa.Column("x", sa.Integer))')

    done = commit(without_start)

    assert done.rc == 1
    assert "the upgrade of r3 failed" in done.err


def test_a_merge_is_not_blamed_for_what_was_waived_on_the_other_side(without_start):
    without_start.switch("-c", "feature")
    model(without_start, columns=EMAIL, more=LEGACY)
    without_start.commit("waived there", verify=False)
    without_start.switch("main")
    without_start.write("README", "text")
    without_start.commit("readme")

    done = without_start.git("merge", "--no-edit", "feature", check=False)

    assert (done.rc, "error" in done.err) == (0, False), done.err


def test_models_that_can_be_loaded_again_are_not_blamed_for_the_chain(without_start):
    good = without_start.path("app/models.py").read_text()
    without_start.write("app/models.py", f"import gone_module\n{good}")
    without_start.commit("broken", verify=False)
    without_start.write("app/models.py", good)

    done = commit(without_start)

    assert (done.rc, "warning: not judged: the upgrade of r2 failed" in done.err) == (0, True), done.err
    assert "dbsync.baseline" in done.err

"""When a known verdict is taken for the next commit, and when the application is imported again."""

from __future__ import annotations

import os
import sys

import pytest

from tests.support.models import MODELS, model, with_models

LENGTHS = "def length():\n    return 50\n\n\ndef unused():\n    return 1\n"
EMAIL = "email = sa.Column(sa.String(20))"
SAID = "def said(self):\n    return {}"


@pytest.fixture
def judged(project):
    """Give a function that judges what is staged, and says what was found and whether the application was imported."""
    log = project.top.parent / "imported"
    log.mkdir()
    with_models(project)
    noting = f"import os, time\nos.mkdir({str(log)!r} + f'/{{time.time_ns()}}')\n"
    project.write("app/__init__.py", noting)
    project.write("app/lengths.py", LENGTHS)
    model(project, columns=SAID.format(1), more="import app.lengths")
    project.write(".gitignore", "*.db\n__pycache__/\n.env\nlocal_settings.py\n")
    project.commit("start")
    project.dbsync("init", "--yes")

    def judge(*, fresh=False):
        project.git("add", ".")
        before = len(os.listdir(log))
        done = project.dbsync("check", "--staged", "--only", "drift", check=False)
        after = len(os.listdir(log))
        assert (after > before) == fresh, done.err
        return done.err

    project.judge = judge
    age(project)
    judge(fresh=True)
    judge()
    return project


def age(project):
    """Make what is read outside the tree older than what is kept about it."""
    for name in ("alembic.ini", ".git/config", ".git/dbsync/environments.json"):
        os.utime(project.path(name), (1_600_000_000, 1_600_000_000))


def test_nothing_changed(judged):
    assert "nothing is wrong" in judged.judge()
    judged.write("other/code.py", "X = 1\n")
    assert "nothing is wrong" in judged.judge()


@pytest.mark.parametrize("commit", [False, True])
def test_a_method_is_answered_from_its_code_and_a_column_after_it_is_not(judged, commit):
    for number in (2, 3):
        model(judged, columns=SAID.format(number), more="import app.lengths")
        assert "nothing is wrong" in judged.judge()
        if commit:
            judged.commit(f"said {number}")
            assert "nothing is wrong" in judged.judge()

    model(judged, columns=f"{SAID.format(4)}\n{EMAIL}", more="import app.lengths")
    assert "+ column users.email" in judged.judge(fresh=True)


def test_a_function_that_a_class_body_calls_counts(judged):
    column = "extra = sa.Column(sa.String(app.lengths.length()))"
    text = (
        judged.path(MODELS)
        .read_text()
        .replace("import sqlalchemy as sa", "import sqlalchemy as sa\nimport app.lengths")
    )
    judged.write(MODELS, text.replace("    def said", f"    {column}\n    def said"))
    judged.column("r2", "r1", "users", "extra")
    assert "nothing is wrong" in judged.judge(fresh=True)
    judged.judge()

    judged.write("app/lengths.py", LENGTHS.replace("return 1", "return 2"))
    assert "nothing is wrong" in judged.judge()
    judged.write("app/lengths.py", LENGTHS.replace("return 50", "return 60"))
    judged.judge(fresh=True)


def test_a_new_module_in_a_folder_of_modules_counts(judged):
    judged.write("app/new.py", "X = 1\n")

    judged.judge(fresh=True)


def test_a_module_that_goes_counts(judged):
    judged.remove("app/lengths.py")

    assert "not judged" in judged.judge(fresh=True)


def test_a_module_that_is_also_read_as_text_counts_whole(judged):
    model(judged, columns=SAID.format(1), more="import app.lengths\nTEXT = open(app.lengths.__file__).read()")
    judged.judge(fresh=True)
    judged.judge()

    judged.write("app/lengths.py", LENGTHS.replace("return 1", "return 2"))
    judged.judge(fresh=True)


def test_a_data_file_that_models_open_counts(judged):
    judged.write("app/values.txt", "a b")
    model(judged, columns='kind = sa.Column(sa.Enum(*open("app/values.txt").read().split(), name="k"))')
    assert "+ column users.kind" in judged.judge(fresh=True)
    judged.judge()

    judged.write("app/values.txt", "a b c")
    judged.judge(fresh=True)


def test_a_file_outside_the_repository_counts(judged):
    path = judged.top.parent / "settings.txt"
    path.write_text("one")
    model(judged, more=f"open({str(path)!r}).close()")
    judged.judge(fresh=True)
    judged.judge()

    path.write_text("another")
    judged.judge(fresh=True)


@pytest.mark.parametrize("mode", ["a", "w"])
def test_a_file_that_the_application_writes_when_it_starts_does_not_count(judged, mode):
    """Mealie's log: every run of the application adds to it."""
    path = judged.top.parent / "app.log"
    writing = f"with open({str(path)!r}, {mode!r}) as log:\n    log.write('started\\n')\n"
    judged.write("app/log.py", writing)
    model(judged, columns=SAID.format(1), more="import app.lengths, app.log")
    judged.judge(fresh=True)
    path.write_text("what else the application had to say")

    judged.judge()


@pytest.mark.parametrize("name", [".env", "local_settings.py", "app/local_settings.py"])
def test_an_ignored_file_that_comes_or_changes_counts(judged, name):
    model(judged, more=f"import os\nif os.path.isfile({name!r}): open({name!r}).close()")
    judged.judge(fresh=True)
    judged.judge()

    for content in ("A = 1\n", "A = 22\n"):
        judged.write(name, content)
        judged.judge(fresh=True)
        judged.judge()
    judged.remove(name)
    judged.judge()  # as it was at first


def test_a_variable_that_was_asked_for_counts(judged):
    model(judged, more="import os\nos.environ.get('USERS_LENGTH')")
    judged.judge(fresh=True)
    judged.judge()

    judged.environ["USERS_LENGTH"] = "5"
    judged.judge(fresh=True)
    judged.environ["UNRELATED"] = "5"
    judged.judge()


def test_an_installed_package_counts(judged, tmp_path):
    packages = tmp_path / "site-packages"
    packages.mkdir()
    judged.environ["PYTHONPATH"] = str(packages)
    judged.judge(fresh=True)
    judged.judge()

    (packages / "library-2.0.dist-info").mkdir()
    judged.judge(fresh=True)


@pytest.mark.parametrize("name", ["pyproject.toml", "poetry.lock", "requirements.txt", ".gitattributes", "alembic.ini"])
def test_configuration_and_lock_files_count(judged, name):
    path = judged.path(name)
    judged.write(name, (path.read_text() if path.exists() else "") + "\n# changed\n")

    judged.judge(fresh=True)


def test_an_interpreter_of_another_version_is_never_answered_from_code(judged):
    path = next(judged.path(".git/dbsync/verdicts").glob("*.json"))
    judged.path(".git/dbsync-clear.drift").unlink()
    version = ".".join(map(str, sys.version_info[:2]))
    path.write_text(path.read_text().replace(f'"python": "{version}"', '"python": "3.1"'))

    model(judged, columns=SAID.format(2), more="import app.lengths")
    judged.judge(fresh=True)


def test_what_is_wrong_is_said_again(judged):
    model(judged, columns=EMAIL)
    assert "+ column users.email" in judged.judge(fresh=True)

    assert "+ column users.email" in judged.judge()
    model(judged, columns=f"{EMAIL}\n{SAID.format(3)}")
    assert "+ column users.email" in judged.judge(fresh=True)
    model(judged, columns=f"{EMAIL}\n{SAID.format(4)}")
    assert "+ column users.email" in judged.judge()


def test_a_head_that_moved_elsewhere_is_compared_with(judged):
    model(judged, columns='kind = sa.Column(sa.Enum("a", "b"))')
    judged.revision("r2", "r1", 'op.add_column("users", sa.Column("kind", sa.Enum("a", "b")))')
    judged.commit("kind", verify=False)
    model(judged, columns='kind = sa.Column(sa.Enum("a", "c"))')
    judged.commit("kinds", verify=False)
    judged.judge(fresh=True)
    judged.judge()

    judged.git("reset", "--quiet", "--soft", "HEAD~1")

    assert "[DBS202]" in judged.judge(fresh=True)


def test_settings_of_git_count(judged):
    judged.git("config", "dbsync.unjudged", "stop")
    judged.git("config", "dbsync.interpreter", "/nowhere/python")

    assert "not judged" in judged.judge()


def test_a_partial_commit_is_judged_by_its_own_index(judged):
    model(judged, columns=EMAIL)
    judged.write("README", "text")
    judged.git("add", ".")

    assert judged.git("commit", "-m", "readme", "README", check=False).rc == 0
    assert judged.git("commit", "-m", "model", MODELS, check=False).rc == 1

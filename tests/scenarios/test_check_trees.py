"""The gate on trees with links and submodules, several work trees at once, and what is of this machine only."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.models import MODELS, model, with_models
from tests.support.schema import assert_in_sync

EMAIL = "email = sa.Column(sa.String(20))"


@pytest.fixture
def modelled(project):
    """Give a project with models whose database follows Git."""
    with_models(project)
    project.dbsync("init", "--yes")
    return project


def commit(project, *args, **options):
    project.git("add", ".")
    return project.git("commit", "-m", "change", *args, check=False, **options)


@pytest.mark.parametrize("linked", ["app/models.py", "app"])
def test_models_behind_a_symbolic_link_are_followed(modelled, linked):
    modelled.path("shared").mkdir()
    modelled.path(linked).rename(modelled.path("shared") / os.path.basename(linked))
    modelled.path(linked).symlink_to(os.path.relpath(f"shared/{os.path.basename(linked)}", os.path.dirname(linked)))
    assert commit(modelled).rc == 0

    model(modelled, columns=EMAIL)
    assert "+ column users.email" in commit(modelled).err


def test_a_migrations_folder_behind_a_symbolic_link(project):
    project.script_location = "backend/migrations"
    project.path("backend").mkdir()
    project.path("migrations").rename(project.path("backend/migrations"))
    project.path("migrations").symlink_to("backend/migrations")
    project.configure()
    with_models(project)
    project.dbsync("init", "--yes")

    model(project, columns=EMAIL)

    assert "+ column users.email" in commit(project).err


def test_models_in_a_submodule_are_there(modelled, tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    modelled.run("git", "init", "-q", ".", cwd=str(library), check=True)
    (library / "mixins.py").write_text("import sqlalchemy as sa\nNAME = sa.String(50)\n")
    modelled.run("git", "add", ".", cwd=str(library), check=True)
    modelled.run("git", "commit", "-qm", "library", cwd=str(library), check=True)
    modelled.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "lib")
    model(modelled, more="from lib.mixins import NAME")
    done = commit(modelled)
    assert (done.rc, "DBS" in done.err) == (0, False), done.err

    model(modelled, columns=EMAIL, more="from lib.mixins import NAME")
    assert "+ column users.email" in commit(modelled).err


def test_commits_in_several_work_trees_at_once(modelled):
    tops = [modelled.top.parent / f"linked{number}" for number in range(3)]
    for top in tops:
        modelled.git("worktree", "add", "-q", "-b", top.name, str(top))
        (top / MODELS).write_text(modelled.path(MODELS).read_text() + f"    {EMAIL}\n")
        (top / "unlike.py").write_text(top.name)
        modelled.run("git", "-C", str(top), "add", ".", check=True)

    words = [sys.executable, "-P", "-m", "dbsync", "check", "--staged"]
    for _ in range(2):
        started = [
            subprocess.Popen(words, cwd=top, env=modelled.environment(), stderr=subprocess.PIPE, text=True)
            for top in (*tops, *tops)
        ]
        said = [one.communicate()[1] for one in started]
        assert [one.returncode for one in started] == [1] * 6, said
        assert all("+ column users.email" in one and one.count("DBS") == 1 for one in said), said


def test_models_found_by_walking_a_package(modelled):
    walk = "import pkgutil, importlib, app.tables\nfor one in pkgutil.walk_packages(app.tables.__path__, 'app.tables.'):\n    importlib.import_module(one.name)"
    modelled.write("app/tables/__init__.py", "")
    modelled.write("app/base.py", modelled.path(MODELS).read_text())
    env = modelled.path("migrations/env.py")
    env.write_text(env.read_text().replace("from app.models import Base", f"from app.base import Base\n{walk}"))
    modelled.remove(MODELS)
    assert commit(modelled).rc == 0
    table = 'import sqlalchemy as sa\nfrom app.base import Base\nclass {0}(Base):\n    __tablename__ = "{0}"\n    id = sa.Column(sa.Integer, primary_key=True)\n'

    modelled.write("app/tables/one.py", table.format("one"))
    assert "+ table one" in commit(modelled).err
    modelled.path("app/tables/one.py").unlink()
    modelled.write("app/tables/deep/__init__.py", "")
    modelled.write("app/tables/deep/two.py", table.format("two"))
    assert "+ table two" in commit(modelled).err


def test_values_in_the_order_of_a_set_are_the_same_each_time(modelled):
    values = 'kind = sa.Column(sa.Enum(*{"a", "b", "c", "d", "e", "f"}))'
    model(modelled, columns=values)
    modelled.commit("before", verify=False)

    for number in range(3):
        model(modelled, columns=f"{values}\nX = {number}")
        assert "DBS202" not in modelled.dbsync("check", "--staged", check=False).err
        assert commit(modelled).rc == 0


def test_a_file_of_this_machine_that_is_gone_stops_nothing(modelled):
    modelled.write(".gitignore", "dev.db\nlocal.txt\n__pycache__\n")
    modelled.write("local.txt", "here")
    model(modelled, more='open("local.txt").close()')
    assert commit(modelled).rc == 0
    modelled.remove("local.txt")
    model(modelled, more='open("local.txt").close()\nX = 1')

    done = commit(modelled)

    assert (done.rc, "warning: not judged" in done.err) == (0, True), done.err


def test_a_service_that_is_down_stops_nothing(modelled, tmp_path):
    service = tmp_path / "service"
    service.write_text("up")
    model(modelled, more=f"import os\nif not os.path.exists({str(service)!r}): raise ConnectionError('refused')")
    assert commit(modelled).rc == 0
    service.unlink()
    modelled.path(MODELS).write_text(modelled.path(MODELS).read_text() + "X = 1\n")

    done = commit(modelled)

    assert (done.rc, "warning: not judged" in done.err) == (0, True), done.err


def test_a_revision_that_is_only_announced_is_not_there(modelled):
    model(modelled, columns=EMAIL)
    path = modelled.column("r2", "r1", "users", "email")
    modelled.git("add", MODELS)
    modelled.git("add", "-N", str(path))

    done = modelled.git("commit", "-m", "change", check=False)

    assert done.rc == 1
    assert f"`git add migrations/versions/{path.name}`" in done.err


@pytest.mark.parametrize("name", ["a b.py", "a\nb.py", "é'\"$(x).py"])
def test_file_names(modelled, name):
    modelled.write(f"app/{name}", "X = 1\n")
    model(modelled, more=f"open('app/' + {name!r}).close()")
    assert commit(modelled).rc == 0
    model(modelled, columns=EMAIL, more=f"open('app/' + {name!r}).close()")

    assert "+ column users.email" in commit(modelled).err


def test_a_large_file_that_another_program_keeps_is_not_fetched(modelled, tmp_path):
    told = tmp_path / "told"
    modelled.git("config", "filter.lfs.smudge", f"echo skip=$GIT_LFS_SKIP_SMUDGE >> {told}; cat")
    modelled.git("config", "filter.lfs.clean", "cat")
    modelled.write(".gitattributes", "*.bin filter=lfs\n")
    modelled.write("large.bin", "pointer")
    model(modelled, more="X = 1")

    assert commit(modelled).rc == 0

    assert set(told.read_text().split()) == {"skip=1"}


def test_the_database_has_what_was_committed_after_all(modelled):
    model(modelled, columns=EMAIL)
    modelled.revision(
        "r2", "r1", 'op.add_column("users", sa.Column("email", sa.String(20)))', 'op.drop_column("users", "email")'
    )
    modelled.git("add", ".")

    assert modelled.git("commit", "-m", "change", "--", MODELS, check=False).rc == 1
    assert commit(modelled).rc == 0

    assert_in_sync(modelled)

"""Which Python is found, in which order, and what is said when there is none."""

from __future__ import annotations

import os
import subprocess
import sys

import alembic
import pytest

import dbsync
from dbsync.config.environment import Environment
from dbsync.config.interpreter import Interpreter, Surroundings, find_interpreter
from dbsync.config.settings import Settings
from dbsync.errors import EXIT_USAGE, DbsyncError

NAME = "svc/alembic.ini"
ENVIRONMENT = Environment(NAME, NAME, NAME, None, "alembic", "svc", "svc/db", ("svc/db/versions",))


class Machine:
    """Folders with virtual environments in them, as far as a look from outside goes."""

    def __init__(self, root):
        self.root, self.top, self.main = root, str(root / "top"), str(root / "top")
        self.variables = {"HOME": str(root / "home"), "PATH": str(root / "bin")}
        self.settings = Settings(top=self.top)

    def python(self, path, *, mode=0o755):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(mode)
        return str(file)

    def venv(self, folder, *, alembic=True, system=False):
        prefix = self.root / folder
        packages = prefix / "lib/python3.12/site-packages"
        packages.mkdir(parents=True)
        flag = str(system).lower()
        (prefix / "pyvenv.cfg").write_text(f"home = /usr/bin\ninclude-system-site-packages = {flag}\n")
        if alembic:
            (packages / "alembic").mkdir()
            (packages / "alembic/__init__.py").write_text("")
        return self.python(f"{folder}/bin/python")

    def find(self, environment=ENVIRONMENT):
        return find_interpreter(environment, self.settings, Surroundings(self.variables, self.top, self.main))

    def configured(self, value):
        self.settings = Settings(top=self.top, interpreter=value)
        return self.find()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_the_order(machine):
    """Each is found only once all before it are gone."""
    machine.main = str(machine.root / "main")
    machine.settings = Settings(top=machine.top, interpreter=machine.python("opt/python"))
    machine.variables |= {"VIRTUAL_ENV": str(machine.root / "active"), "CONDA_PREFIX": str(machine.root / "conda")}
    expected = [(machine.settings.interpreter, "git config dbsync.interpreter")]
    why = {"active": "VIRTUAL_ENV", "conda": "CONDA_PREFIX"}
    near = ["top/svc/.venv", "top/svc/venv", "top/.venv", "top/venv"]
    far = ["main/svc/.venv", "main/svc/venv", "main/.venv", "main/venv"]
    for folder in ("active", "conda", *near, *far):
        prefix = str(machine.root / folder)
        of_main = f"{prefix} of the main work tree"
        expected.append((machine.venv(folder), why.get(folder, of_main if folder in far else prefix)))
    expected.append((sys.executable, "dbsync's own"))
    for wanted in expected:
        found = machine.find()
        assert found == wanted
        machine.settings = Settings(top=machine.top)
        if found.path != sys.executable:
            os.unlink(found.path)


def test_an_environments_own_setting_wins(machine):
    own, everyones = machine.python("own"), machine.python("everyones")
    machine.settings = Settings(top=machine.top, interpreter=everyones, interpreters={NAME: own})
    assert machine.find() == Interpreter(own, f"git config dbsync.{NAME}.interpreter")
    assert machine.find(ENVIRONMENT._replace(name="alembic.ini")).path == everyones


def test_a_link_is_not_followed(machine):
    real = machine.python("usr/python3")
    os.unlink(machine.venv("top/.venv"))
    link = machine.root / "top/.venv/bin/python"
    link.symlink_to(real)
    assert machine.find().path == str(link)


def test_forms_of_the_setting(machine):
    path = machine.venv("top/env")
    home = machine.python("home/py/python")
    named = machine.python("bin/python3.12")
    assert machine.configured("env/bin/python").path == path
    assert machine.configured("env").path == path
    assert machine.configured(os.path.dirname(os.path.dirname(path))).path == path
    assert machine.configured("~/py/python").path == home
    assert machine.configured("python3.12").path == named


def test_a_bare_name_is_never_a_file_of_the_tree(machine):
    machine.python("top/python3")
    machine.variables["PATH"] = ".:" + machine.variables["PATH"]
    with pytest.raises(DbsyncError):
        machine.configured("python3")


@pytest.mark.parametrize("value", ["/opt/gone/bin/python", "gone/python", "gone", "~/gone"])
def test_a_configured_interpreter_that_is_gone_is_named(machine, value):
    machine.venv("top/.venv")
    with pytest.raises(DbsyncError) as caught:
        machine.configured(value)
    assert caught.value.message == f"the interpreter that git config dbsync.interpreter names is not there: {value}"
    assert caught.value.hint.startswith("git config dbsync.interpreter ")
    assert caught.value.exit_code == EXIT_USAGE


def test_a_configured_file_that_cannot_be_run(machine):
    with pytest.raises(DbsyncError, match="is not there"):
        machine.configured(machine.python("plain", mode=0o644))


def test_the_gone_interpreter_of_one_environment_names_its_key(machine):
    machine.settings = Settings(top=machine.top, interpreters={NAME: "/gone"})
    with pytest.raises(DbsyncError, match=f"git config dbsync.{NAME}.interpreter names is not there: /gone"):
        machine.find()


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_an_active_environment_without_alembic_gives_way(machine, variable):
    machine.venv("active", alembic=False)
    machine.variables[variable] = str(machine.root / "active")
    nearest = machine.venv("top/.venv")
    assert machine.find().path == nearest


def test_condas_base_without_alembic_is_never_taken(machine):
    machine.venv("base", alembic=False)
    machine.variables["CONDA_PREFIX"] = str(machine.root / "base")
    assert machine.find() == Interpreter(sys.executable, "dbsync's own")


def test_system_packages_may_hold_alembic(machine):
    path = machine.venv("active", alembic=False, system=True)
    machine.variables["VIRTUAL_ENV"] = str(machine.root / "active")
    machine.venv("top/.venv")
    assert machine.find().path == path


def test_the_projects_own_environment_is_named_though_alembic_is_not_installed_yet(machine):
    path = machine.venv("top/.venv", alembic=False)
    assert machine.find().path == path


def test_an_active_environment_that_is_gone_or_relative_is_passed_over(machine):
    machine.variables |= {"VIRTUAL_ENV": "/gone", "CONDA_PREFIX": "relative"}
    path = machine.venv("top/venv")
    assert machine.find().path == path


def test_nothing_above_the_top_is_looked_at(machine):
    machine.venv(".venv")
    assert machine.find() == Interpreter(sys.executable, "dbsync's own")


FIND = """\
import sys
sys.path.insert(0, {source!r})
from dbsync.config.environment import Environment
from dbsync.config.interpreter import Surroundings, find_interpreter
from dbsync.config.settings import Settings
from dbsync.errors import DbsyncError
environment = Environment("alembic.ini", "alembic.ini", "alembic.ini", None, "alembic", "", "db", ())
try:
    print(find_interpreter(environment, Settings(top="/gone"), Surroundings({{}}, "/gone", "/gone")).why)
except DbsyncError as error:
    print(error.message, error.hint, sep="; ")
print([name for name in sys.modules if name.partition(".")[0] == "alembic"])
"""


def run_alone(folder, *paths):
    """Run the search in a Python that has no packages but those of the paths; in its folder, as `python -c` does."""
    source = os.path.dirname(os.path.dirname(dbsync.__file__))
    lines = [f"sys.path.insert(0, {path!r})" for path in paths]
    code = "\n".join(["import sys", *lines, FIND.format(source=source)])
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_without_alembic_the_next_command_is_named(tmp_path):
    (tmp_path / "alembic").mkdir()
    (tmp_path / "alembic/__init__.py").write_text("raise SystemExit('a script directory, not the package')\n")
    said = (
        "no Python with Alembic is found for alembic.ini; git config dbsync.interpreter /path/to/the/project's/python"
    )
    assert run_alone(tmp_path) == [said, "[]"]


def test_dbsyncs_own_alembic_is_seen_without_importing_it(tmp_path):
    packages = os.path.dirname(os.path.dirname(alembic.__file__))
    assert run_alone(tmp_path, packages) == ["dbsync's own", "[]"]

"""What discovery finds in a tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import flask_migrate
import pytest

from dbsync.config.environment import Environment

from .conftest import FLASK_ENV, INI

TOML = '[tool.alembic]\nscript_location = "%(here)s/{}"\n'


def names(found):
    environments, _ = found
    return [environment.name for environment in environments]


def test_finds_the_stock_layout(files):
    files.put(**{"alembic.ini": INI.format("%(here)s/migrations")}).script("migrations")
    expected = Environment(
        name="alembic.ini",
        config_path="alembic.ini",
        ini="alembic.ini",
        toml=None,
        section="alembic",
        directory="",
        script_location="migrations",
        version_locations=("migrations/versions",),
    )
    assert files.only() == expected


@pytest.mark.parametrize("tree", ["work_tree", "index_tree", "commit_tree"])
def test_every_tree_gives_the_same(files, tree):
    files.put(**{"svc/alembic.ini": INI.format("db")}).script("svc/db", FLASK_ENV)
    files.put(**{"migrations/alembic.ini": "[alembic]\n"}).script("migrations", FLASK_ENV)
    expected = files.discover()
    assert files.discover(getattr(files, tree)) == expected
    assert names(expected) == ["svc/alembic.ini", "migrations/alembic.ini"]


def test_a_commit_is_read_without_the_work_tree(files):
    files.put(**{"alembic.ini": INI.format("old")}).script("old")
    tree = files.commit_tree
    files.git("rm", "-rq", ".")
    files.put(**{"alembic.ini": INI.format("new")}).script("new")
    assert [found.script_location for found in files.discover(tree)[0]] == ["old"]
    assert files.only().script_location == "new"


def test_environment_survives_json(files):
    ini = INI.format("db") + "version_locations = a b\nrecursive_version_locations = true\n"
    files.put(**{"alembic.ini": ini, "a/x.py": "", "b/x.py": ""}).script("db")
    found = files.only()
    assert found.version_locations == ("a", "b")
    assert Environment.from_json(json.loads(json.dumps(found.as_json()))) == found


def test_several_configs_and_sections(files):
    sections = "[alembic]\nscript_location = one\n[other]\nscript_location = two\n[loggers]\nkeys = root\n"
    files.put(**{"alembic.ini": sections, "alembic_dev.ini": INI.format("one"), "tox.ini": "[tox]\nenvlist = py\n"})
    files.put(**{"svc/alembic.ini": INI.format("db")}).script("one").script("two").script("svc/db")
    found = files.discover()
    assert names(found) == ["alembic.ini", "alembic.ini#other", "alembic_dev.ini", "svc/alembic.ini"]
    assert found[1] == []
    assert [environment.section for environment in found[0]] == ["alembic", "other", "alembic", "alembic"]


def test_a_script_location_in_default_is_not_every_sections(files):
    ini = "[DEFAULT]\nscript_location = db\n[alembic]\nx = 1\n[loggers]\nkeys = root\n[b]\nversion_locations = vb\n"
    files.put(**{"alembic.ini": ini}).script("db")
    assert names(files.discover()) == ["alembic.ini", "alembic.ini#b"]


def test_default_without_an_alembic_section_means_the_databases(files):
    ini = "[DEFAULT]\nscript_location = db\n[one]\nsqlalchemy.url = sqlite://\n[loggers]\nkeys = root\n"
    files.put(**{"alembic.ini": ini}).script("db")
    assert names(files.discover()) == ["alembic.ini#one"]


@pytest.mark.parametrize(
    "path",
    [
        ".venv/lib/python3.11/site-packages/x/alembic.ini",
        "node_modules/x/alembic.ini",
        "lib/site-packages/x/alembic.ini",
        ".tox/py/alembic.ini",
        "{{cookiecutter.slug}}/alembic.ini",
        "templates/alembic.ini.mako",
        "tests/data/alembic.ini",
    ],
)
def test_what_is_not_the_projects_own_is_passed_over(files, path):
    files.put(**{"alembic.ini": INI.format("db"), path: INI.format("nowhere")}).script("db")
    assert files.only().name == "alembic.ini"


def test_a_fixture_that_resolves_counts(files):
    files.put(**{"tests/data/alembic.ini": INI.format("db")}).script("tests/data/db")
    assert files.only().name == "tests/data/alembic.ini"


def test_ignored_files_are_no_part_of_the_work_tree(files):
    files.put(**{"alembic.ini": INI.format("db"), ".gitignore": "local/\n"}).script("db")
    files.put(**{"local/alembic.ini": INI.format("db")}).script("local/db")
    assert files.only().name == "alembic.ini"


def test_flask_migrate(files):
    files.put(**{"web/migrations/alembic.ini": "[alembic]\n# no script_location\n"}).script("web/migrations", FLASK_ENV)
    found = files.only()
    assert (found.directory, found.script_location, found.flask_migrate) == ("web", "web/migrations", True)
    assert found.version_locations == ("web/migrations/versions",)


@pytest.mark.parametrize("template", ["flask", "flask-multidb", "aioflask"])
def test_what_flask_migrate_itself_writes(files, template):
    folder = os.path.join(os.path.dirname(flask_migrate.__file__), "templates", template)
    for name, target in {"alembic.ini.mako": "alembic.ini", "env.py": "env.py"}.items():
        with open(os.path.join(folder, name), "rb") as file:
            files.put(**{f"migrations/{target}": file.read()})
    found = files.only()
    assert (found.name, found.directory, found.script_location, found.flask_migrate) == (
        "migrations/alembic.ini",
        "",
        "migrations",
        True,
    )


def test_an_ini_beside_a_plain_env_is_not_flask_migrates(files):
    files.put(**{"db/alembic.ini": INI.format(".")}).script("db", b"from alembic import context\n")
    found = files.only()
    assert (found.directory, found.script_location, found.flask_migrate) == ("db", "db", False)


def test_toml_alone(files):
    files.put(**{"svc/pyproject.toml": TOML.format("db")}).script("svc/db")
    found = files.only()
    assert (found.name, found.ini, found.toml) == ("svc/pyproject.toml", None, "svc/pyproject.toml")
    assert (found.directory, found.script_location) == ("svc", "svc/db")


def test_ini_beside_toml_is_one_environment_and_the_ini_counts(files):
    toml = TOML.format("other") + 'version_locations = ["%(here)s/a", "b"]\nrecursive_version_locations = true\n'
    files.put(**{"pyproject.toml": toml, "alembic.ini": INI.format("db")}).script("db")
    found = files.only()
    assert (found.name, found.ini, found.toml) == ("alembic.ini", "alembic.ini", "pyproject.toml")
    assert (found.script_location, found.version_locations, found.recursive) == ("db", ("a", "b"), True)


def test_ini_with_logging_only_beside_toml(files):
    files.put(**{"pyproject.toml": TOML.format("db"), "alembic.ini": "[loggers]\nkeys = root\n"}).script("db")
    found = files.only()
    assert (found.name, found.ini, found.toml) == ("pyproject.toml", "alembic.ini", "pyproject.toml")


def test_a_pyproject_that_only_depends_on_alembic_is_no_config(files):
    files.put(**{"pyproject.toml": '[project]\ndependencies = ["alembic"]\n[tool.mypy]\n'})
    assert files.obstacle().code == "DBS112"


def test_a_config_without_script_location_gets_the_only_script_directory_below_it(files):
    files.put(**{"pkg/alembic.ini": "[alembic]\n"}).script("pkg/migrations")
    found = files.only()
    assert (found.directory, found.script_location) == ("pkg", "pkg/migrations")


def test_a_config_for_the_deployed_application_is_passed_over_beside_one_of_the_repository(files):
    files.put(**{"alembic.ini": INI.format("db"), "deploy/alembic.ini": INI.format("/usr/share/app/db")}).script("db")
    assert files.only().name == "alembic.ini"


def test_a_config_for_the_deployed_application_is_said_where_it_is_declared(files):
    declared = 'environments = [{config = "deploy/alembic.ini"}, {config = "alembic.ini"}]'
    files.put(**{"alembic.ini": INI.format("db"), "deploy/alembic.ini": INI.format("/usr/share/app/db")}).script("db")
    files.put(**{"pyproject.toml": f"[tool.dbsync]\n{declared}\n"})
    assert [(one.code, one.path) for one in files.discover()[1]] == [("DBS111", "deploy/alembic.ini")]


def test_two_script_directories_below_are_ambiguous(files):
    files.put(**{"pkg/alembic.ini": "[alembic]\n"}).script("pkg/one").script("pkg/two")
    found = files.obstacle()
    assert (found.code, found.path) == ("DBS113", "pkg/alembic.ini")
    assert 'script_location = "pkg/one"' in found.hint


def test_a_config_with_no_script_directory_at_all(files):
    files.put(**{"alembic.ini": "[alembic]\nsqlalchemy.url = sqlite://\n"})
    found = files.obstacle()
    assert (found.code, found.message) == (
        "DBS111",
        "alembic.ini names no script_location, and no folder below it has an env.py",
    )


def test_nothing_is_a_finding(files):
    found = files.obstacle()
    assert (found.code, found.hint) == ("DBS112", "alembic init migrations")
    assert "work tree" in found.message


def test_nothing_but_a_script_directory_names_it(files):
    files.script("app/migrations")
    assert files.obstacle().hint == (
        'add to [tool.dbsync] of pyproject.toml: environments = [{script_location = "app/migrations"}]'
    )


def test_the_hint_does_what_it_says(files):
    files.script("app/migrations")
    files.put(**{"pyproject.toml": '[tool.dbsync]\nenvironments = [{script_location = "app/migrations"}]\n'})
    found = files.only()
    assert (found.name, found.config_path, found.ini) == ("app/migrations", "", None)
    assert (found.directory, found.script_location) == ("", "app/migrations")


def test_a_declared_environment_replaces_the_one_found(files):
    declared = 'environments = [{config = "conf/alembic.ini", script_location = "%s", directory = "run"}]'
    files.put(**{"conf/alembic.ini": INI.format("nowhere"), "pyproject.toml": f"[tool.dbsync]\n{declared % '../db'}\n"})
    files.script("db")
    found = files.only()
    assert (found.name, found.directory, found.script_location) == ("conf/alembic.ini", "run", "db")


def test_a_declared_config_may_have_any_name(files):
    declared = 'environments = [{config = "setup.cfg", section = "migrate"}]'
    files.put(**{"setup.cfg": "[migrate]\nscript_location = db\n", "pyproject.toml": f"[tool.dbsync]\n{declared}\n"})
    assert files.script("db").only().name == "setup.cfg#migrate"


@pytest.mark.parametrize("directory", ["/", "..", "../elsewhere"])
def test_a_declared_directory_outside_finds_nothing(files, directory):
    entry = f'[tool.dbsync]\nenvironments = [{{script_location = "db", directory = "{directory}"}}]\n'
    assert files.put(**{"pyproject.toml": entry}).script("db").obstacle().code == "DBS111"


def test_a_declared_config_that_is_gone(files):
    files.put(**{"pyproject.toml": '[tool.dbsync]\nenvironments = [{config = "gone.ini"}]\n'})
    found = files.obstacle()
    assert (found.code, found.path) == ("DBS110", "pyproject.toml")
    assert "gone.ini" in found.message


@pytest.mark.parametrize("pattern", ["examples", "examples/*", "examples/alembic.ini"])
def test_exclude(files, pattern):
    files.put(**{"alembic.ini": INI.format("db"), "examples/alembic.ini": INI.format("nowhere")}).script("db")
    files.put(**{"pyproject.toml": f'[tool.dbsync]\nexclude = ["{pattern}"]\n'})
    assert files.only().name == "alembic.ini"


def test_exclude_one_section(files):
    ini = "[alembic]\nscript_location = db\n[other]\nscript_location = db\n"
    files.put(**{"alembic.ini": ini, "pyproject.toml": '[tool.dbsync]\nexclude = ["alembic.ini#other"]\n'})
    assert files.script("db").only().section == "alembic"


@pytest.mark.parametrize(
    ("name", "content", "line", "says"),
    [
        ("alembic.ini", b"script_location = db\n", 1, "no [section] before"),
        ("alembic.ini", b"[alembic]\n<<<<<<< HEAD\nscript_location = a\n", 2, "neither a section nor an option"),
        ("alembic.ini", b"[alembic]\na = 1\nA = 2\n", 3, "option a is there twice in [alembic]"),
        ("alembic.ini", b"[alembic]\n[x]\n[alembic]\n", 3, "section [alembic] is there twice"),
        ("alembic.ini", b"[main]\n", None, "no [alembic] section"),
        ("alembic.ini", b"[alembic]\n\nscript_location = db%d\n", 3, "'%' must be followed"),
        (
            "alembic.ini",
            b"[alembic]\nscript_location=x\nversion_locations=a b\npath_separator=tab\n",
            4,
            "takes space,",
        ),
        ("pyproject.toml", b"[tool.alembic]\nscript_location = \n", 2, "Invalid value"),
        ("pyproject.toml", b"[tool.alembic]\nx = '\xff'\n", 2, "not UTF-8"),
        ("pyproject.toml", b"[tool]\nalembic = 3\n", None, "not a table"),
        ("pyproject.toml", b"[tool.alembic]\n\nscript_location = 3\n", 3, "not a string"),
        ("pyproject.toml", b"[tool.alembic]\nversion_locations = 'a:b'\n", 2, "not a list of strings"),
        ("pyproject.toml", b"[tool.alembic]\nrecursive_version_locations = 'true'\n", 2, "not true or false"),
        ("pyproject.toml", b"[tool.alembic]\nscript_location = '50%'\n", 2, "neither %(here)s nor %%"),
        ("pyproject.toml", b"[tool.dbsync]\nx = [" + b"[" * 3000 + b"\n", None, "nested too deeply"),
    ],
)
def test_an_unreadable_config_is_an_obstacle_with_its_line(files, name, content, line, says):
    found = files.put(**{name: content}).obstacle()
    assert (found.code, found.path, found.line) == ("DBS110", name, line)
    assert says in found.message


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("alembic.ini", "[alembic]\nscript_location = %(base)s/db\n", 2),
        ("pyproject.toml", '[tool.alembic]\n\nscript_location = "%(base)s/db"\n', 3),
    ],
)
def test_a_location_that_is_given_when_alembic_runs_is_dynamic(files, name, content, line):
    found = files.put(**{name: content}).script("db").obstacle()
    assert (found.code, found.path, found.line) == ("DBS113", name, line)
    assert "%(base)s" in found.message


def test_the_comment_that_alembic_takes_for_the_value(files):
    """Alembic's 1.13 template wrote this line, and fails on it as soon as version_locations is set."""
    line = "version_path_separator = os  # Use os.pathsep\n"
    files.put(**{"alembic.ini": INI.format("db") + line}).script("db")
    assert files.only().version_locations == ("db/versions",)
    files.put(**{"alembic.ini": INI.format("db") + line + "version_locations = a:b\n"})
    found = files.obstacle()
    assert (found.code, found.line, found.hint) == ("DBS110", 3, "put the comment on a line of its own")


def test_a_comment_in_another_encoding_does_not_hide_the_config(files):
    files.put(**{"alembic.ini": b"# caf\xe9\r\n[alembic]\r\nscript_location = db\r\n"}).script("db")
    assert files.only().script_location == "db"


def test_a_broken_config_does_not_hide_the_others(files):
    files.put(**{"a/alembic.ini": "oops\n", "b/alembic.ini": INI.format("db")}).script("b/db")
    environments, obstacles = files.discover()
    assert [environment.name for environment in environments] == ["b/alembic.ini"]
    assert [obstacle.path for obstacle in obstacles] == ["a/alembic.ini"]


def test_a_config_whose_object_is_missing_is_a_finding(files):
    """As in a partial clone, from which dbsync fetches nothing."""
    files.put(**{"alembic.ini": INI.format("db")}).script("db")
    tree = files.commit_tree
    oid = files.rev("HEAD:alembic.ini")
    files.path(f".git/objects/{oid[:2]}/{oid[2:]}").unlink()
    environments, obstacles = files.discover(tree)
    assert environments == []
    assert [(obstacle.code, obstacle.path) for obstacle in obstacles] == [("DBS110", "alembic.ini")]


def test_hostile_names_are_names(files):
    folder = "a $(id) 'b\" é"
    files.put(**{f"{folder}/alembic.ini": INI.format("db")}).script(f"{folder}/db")
    found = files.only()
    assert found.script_location == f"{folder}/db"
    assert files.discover(files.commit_tree)[0] == [found]


def test_a_large_tree_is_listed_once_and_only_configs_are_read(files):
    for number in range(40):
        files.put(**{f"src/p{number}/m.py": "", f"src/p{number}/x.ini": "[x]\n"})
    files.put(**{"alembic.ini": INI.format("db")}).script("db")
    asked = Counted(files.commit_tree)
    files.discover(asked)
    assert asked.calls == ["read", "list", "read_many"]
    assert asked.paths == {"pyproject.toml", "alembic.ini", *(f"src/p{number}/x.ini" for number in range(40))}


class Counted:
    """A tree that remembers what it was asked."""

    def __init__(self, tree):
        self.name, self.calls, self.paths, self._tree = tree.name, [], set(), tree

    def __getattr__(self, call):
        self.calls.append(call)

        def answer(argument=""):
            self.paths |= {argument} if call == "read" else set(argument)
            return getattr(self._tree, call)(argument)

        return answer


def test_importing_what_a_cached_answer_needs_loads_no_parser():
    code = (
        "import sys, dbsync.config.environment, dbsync.config.settings\n"
        "print([name for name in ('configparser', 'tomllib', 'subprocess', 'fnmatch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=path())
    assert done.stdout == "[]\n"


def path():
    return {"PYTHONPATH": ":".join(sys.path)}

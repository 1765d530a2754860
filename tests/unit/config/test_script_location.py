"""script_location and version_locations in every form, against Alembic itself where it can be asked."""

from __future__ import annotations

import os
import posixpath
import string
import sys
import warnings
from contextlib import contextmanager

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import INI, Files


@pytest.mark.parametrize(
    ("config", "value", "script", "directory"),
    [
        ("alembic.ini", "db", "db", ""),
        ("alembic.ini", "./db/", "db", ""),
        ("alembic.ini", "src/app/db", "src/app/db", ""),
        ("alembic.ini", "%(here)s/db", "db", ""),
        ("alembic.ini", ".", "", ""),
        ("svc/alembic.ini", "db", "svc/db", "svc"),
        ("svc/alembic.ini", "svc/db", "svc/db", ""),
        ("svc/alembic.ini", "../db", "db", "svc"),
        ("svc/alembic.ini", "%(here)s/../db", "db", "svc"),
        ("svc/conf/alembic.ini", "db", "svc/db", "svc"),
        ("svc/conf/alembic.ini", "db", "db", ""),
        ("svc/db/alembic.ini", ".", "svc/db", "svc/db"),
        ("svc/alembic.ini", "{top}/svc/db", "svc/db", "svc"),
        ("alembic.ini", "app:db", "app/db", ""),
        ("alembic.ini", "app.sub:db", "app/sub/db", ""),
        ("alembic.ini", "app:sub:db", "app/sub/db", ""),
        ("alembic.ini", "app.sub:", "app/sub", ""),
        ("alembic.ini", "app:db", "src/app/db", ""),
        ("src/app/alembic.ini", "app:db", "src/app/db", ""),
        ("svc/alembic.ini", "app:db", "svc/src/app/db", "svc"),
        ("alembic.ini", "app:db", "lib/app/db", ""),
        ("alembic.ini", "app:db", "packages/one/lib/app/db", ""),
    ],
)
def test_forms_of_script_location(files, config, value, script, directory):
    files.put(**{config: INI.format(value.format(top=files.top))}).script(script)
    found = files.only()
    assert (found.script_location, found.directory) == (script, directory)


def test_the_configs_own_folder_comes_before_those_above(files):
    files.put(**{"svc/alembic.ini": INI.format("db")}).script("svc/db").script("db")
    assert files.only().script_location == "svc/db"


def test_prepend_sys_path_finds_a_package(files):
    ini = INI.format("app:db") + "prepend_sys_path = . lib\n"
    files.put(**{"alembic.ini": ini}).script("lib/app/db").script("old/app/db")
    assert files.only().script_location == "lib/app/db"


def test_a_package_that_fits_twice_is_ambiguous(files):
    files.put(**{"alembic.ini": INI.format("app:db")}).script("a/app/db").script("b/app/db")
    found = files.obstacle()
    assert (found.code, found.path, found.line) == ("DBS113", "alembic.ini", 2)
    assert "a/app/db, b/app/db" in found.message


def test_an_installed_copy_does_not_make_a_package_ambiguous(files):
    files.put(**{"alembic.ini": INI.format("app:db")}).script("a/app/db").script("venv/app/db")
    assert files.only().script_location == "a/app/db"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("/srv/migrations", "is outside the repository"),
        ("../migrations", "is outside the repository"),
        ("%(here)s/../migrations", "is outside the repository"),
        ("{top}-other/db", "is outside the repository"),
        ("missing", "leads to no env.py in this tree"),
        ("other:db", "leads to no env.py in this tree"),
        ("%(here)s/missing", "leads to no env.py in this tree"),
    ],
)
def test_a_script_location_that_leads_nowhere_names_the_setting(files, value, says):
    files.put(**{"alembic.ini": "# first\n" + INI.format(value.format(top=files.top))})
    found = files.obstacle()
    assert (found.code, found.path, found.line) == ("DBS111", "alembic.ini", 3)
    assert found.message.startswith('script_location "')
    assert found.message.endswith(says)
    assert 'config = "alembic.ini"' in found.hint


def test_a_version_location_outside_the_repository(files):
    files.put(**{"alembic.ini": INI.format("db") + "version_locations = db/versions /srv/more\n"}).script("db")
    found = files.obstacle()
    assert (found.code, found.message) == (
        "DBS111",
        'version_locations "/srv/more" of alembic.ini is outside the repository',
    )


def test_version_locations_start_from_where_alembic_is_run(files):
    ini = INI.format("svc/db") + "version_locations = svc/db/versions svc/more\n"
    files.put(**{"svc/alembic.ini": ini}).script("svc/db")
    found = files.only()
    assert (found.directory, found.version_locations) == ("", ("svc/db/versions", "svc/more"))


def test_version_locations_tell_the_directory_where_script_location_does_not(files):
    ini = INI.format("%(here)s/db") + "version_locations = svc/db/versions\n"
    files.put(**{"svc/alembic.ini": ini}).script("svc/db")
    found = files.only()
    assert (found.directory, found.version_locations) == ("", ("svc/db/versions",))


def test_version_locations_of_packages(files):
    ini = INI.format("app:db") + "version_locations = app:db/versions app.plug:versions lib.x:none_yet\n"
    files.put(**{"alembic.ini": ini, "src/app/plug/__init__.py": "", "deep/lib/x/__init__.py": ""}).script("src/app/db")
    expected = ("src/app/db/versions", "src/app/plug/versions", "deep/lib/x/none_yet")
    assert files.only().version_locations == expected


def test_the_version_location_of_an_installed_package_is_said_not_passed_over(files):
    ini = INI.format("db") + "version_locations = db/versions plugin:versions\n"
    found = files.put(**{"alembic.ini": ini}).script("db").obstacle()
    assert (found.code, found.message) == (
        "DBS111",
        'version_locations "plugin:versions" of alembic.ini is not found in this tree',
    )


def test_a_percent_sign_in_the_repositorys_path(tmp_path):
    files = Files.create(tmp_path / "100%(x)s done")
    files.put(**{"alembic.ini": INI.format("%(here)s/db")}).script("db")
    assert files.only().script_location == "db"


# --- Alembic as the oracle ------------------------------------------------------------------------------------------

SEPARATORS = {None: " ", "space": " ", "newline": "\n", "os": ":", ":": ":", ";": ";"}
PARTS = st.text(string.ascii_lowercase + "-_.0", min_size=1, max_size=4).filter(lambda part: part.strip("."))
RELATIVE = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
FORMS = st.sampled_from(["{}", "%(here)s/{}", "./{}", "{}/", "pkg:{}", "pkg.sub:{}"])
LOCATION = st.builds(lambda form, path: form.format(path), FORMS, RELATIVE)


@contextmanager
def running_in(folder):
    """Run as Alembic would there: its working directory, and a module path of its own."""
    before, path = os.getcwd(), list(sys.path)
    try:
        os.chdir(folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        os.chdir(before)
        sys.path[:] = path
        sys.path_importer_cache.pop(".", None)  # a finder of the folder that "." then was
        for name in [name for name in sys.modules if name.partition(".")[0] == "pkg"]:
            del sys.modules[name]


def by_alembic(top, folder="", **names):
    """Return the version locations Alembic resolves, relative to the top, and whether it searches below them."""
    with running_in(os.path.join(top, folder)):
        script = ScriptDirectory.from_config(Config(**names))
        found = [posixpath.normpath(os.fspath(path)) for path in script._version_locations]
    return tuple(dict.fromkeys(os.path.relpath(path, top) for path in found)), script.recursive_version_locations


def package(files):
    return files.put(**{"pkg/__init__.py": "", "pkg/sub/__init__.py": ""})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    locations=st.lists(LOCATION, max_size=4),
    key=st.sampled_from(["path_separator", "version_path_separator"]),
    separator=st.sampled_from(list(SEPARATORS)),
    comma=st.booleans(),
    recursive=st.sampled_from([None, "true", "false", "True", "true # yes"]),
)
def test_ini_version_locations_are_those_of_alembic(files, locations, key, separator, comma, recursive):
    if separator in ("os", ":"):
        locations = [location for location in locations if ":" not in location]
    glue = ", " if separator is None and comma else SEPARATORS[separator]
    lines = [f"{key} = {separator}"] if separator else []
    lines += [f"recursive_version_locations = {recursive}"] if recursive else []
    value = glue.join(locations).replace("\n", "\n    ")
    lines += [f"version_locations = {value}"] if locations else []
    package(files).put(**{"alembic.ini": INI.format("db") + "prepend_sys_path = .\n" + "\n".join(lines) + "\n"})
    found = files.script("db").only()
    expected = by_alembic(files.top, file_="alembic.ini")
    assert (found.version_locations, found.recursive) == expected


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(locations=st.lists(LOCATION, max_size=4), recursive=st.booleans(), beside=st.booleans())
def test_toml_version_locations_are_those_of_alembic(files, locations, recursive, beside):
    listed = ", ".join(f'"{location}"' for location in locations)
    table = f'script_location = "db"\nprepend_sys_path = ["."]\nversion_locations = [{listed}]\n'
    flag = f"recursive_version_locations = {str(recursive).lower()}\n"
    package(files).put(**{"pyproject.toml": f"[tool.alembic]\n{table}{flag}"})
    files.put(**{"alembic.ini": "[alembic]\nfile_template = x\n" if beside else "[loggers]\nkeys = root\n"})
    found = files.script("db").only()
    expected = by_alembic(files.top, file_="alembic.ini", toml_file="pyproject.toml")
    assert (found.version_locations, found.recursive) == expected


@pytest.mark.parametrize("folder", ["", "svc", "svc/conf"])
@pytest.mark.parametrize("value", ["db", "%(here)s/db", "svc/db", "%(here)s/../db", "pkg:db", "../db"])
def test_the_directory_found_is_one_where_alembic_finds_the_same(files, folder, value):
    """Wherever dbsync says Alembic is run, running it there leads to the script directory dbsync names."""
    ini = posixpath.join(folder, "alembic.ini")
    package(files).put(**{ini: INI.format(value) + "prepend_sys_path = .\n"})
    for script in ("svc/conf/db", "svc/db", "db", "pkg/db"):
        files.script(script)
    environments, _ = files.discover()
    for found in environments:
        config = os.path.join(files.top, ini)
        assert by_alembic(files.top, found.directory, file_=config)[0] == found.version_locations
    assert environments or value.endswith("../db")

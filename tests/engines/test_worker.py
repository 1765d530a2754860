"""The worker in the project's own Python: whose modules it loads, whose code it runs, what it lets pass."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

from tests.engines.branches import branch, hooks_off, start, stopwatch
from tests.engines.env_files import CONNECT, edit_env
from tests.support.schema import assert_in_sync, state_of, versions_of

IMPORTS = "from alembic import context\n"

# modules


@pytest.mark.parametrize("place", ["", "migrations/"])
def test_modules_with_the_names_of_the_workers_own(project, place):
    names = ("schema", "environment", "guard", "plan", "steps", "channel", "engines", "run", "scripts", "failures")
    for name in names:
        project.write(f"{place}{name}.py", f"WHOSE = 'the project {name}'\n")
    folder = "sys.path.insert(0, os.path.dirname(__file__))\n" if place else ""
    lines = "".join(f"import {name}; assert {name}.WHOSE == 'the project {name}'\n" for name in names)
    edit_env(project, (IMPORTS, f"{IMPORTS}import os, sys\n{folder}{lines}"))
    start(project)
    branch(project, "feature", "f2", 'op.create_table("f", sa.Column("id", sa.Integer))', 'op.drop_table("f")')

    for name in ("feature", "main"):
        assert "error" not in project.switch(name).err
        assert_in_sync(project)


def test_a_project_with_a_package_named_dbsync(project):
    project.write("dbsync/__init__.py", "")
    project.write("dbsync/worker.py", "WHOSE = 'the project'\n")
    edit_env(project, (IMPORTS, f"{IMPORTS}from dbsync.worker import WHOSE\nassert WHOSE == 'the project'\n"))

    start(project)

    assert_in_sync(project)


@pytest.mark.parametrize("name", ["json", "typing_extensions", "logging", "sqlalchemy_utils", "alembic"])
def test_a_file_at_the_top_named_as_a_library(project, name):
    """`alembic upgrade` finds the library; so does the worker."""
    project.write(f"{name}/__init__.py", "")
    project.table("r1", name="users")
    project.commit("Users")
    project.run(os.path.join(os.path.dirname(project.python), "alembic"), "upgrade", "heads", check=True)

    assert "follows Git now" in project.dbsync("init", "--yes").err
    assert_in_sync(project)


def test_a_script_directory_named_alembic_that_is_a_package(make_project):
    project = make_project(script_location="alembic")
    project.write("alembic/__init__.py", "")
    project.table("r1", name="users")
    project.commit("Users")

    assert "follows Git now" in project.dbsync("init", "--yes").err
    assert_in_sync(project)


def test_the_application_may_print_read_and_set_its_streams(project):
    noise = "print('{\"event\": \"done\"}')\nimport sys, os\nos.write(1, b'\\xff\\n')\nassert sys.stdin.read() == ''\n"
    edit_env(project, (IMPORTS, IMPORTS + noise + "sys.stdout.close()\n"))

    start(project)
    project.table("r2", "r1")
    project.dbsync("sync")

    assert versions_of(project.database) == ("r2",)


# what runs


def test_a_revision_rewritten_with_equal_length_in_the_same_second(project):
    project.table("r1", name="users")
    path = project.revision("r2", "r1", 'op.execute("CREATE TABLE aa (id int)")', 'op.execute("DROP TABLE aa")')
    project.commit("Two")
    project.alembic("upgrade", "heads")
    project.dbsync("init", "--yes")
    stamp = path.stat().st_mtime
    text = path.read_text()

    for old, new in (("aa", "bb"), ("bb", "cc"), ("cc", "aa")):
        text = text.replace(f"TABLE {old}", f"TABLE {new}")
        path.write_text(text)
        os.utime(path, (stamp, stamp))
        project.dbsync("sync")
        assert f"table {new}" in state_of(project.database).schema
        assert_in_sync(project)


def gone(project, at_module_level: bool):
    """Leave `feature` with a revision that imports the application's module `moods`, which `main` does not have."""
    start(project)
    project.switch("-c", "feature")
    project.write("shop/__init__.py", "")
    project.write("shop/moods.py", 'TABLE = "moods"\n')
    line = "from shop.moods import TABLE\n"
    path = project.revision(
        "f2",
        "r1",
        ("" if at_module_level else line) + 'op.create_table(TABLE, sa.Column("id", sa.Integer))',
        ("" if at_module_level else line) + "op.drop_table(TABLE)",
    )
    if at_module_level:
        path.write_text(path.read_text().replace("from alembic import op\n", f"from alembic import op\n{line}"))
    project.commit("Moods")
    project.dbsync("sync")
    project.switch("main", check=False)


@pytest.mark.parametrize("at_module_level", [True, False], ids=["in the module", "in downgrade()"])
@pytest.mark.parametrize("loaded", [False, True], ids=["", "beside a package that HEAD has"])
def test_a_phantom_finds_the_code_that_head_no_longer_has(project, at_module_level, loaded):
    if loaded:
        project.write("shop/__init__.py", "WHOSE = 'main'\n")
        edit_env(project, (IMPORTS, f"{IMPORTS}import shop\n"))

    gone(project, at_module_level)

    assert "table moods" not in state_of(project.database).schema
    assert_in_sync(project)


def test_a_phantom_whose_code_is_found_nowhere_is_named(project):
    start(project)
    branch(project, "feature", "f2", 'op.create_table("f", sa.Column("id", sa.Integer))', "import never_written")
    project.switch("feature")
    before = state_of(project.database)

    said = project.switch("main").err

    assert "never_written" in said
    assert "downgrade of f2" in said
    assert "f2_on_feature.py:" in said
    assert "Traceback" not in said
    assert state_of(project.database) == before


# what does not pass

CREATORS = {
    "create_all": "metadata = sa.MetaData()\nsa.Table('mine', metadata, sa.Column('id', sa.Integer))\nmetadata.create_all(engine)\n",
    "a statement": "with engine.begin() as connection:\n    connection.exec_driver_sql('CREATE TABLE mine (id int)')\n",
    "a comment first": "with engine.begin() as connection:\n    connection.exec_driver_sql('/* x */ CREATE TABLE mine (id int)')\n",
    "several": "with engine.begin() as connection:\n    connection.connection.dbapi_connection.executescript('CREATE TABLE mine (id int)')\n",
}


def creating(project, what):
    """Let env.py import an application that changes the schema."""
    code = f"import sqlalchemy as sa\nengine = sa.create_engine('sqlite:///dev.db')\n{what}"
    project.write("application.py", code)
    edit_env(project, (IMPORTS, f"{IMPORTS}import application\n"))


@pytest.mark.parametrize("how", ["create_all", "a statement", "a comment first"])
def test_an_application_that_changes_the_schema_on_import_is_named(project, how):
    start(project)
    creating(project, CREATORS[how])
    project.table("r2", "r1")
    before = state_of(project.database)

    done = project.dbsync("sync", check=False)

    assert done.rc == 1
    assert "DBS405" in done.err
    assert "CREATE TABLE mine" in done.err
    assert "Traceback" not in done.err
    assert state_of(project.database) == before


def test_init_names_the_place_that_creates_the_schema(project):
    project.write("application.py", "metadata.create_all(engine)\n")

    assert "application.py:1" in start(project).err


def test_a_revision_that_writes_through_a_second_connection_is_stopped(project):
    start(project)
    up = """
    engine = sa.create_engine("sqlite:///dev.db")
    with engine.begin() as other:
        other.exec_driver_sql("INSERT INTO users (name) VALUES ('other')")
    """
    branch(project, "second", "s2", up)

    said = project.switch("second").err

    assert "DBS406" in said
    with closing(sqlite3.connect(project.path("dev.db"))) as db:
        assert db.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_a_worker_that_is_killed_leaves_the_database_and_the_next_sync_goes_on(project):
    start(project)
    die = 'op.create_table("f", sa.Column("id", sa.Integer))\nimport os, signal\n'
    die += 'os.path.exists("die") and os.kill(os.getpid(), signal.SIGKILL)'
    branch(project, "feature", "f2", die, 'op.drop_table("f")')
    project.write("die", "")
    before = state_of(project.database)

    said = project.switch("feature").err
    assert "DBS415" in said
    assert state_of(project.database) == before

    project.remove("die")
    assert "-0 +1" in project.dbsync("sync").err
    assert_in_sync(project)


def test_a_worker_that_is_killed_while_rewriting_is_not_taken_for_done(project):
    """The ids are the same before and after: only what was recorded tells."""
    start(project)
    project.revision("r2", "r1", 'op.create_table("old", sa.Column("id", sa.Integer))', 'op.drop_table("old")')
    project.commit("Old")
    project.dbsync("sync")
    die = 'op.create_table("new", sa.Column("id", sa.Integer))\nimport os, signal\n'
    die += 'os.path.exists("die") and os.kill(os.getpid(), signal.SIGKILL)'
    project.revision("r2", "r1", die, 'op.drop_table("new")')
    project.write("die", "")
    assert "DBS415" in project.dbsync("sync", check=False).err

    project.remove("die")
    project.dbsync("sync")

    assert_in_sync(project)


def test_env_py_may_end_the_process(project):
    start(project)
    edit_env(project, (CONNECT, "    import os, sys; print('good bye', file=sys.stderr); os._exit(3)\n" + CONNECT))
    project.table("r2", "r1")

    done = project.dbsync("sync", check=False)

    assert done.rc == 1
    assert "good bye" in done.err
    assert "Traceback" not in done.err


# what a hook may take


def test_a_hook_does_not_wait_for_an_env_py_that_never_ends(project):
    """The budget is 30 s; what a person starts takes the time that it needs."""
    start(project)
    with hooks_off(project):
        project.switch("-c", "feature")
        project.table("r2", "r1")
        edit_env(project, (CONNECT, "    import os, time\n    os.path.exists('slow') and time.sleep(300)\n" + CONNECT))
        project.commit("Waits for something")
        project.switch("main")
    project.write("slow", "")
    seconds = stopwatch()

    done = project.switch("feature")

    assert seconds() < 60
    assert done.rc == 0
    assert "DBS304" in done.err
    assert "30 s" in done.err
    project.remove("slow")
    project.dbsync("sync")
    assert_in_sync(project)


def test_another_database_by_a_variable_leaves_the_adopted_one_to_the_next_hook(project):
    """`DATABASE_URL=… git switch` in one shell must not tell the hooks of another that all is well."""
    variable = (
        "import os\nconfig.set_main_option('sqlalchemy.url', os.environ.get('SHOP_DATABASE', 'sqlite:///dev.db'))\n"
    )
    edit_env(project, ("config = context.config\n", "config = context.config\n" + variable))
    start(project)
    branch(project, "feature", "f2", 'op.create_table("f", sa.Column("id", sa.Integer))', 'op.drop_table("f")')
    project.path("test.db").touch()

    said = project.git("switch", "feature", env={"SHOP_DATABASE": "sqlite:///test.db"}).err

    assert "error" not in said
    assert not project.path(".git/dbsync-gate").exists()
    assert "-0 +1" in project.git("commit", "--allow-empty", "-m", "x").err
    assert_in_sync(project)

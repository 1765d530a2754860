"""Migrations that belong to an application: Flask-Migrate, and Alembic configured in code."""

from __future__ import annotations

import pytest

from tests.engines.branches import adopt, branch, hooks_off
from tests.engines.env_files import edit_env, template
from tests.support.schema import assert_in_sync, state_of

APP = """\
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()


class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)


def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///{top}/dev.db"
    {more}
    db.init_app(app)
    Migrate(app, db)
    return app
"""
BINDS = 'app.config["SQLALCHEMY_BINDS"] = {{"audit": "sqlite:///{top}/audit.db"}}'


def use_flask(project, where: str, name: str = "flask", more: str = "pass") -> None:
    """Turn a project into one that `flask db init` set up, the application in a file or package."""
    project.remove("alembic.ini")
    project.write("migrations/env.py", template("flask_migrate", name))
    project.write("migrations/alembic.ini", template("flask_migrate", name, "alembic.ini.mako").replace("%%", "%%"))
    project.write(where, APP.format(top=project.top, more=more.format(top=project.top)))


def flask_db(project, *words: str, **options):
    """Run the `flask db` command as a developer does."""
    return project.run(project.python, "-m", "flask", *words, check=True, **options)


APPLICATIONS = {
    "app.py": ("app.py", "", {}),
    "wsgi.py": ("wsgi.py", "", {}),
    "a factory in .flaskenv": ("shop/__init__.py", "FLASK_APP=shop:create_app\n", {}),
    "a factory in .env": ("shop/__init__.py", "", {"file": ".env"}),
    "FLASK_APP in the environment": ("shop/__init__.py", "", {"environ": "shop:create_app"}),
}


@pytest.mark.parametrize("how", APPLICATIONS)
def test_flask_migrate_finds_the_application_as_flask_does(project, how):
    where, flaskenv, other = APPLICATIONS[how]
    use_flask(project, where)
    if flaskenv or other.get("file"):
        project.write(other.get("file", ".flaskenv"), flaskenv or "FLASK_APP=shop:create_app\n")
    if other.get("environ"):
        project.environ["FLASK_APP"] = other["environ"]
    project.table("r1", name="users")
    project.commit("Users")
    flask_db(project, "db", "upgrade")

    assert "follows Git now" in project.dbsync("init", "--yes").err
    branch(project, "feature", "f2", 'op.create_table("f", sa.Column("id", sa.Integer))', 'op.drop_table("f")')
    assert "error" not in project.switch("feature").err
    assert "table f" in state_of(project.database).schema
    assert "error" not in project.switch("main").err
    assert "table f" not in state_of(project.database).schema


def test_flask_migrate_from_a_sub_folder(project):
    project.remove("alembic.ini")
    for name in ("env.py", "script.py.mako", "versions/.gitkeep"):
        project.remove(f"migrations/{name}")
    project.script_location = "backend/migrations"
    project.write("backend/migrations/env.py", template("flask_migrate", "flask"))
    project.write("backend/migrations/alembic.ini", template("flask_migrate", "flask", "alembic.ini.mako"))
    project.write("backend/app.py", APP.format(top=project.top, more="pass"))
    project.table("r1", name="users")
    project.commit("Users")
    flask_db(project, "db", "upgrade", cwd="backend")

    assert "follows Git now" in project.dbsync("init", "--yes").err
    project.table("r2", "r1")
    project.dbsync("sync")
    assert "table t_r2" in state_of(project.database).schema


@pytest.mark.parametrize("option", ["", "script_location = .\n"])
def test_flask_migrate_inside_the_applications_package(project, option):
    use_flask(project, "shop/__init__.py")
    for name in ("env.py", "alembic.ini", "script.py.mako"):
        project.write(f"shop/migrations/{name}", project.path(f"migrations/{name}").read_text())
        project.remove(f"migrations/{name}")
    ini = project.path("shop/migrations/alembic.ini").read_text().replace("[alembic]\n", f"[alembic]\n{option}")
    project.write("shop/migrations/alembic.ini", ini)
    project.write(".flaskenv", "FLASK_APP=shop:create_app\n")
    project.script_location = "shop/migrations"
    project.table("r1", name="users")
    project.commit("Users")
    flask_db(project, "db", "upgrade", "-d", "shop/migrations")

    assert "follows Git now" in project.dbsync("init", "--yes").err
    project.table("r2", "r1")
    project.dbsync("sync")
    assert "table t_r2" in state_of(project.database).schema


@pytest.mark.parametrize("how", ["flask_migrate", "alembic.command"])
def test_an_application_that_upgrades_when_it_starts_leaves_that_to_the_plan(project, how):
    use_flask(project, "app.py")
    arguments = (
        "'migrations'"
        if how == "flask_migrate"
        else "app.extensions['migrate'].migrate.get_config('migrations'), 'heads'"
    )
    upgrade = f"    with app.app_context():\n        from {how} import upgrade\n        upgrade({arguments})\n    return app\n"
    code = project.path("app.py").read_text()
    project.write("app.py", code.replace("    return app\n", upgrade))
    project.table("r1", name="users")
    project.commit("Users")
    flask_db(project, "db", "upgrade")
    assert "note:" not in project.dbsync("init", "--yes").err
    branch(project, "feature", "f2", 'op.create_table("f", sa.Column("id", sa.Integer))', 'op.drop_table("f")')

    assert "-0 +1" in project.switch("feature").err
    assert "table f" in state_of(project.database).schema
    assert "-1 +0" in project.switch("main").err
    assert "table f" not in state_of(project.database).schema


MULTI = """\
def upgrade(engine_name):
    globals()["upgrade_%s" % engine_name]()


def downgrade(engine_name):
    globals()["downgrade_%s" % engine_name]()


def upgrade_():
    op.create_table("t_{id}", sa.Column("id", sa.Integer, primary_key=True))


def downgrade_():
    op.drop_table("t_{id}")


def upgrade_audit():
    op.create_table("a_{id}", sa.Column("id", sa.Integer, primary_key=True))


def downgrade_audit():
    op.drop_table("a_{id}")
"""


def multi_revision(project, id: str, down: str | None) -> None:
    head = f"revision = {id!r}\ndown_revision = {down!r}\nfrom alembic import op\nimport sqlalchemy as sa\n\n\n"
    project.write(f"migrations/versions/{id}_.py", head + MULTI.format(id=id))


def test_flask_migrate_with_several_databases(project):
    use_flask(project, "app.py", "flask-multidb", BINDS)
    multi_revision(project, "r1", None)
    project.commit("Tables")
    flask_db(project, "db", "upgrade")

    assert project.dbsync("init", "--yes").err.count("follows Git now") == 2
    with hooks_off(project):
        project.switch("-c", "feature")
        multi_revision(project, "r2", "r1")
        project.commit("More")
        project.switch("main")

    for name in ("feature", "main"):
        assert "error" not in project.switch(name).err
        assert ("table t_r2" in state_of(project.database).schema) == (name == "feature")
        assert ("table a_r2" in state_of(str(project.path("audit.db"))).schema) == (name == "feature")


def test_a_flask_application_that_is_not_found_is_said_so(project):
    use_flask(project, "shop/__init__.py")
    project.table("r1", name="users")

    done = project.dbsync("init", "--yes", check=False)

    assert done.rc == 1
    assert "Could not locate a Flask application" in done.err
    assert "Traceback" not in done.err


def test_settings_that_are_missing_are_named_and_their_values_are_not(project):
    code = "from pydantic_settings import BaseSettings\n\nclass Settings(BaseSettings):\n    shop_mail: str\n    shop_port: int\n"
    project.write("shop_settings.py", f"{code}\nsettings = Settings()\n")
    edit_env(project, ("from alembic import context\n", "from alembic import context\nimport shop_settings\n"))
    project.table("r1", name="users")
    project.environ["SHOP_PORT"] = "hidden"

    done = project.dbsync("init", "--yes", check=False)

    assert done.rc == 1
    assert "2 validation errors for Settings: shop_mail, shop_port (shop_settings.py:" in done.err
    assert "hidden" not in done.err


# configured in code

SETTINGS = """\
from alembic import context
import shop_settings

context.config.set_main_option("sqlalchemy.url", shop_settings.URL)
"""


def test_no_ini_at_all(project):
    """The application builds its Config; [tool.dbsync] says where the scripts are."""
    project.remove("alembic.ini")
    project.write("pyproject.toml", '[tool.dbsync]\nenvironments = [{ script_location = "migrations" }]\n')
    project.write("shop_settings.py", 'URL = "sqlite:///dev.db"\n')
    edit_env(project, ("from alembic import context\n", SETTINGS))
    project.table("r1", name="users")
    project.commit("Users")

    assert "follows Git now" in project.dbsync("init", "--yes").err
    project.table("r2", "r1")
    project.dbsync("sync")
    assert "table t_r2" in state_of(project.database).schema


def test_an_ini_without_script_location(project):
    path = project.path("alembic.ini")
    path.write_text(
        "".join(line for line in path.read_text().splitlines(True) if not line.startswith("script_location"))
    )
    project.table("r1", name="users")
    project.commit("Users")

    assert "follows Git now" in project.dbsync("init", "--yes").err
    assert "table users" in state_of(project.database).schema


GIVEN = """\
    connectable = config.attributes.get("connection")
    if connectable is None:
        connectable = engine_from_config(config.get_section(config.config_ini_section, {}), prefix="sqlalchemy.")
"""


def test_an_env_py_that_takes_a_connection_if_it_is_given_one(project):
    text = project.path("migrations/env.py").read_text()
    begin, end = text.index("    connectable = engine_from_config("), text.index("    with connectable.connect()")
    project.write("migrations/env.py", text[:begin] + GIVEN + "\n" + text[end:])
    project.table("r1", name="users")
    project.commit("Users")
    adopt(project)
    branch(project, "feature", "f2", 'op.create_table("f", sa.Column("id", sa.Integer))', 'op.drop_table("f")')

    for name in ("feature", "main"):
        assert "error" not in project.switch(name).err
        assert_in_sync(project)


def test_an_env_py_that_needs_a_connection_is_said_to(project):
    edit_env(
        project,
        (
            "    connectable = engine_from_config(",
            '    config.attributes["connection"]\n    connectable = engine_from_config(',
        ),
    )
    project.table("r1", name="users")

    done = project.dbsync("init", "--yes", check=False)

    assert done.rc == 1
    assert "DBS414" in done.err
    assert "KeyError: 'connection'" in done.err
    assert "migrations/env.py:" in done.err


def test_env_py_reads_x_arguments_and_command_options(project):
    reading = "from alembic import context\nassert context.get_x_argument(as_dictionary=True) == {}\n"
    reading += 'assert context.config.cmd_opts is None or not getattr(context.config.cmd_opts, "autogenerate", False)\n'
    reading += "assert context.get_revision_argument() is None or True\nassert context.get_tag_argument() is None\n"
    edit_env(project, ("from alembic import context\n", reading))
    project.table("r1", name="users")
    project.commit("Users")

    assert "follows Git now" in project.dbsync("init", "--yes").err
    assert_in_sync(project)

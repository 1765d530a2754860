"""A Flask application with Flask-Migrate's environment in the place of Alembic's stock one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.engines.env_files import template

if TYPE_CHECKING:
    from tests.support.project import Project

APPLICATION = """\
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__, instance_path={top!r})
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///dev.db"
db = SQLAlchemy(app)
Migrate(app, db)
"""


def with_flask(project: Project, more: str = "") -> None:
    """Write what `flask db init` writes, and app.py; `more` is code at its end, models say."""
    for name in ("alembic.ini", "migrations/env.py"):
        project.path(name).unlink(missing_ok=True)
    for name in ("env.py", "alembic.ini.mako", "script.py.mako"):
        written = name.removesuffix(".mako") if "ini" in name else name
        project.write(f"migrations/{written}", template("flask_migrate", "flask", name))
    project.write("app.py", APPLICATION.format(top=str(project.top)) + more)

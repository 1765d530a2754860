"""A project with models: an application that env.py imports, and revisions that make what it declares."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.project import Project

MODELS = "app/models.py"
HEADER = """\
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass
"""
USERS = """

class User(Base):
    __tablename__ = "users"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(50))
"""


def model(project: Project, *, columns: str = "", more: str = "") -> None:
    """Write the models: `columns` are lines added to users, `more` is code after it."""
    lines = "".join(f"    {line}\n" for line in columns.splitlines())
    project.write(MODELS, HEADER + USERS + lines + (f"\n\n{more}\n" if more else ""))


def with_models(project: Project) -> Project:
    """Let env.py take its models from app/models.py, and commit them with the revision r1 that makes users."""
    env = project.path(f"{project.script_location}/env.py")
    imported = "from app.models import Base\n\ntarget_metadata = Base.metadata"
    text = re.sub(r"(?m)^target_metadata = None$", imported, env.read_text())
    assert imported in text
    env.write_text(text)
    project.write("app/__init__.py", "")
    model(project)
    up = 'op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(50)))'
    project.revision("r1", None, up, 'op.drop_table("users")', "users")
    project.commit("Users")
    return project

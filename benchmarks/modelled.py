"""A project with models in modules of ten tables each, at head, judged once: what F8, F9, F10 and F14 begin with."""

from __future__ import annotations

import os
import re

from harness import ALEMBIC, DBSYNC, cpu, git, make_project

TABLES = [int(size) for size in os.environ.get("DBSYNC_BENCH_TABLES", "50,200").split(",")]
PER_MODULE = 10
HEADER = "from app.base import Base, sa\n"
BASE = (
    "import sqlalchemy as sa\nfrom sqlalchemy.orm import DeclarativeBase\n\n\nclass Base(DeclarativeBase):\n    pass\n"
)
COLUMNS = "".join(f"    c{number} = sa.Column(sa.String({number + 10}))\n" for number in range(11))
METHOD = "\n    def said(self):\n        return {note!r}\n"
CHECK = [*DBSYNC, "check", "--staged", "--only", "drift"]


def module_text(number, note="", more=""):
    """Return one module of models; `note` is in the body of a method, `more` at its end."""
    tables = range(number * PER_MODULE, (number + 1) * PER_MODULE)
    classes = (
        f'\n\nclass T{n}(Base):\n    __tablename__ = "t{n}"\n    id = sa.Column(sa.Integer, primary_key=True)\n{COLUMNS}'
        f"{METHOD.format(note=note)}"
        for n in tables
    )
    return HEADER + "".join(classes) + more


def make_modelled(path, tables):
    """Make the project, with its database at head."""
    top = make_project(path, 3)
    (top / "app").mkdir()
    (top / "app/base.py").write_text(BASE)
    modules = range(tables // PER_MODULE)
    for number in modules:
        (top / f"app/m{number}.py").write_text(module_text(number))
    (top / "app/__init__.py").write_text("".join(f"from app import m{number}\n" for number in modules))
    env = top / "migrations/env.py"
    imported = "from app.base import Base\n\ntarget_metadata = Base.metadata"
    env.write_text(re.sub(r"(?m)^target_metadata = None$", imported, env.read_text()))
    cpu([*ALEMBIC, "revision", "--autogenerate", "-m", "tables"], top)
    git(top, "add", ".")
    git(top, "commit", "--quiet", "--no-verify", "-m", "models")
    cpu([*ALEMBIC, "upgrade", "head"], top)
    return top


def change_module(top, number, **options):
    """Write one module anew and stage it."""
    (top / f"app/m{number}.py").write_text(module_text(number, **options))
    git(top, "add", "app")

"""Two git branches, one of them with a revision more, on either engine, and rows in what only that one has."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tests.support.following import follow
from tests.support.schema import connect
from tests.support.warm_python import warm_python

if TYPE_CHECKING:
    from tests.support.project import Project

PEOPLE = """
op.create_table("people", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(50)), sa.Column("city", sa.String(50)))
"""


def run(project: Project, *statements: str) -> list[Any]:
    """Run statements in one transaction and commit; return the rows of the last one."""
    rows: list[Any] = []
    if project.database.startswith("sqlite"):
        with closing(sqlite3.connect(project.database.removeprefix("sqlite:///"))) as db:
            for statement in statements:
                rows = db.execute(statement).fetchall()
            db.commit()
        return rows
    with connect(project.url) as connection:
        connection.read_only = False
        for statement in statements:
            cursor = connection.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
        connection.commit()
    return rows


def fork(project: Project, up: str, down: str, *statements: str, base: str = PEOPLE) -> Project:
    """Leave `main` (r1) and `feature` (f2: `up`, `down`), on `feature`, followed; then run statements."""
    if not project.database.startswith("sqlite"):
        project.git("config", "dbsync.interpreter", warm_python(project.python))
    project.revision("r1", None, base, 'op.drop_table("people")')
    project.commit("Add r1")
    project.switch("--quiet", "-c", "feature")
    project.revision("f2", "r1", up, down)
    project.commit("Add f2")
    if project.database.startswith("sqlite"):
        follow(project)
    else:
        project.alembic("upgrade", "heads")
        project.dbsync("init", "--yes")
    run(project, *statements)
    return project

"""The project's own modules are read anew, libraries as they were compiled."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from tests.support.following import follow
from tests.support.schema import open_sqlite

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.project import Project


def table(project: Project, id: str, down: str | None) -> None:
    project.revision(
        id, down, f"import names\nop.create_table(names.{id}, sa.Column('id', sa.Integer))", "op.drop_table('x')"
    )


def tables(project: Project) -> set[str]:
    with closing(open_sqlite(project.database)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def write_names(project: Project, text: str) -> None:
    os.utime(project.write("names.py", text), (1_700_000_000, 1_700_000_000))


def test_a_module_rewritten_with_equal_length_in_the_same_second_runs_as_it_is_now(project: Project):
    """A switch rewrites a file within the second, and bytecode is known by whole seconds and size."""
    write_names(project, "r1, r2 = 'one', 'old'\n")
    table(project, "r1", None)
    project.commit("Add r1")
    follow(project, warm=False)
    write_names(project, "r1, r2 = 'one', 'new'\n")
    table(project, "r2", "r1")
    project.commit("Add r2")

    project.dbsync("sync")

    assert tables(project) == {"alembic_version", "one", "new"}


def test_the_bytecode_of_libraries_is_used_and_stays_beside_them(project: Project, tmp_path: Path):
    """Ambuda's env.py imports Flask, Celery and cloud clients: 2 s, and 7 s where all that is compiled again."""
    library = tmp_path / "site-packages"
    library.mkdir()
    (library / "names.py").write_text("r1 = 'one'\n")
    project.environ["PYTHONPATH"] = str(library)
    table(project, "r1", None)
    project.commit("Add r1")

    follow(project, warm=False)
    project.dbsync("sync")

    assert tables(project) == {"alembic_version", "one"}
    assert [path.name for path in library.glob("__pycache__/*")] == [f"names.{sys.implementation.cache_tag}.pyc"]
    assert not list(project.path(".git").rglob("*.pyc"))
    assert not list(project.top.rglob("*.pyc"))

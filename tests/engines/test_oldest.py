"""What may run in a project's own Python keeps to Python 3.9; `make oldest` runs it there."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

import dbsync
from tests.engines.branches import branch, start
from tests.support.schema import assert_in_sync

PACKAGE = Path(dbsync.__file__).parent
SHARED = [
    PACKAGE / "errors.py",
    *(path for name in ("worker", "revisions", "plan", "ledger", "plugin") for path in (PACKAGE / name).rglob("*.py")),
]


@pytest.mark.parametrize("path", SHARED, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_syntax_is_that_of_python_3_9(path):
    ast.parse(path.read_text(), feature_version=(3, 9))


def test_annotations_are_never_evaluated():
    """`str | None` is a TypeError in Python 3.9 where it is."""
    for path in SHARED:
        text = path.read_text()
        assert "from __future__ import annotations" in text or " | None" not in text, path


def test_the_projects_python_is_the_one_that_was_asked_for(project):
    wanted = project.run(
        project.python, "-c", "import sys, alembic, sqlalchemy; print(sys.version_info[:2], alembic.__version__)"
    )
    witness = "import sys, alembic; print('ran by', sys.version_info[:2], alembic.__version__, file=open('ran', 'w'))"
    project.write(".gitignore", "*.db\nran\n__pycache__/\n")
    start(project)
    branch(
        project, "feature", "f2", witness + '\nop.create_table("f", sa.Column("id", sa.Integer))', 'op.drop_table("f")'
    )

    project.switch("feature")
    assert_in_sync(project)

    assert project.path("ran").read_text() == f"ran by {wanted.out}"
    project.switch("main")
    assert_in_sync(project)


def test_the_worker_compiles_under_the_projects_python(project, tmp_path):
    command = [project.python, "-m", "compileall", "-q", "-f", "-o", "0", str(PACKAGE / "worker")]
    environ = {"PYTHONPYCACHEPREFIX": str(tmp_path)}

    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout

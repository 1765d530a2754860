"""`data = "per-branch"`: each git branch has rows of its own, on SQLite."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dbsync.ledger.ledger import Ledger
from dbsync.store import exchange
from tests.support.following import assert_follows, codes, dump, follow, ledger_path, sql, state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.project import Project

NAMES = "SELECT name FROM t_r1 ORDER BY id"


@pytest.fixture
def own(project: Project) -> Project:
    """Give a project on main in this mode, with a row."""
    project.path("pyproject.toml").write_text('[tool.dbsync]\ndata = "per-branch"\n')
    project.table("r1")
    project.commit("Add r1")
    follow(project)
    sql(project, "INSERT INTO t_r1 (name) VALUES ('main')")
    return project


@pytest.fixture
def both(own: Project) -> Project:
    """Give the same on feature, which has a revision and a row more, and another name in the first."""
    own.switch("--quiet", "-c", "feature")
    own.table("f2", "r1")
    own.commit("Add f2")
    sql(own, "UPDATE t_r1 SET name = 'feature'", "INSERT INTO t_f2 (name) VALUES ('more')")
    return own


def names(project: Project) -> list[str]:
    return [name for (name,) in sql(project, NAMES)]


def kept_files(project: Project) -> list[Path]:
    return sorted(project.path(".git/dbsync/branches").rglob("*.sqlite"))


def test_each_branch_has_its_rows_and_they_come_back(both: Project):
    before = dump(both)
    done = both.switch("main")
    assert "dev.db  rows of main" in done.err
    assert names(both) == ["main"]
    assert_follows(both)
    sql(both, "INSERT INTO t_r1 (name) VALUES ('later')")

    both.switch("feature")
    assert dump(both) == before
    assert_follows(both)
    both.switch("main")
    assert names(both) == ["main", "later"]
    assert_follows(both)
    assert len(kept_files(both)) == 1


def test_branches_with_the_same_revisions_have_rows_of_their_own_too(own: Project):
    own.switch("-c", "other")
    sql(own, "DELETE FROM t_r1")
    for _ in range(3):
        own.switch("main")
        assert names(own) == ["main"]
        own.switch("other")
        assert names(own) == []
    assert_follows(own)


def test_a_branch_that_moved_on_meanwhile_is_brought_up(both: Project):
    both.switch("main")
    both.git("worktree", "add", "--quiet", "../elsewhere", "feature", env={"DBSYNC": "off"})
    path = both.table("f3", "f2")
    path.rename(both.top.parent / "elsewhere" / path.relative_to(both.top))
    both.git("-C", "../elsewhere", "add", ".")
    both.git("-C", "../elsewhere", "commit", "--quiet", "-m", "Add f3", env={"DBSYNC": "off"})
    both.git("worktree", "remove", "../elsewhere")

    both.switch("feature")
    assert names(both) == ["feature"]
    assert sql(both, "SELECT name FROM t_f2") == [("more",)]
    assert_follows(both)


def test_a_detached_head_goes_on_with_the_rows_that_are_there(both: Project):
    both.switch("--detach", "main")
    assert names(both) == ["feature"]
    assert_follows(both)
    both.switch("feature")
    assert sql(both, "SELECT name FROM t_f2") == [("more",)]
    assert_follows(both)


def test_rows_on_the_shelf_do_not_go_to_another_branch(both: Project):
    both.git("reset", "--hard", "--quiet", "main")
    both.dbsync("sync")  # f2 goes down on feature: its row is on the shelf
    both.switch("main")
    both.git("merge", "--quiet", "--ff-only", "feature@{1}")
    assert_follows(both)
    assert sql(both, "SELECT name FROM t_f2") == []
    both.switch("feature")
    both.git("merge", "--quiet", "--ff-only", "main")
    assert sql(both, "SELECT name FROM t_f2") == [("more",)]
    assert_follows(both)


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_what_has_the_file_open_sees_the_rows_of_the_branch(both: Project, mode: str):
    with closing(sqlite3.connect(both.path("dev.db"), isolation_level=None)) as app:
        app.execute(f"PRAGMA journal_mode = {mode}")
        app.execute("SELECT 1 FROM t_r1").fetchone()
        both.switch("main")
        assert app.execute(NAMES).fetchall() == [("main",)]
        app.execute("INSERT INTO t_r1 (name) VALUES ('by the application')")
        both.switch("feature")
        assert app.execute(NAMES).fetchall() == [("feature",)]
        both.switch("main")
        assert app.execute(NAMES).fetchall() == [("main",), ("by the application",)]
    assert_follows(both)


def test_nobody_has_to_copy_what_nobody_has_open(both: Project):
    both.switch("main")
    (kept,) = kept_files(both)
    inode = os.stat(kept).st_ino
    both.switch("feature")
    assert os.stat(both.path("dev.db")).st_ino == inode
    assert os.stat(both.path("dev.db")).st_mode & 0o777 != 0o600


def test_a_wal_that_was_left_is_not_lost(both: Project):
    app = sqlite3.connect(both.path("dev.db"), isolation_level=None)
    app.execute("PRAGMA journal_mode = WAL")
    app.execute("PRAGMA wal_autocheckpoint = 0")
    app.execute("UPDATE t_r1 SET name = 'in the wal'")
    data = [(end, both.path(f"dev.db{end}").read_bytes()) for end in ("", "-wal")]
    app.close()
    for end, content in data:
        both.path(f"dev.db{end}").write_bytes(content)
    both.switch("main")
    assert names(both) == ["main"]
    both.switch("feature")
    assert names(both) == ["in the wal"]
    assert_follows(both)


def test_a_file_that_somebody_writes_to_is_left_and_the_next_command_turns(both: Project):
    before = dump(both)
    with closing(sqlite3.connect(both.path("dev.db"), isolation_level=None)) as app:
        app.execute("BEGIN IMMEDIATE")
        app.execute("UPDATE t_r1 SET name = 'half'")
        done = both.switch("main")
        assert "put off" in done.err
        app.execute("ROLLBACK")
    assert dump(both) == before
    both.dbsync("ensure")
    assert names(both) == ["main"]
    assert_follows(both)


def test_what_was_switched_without_hooks_is_noticed(both: Project):
    both.git("switch", "--quiet", "main", env={"DBSYNC": "off"})
    both.dbsync("ensure")
    assert names(both) == ["main"]
    assert state(both) == "in_sync"


def test_a_renamed_branch_keeps_its_rows(both: Project):
    both.git("branch", "-m", "feature", "better")
    both.dbsync("sync")
    both.switch("main")
    assert names(both) == ["main"]
    both.switch("better")
    assert names(both) == ["feature"]
    assert_follows(both)


def test_an_undo_does_not_bring_another_branchs_rows(own: Project):
    own.switch("-c", "other")
    sql(own, "DELETE FROM t_r1")
    own.switch("main")
    own.switch("other")
    done = own.dbsync("undo", check=False)
    assert (done.rc, "git switch main" in done.err, names(own)) == (1, True, [])


def test_the_rows_of_deleted_branches_are_named_and_removed(both: Project):
    both.switch("main")
    both.git("branch", "-D", "feature")
    done = both.dbsync("doctor", check=False)
    assert "the git branch feature is gone" in done.out
    assert len(kept_files(both)) == 1
    both.dbsync("doctor", "--fix", check=False)
    assert kept_files(both) == []


def test_the_room_that_branches_take_is_bounded(own: Project):
    own.git("config", "dbsync.branchSize", "1")
    sql(own, "CREATE TABLE big (b BLOB)", "INSERT INTO big VALUES (zeroblob(2000000))")
    done = own.switch("-c", "other")
    assert codes(done) == ["DBS334"]
    own.git("config", "dbsync.branchSize", "0")
    own.dbsync("sync")
    assert len(kept_files(own)) == 1


def test_without_leases_a_file_is_copied(own: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    live, incoming = tmp_path / "live", tmp_path / "incoming"
    for path in (live, incoming):
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE t (a)")
    monkeypatch.delattr(exchange.fcntl, "F_SETLEASE")
    assert not exchange.exchange(str(live), str(incoming), str(tmp_path / "outgoing"))
    assert sorted(os.listdir(tmp_path)) >= ["incoming", "live"]


def test_the_ledger_knows_the_branch(both: Project):
    both.switch("main")
    with Ledger(str(ledger_path(both))) as ledger:
        assert ledger.meta("branch") == "main"
        assert [one.facts["by"] for one in ledger.operations() if "branches" in one.facts] == ["git switch"]

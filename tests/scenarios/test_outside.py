"""What happens without Git: untracked revisions, plain Alembic, and databases that come and go."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_follows, codes, database_status, dump, follow, sql, state, status
from tests.support.plugin import with_plugin
from tests.support.schema import state_of

if TYPE_CHECKING:
    from tests.support.project import Project


@pytest.fixture
def forked(project: Project) -> Project:
    """Give a project on feature (r1, f2), with main at r1; its database follows Git."""
    project.table("r1")
    project.commit("Add r1")
    project.switch("--quiet", "-c", "feature")
    project.table("f2", "r1")
    project.commit("Add f2")
    project.recorded = False
    return follow(project)


@pytest.fixture(params=[False, True], ids=["noticed later", "recorded"])
def either(forked: Project, request: pytest.FixtureRequest) -> Project:
    """Give the same, once as it is without dbsync's plugin and once with it."""
    forked.recorded = request.param
    return with_plugin(forked) if forked.recorded else forked


def hotfix(project: Project, down: str) -> None:
    project.table("h1", down)
    project.commit("Hotfix", project.revision_path("h1", "create t_h1"))


@pytest.mark.parametrize("applied_by", ["alembic", "dbsync"])
def test_an_untracked_revision_whose_parent_is_not_on_main_is_a_stray_there(forked: Project, applied_by: str):
    forked.table("u3", "f2")
    forked.alembic("upgrade", "head") if applied_by == "alembic" else forked.dbsync("sync")
    assert state_of(forked.database).versions == ("u3",)
    stray = forked.revision_path("u3", "create t_u3")
    done = forked.switch("main")
    assert codes(done) == []
    assert "u3" in done.err
    assert_follows(forked, leave_out=(stray,))
    assert forked.path(stray).exists()
    hotfix(forked, "r1")
    assert_follows(forked, leave_out=(stray,))
    forked.switch("feature")
    assert_follows(forked)


@pytest.mark.parametrize("applied_by", ["alembic", "dbsync"])
def test_an_untracked_revision_whose_parent_is_on_main_comes_along(forked: Project, applied_by: str):
    forked.write("pyproject.toml", "[tool.dbsync]\nheads = 2\n")
    forked.table("u3", "r1")
    forked.alembic("upgrade", "heads") if applied_by == "alembic" else forked.dbsync("sync")
    forked.switch("main")
    assert_follows(forked)
    hotfix(forked, "r1")
    assert_follows(forked)
    forked.switch("feature")
    assert_follows(forked)


def test_an_untracked_chain_is_left_out_as_a_whole(forked: Project):
    forked.table("u3", "f2")
    forked.column("u4", "u3", "t_u3", "more")
    forked.dbsync("sync")
    strays = (forked.revision_path("u3", "create t_u3"), forked.revision_path("u4", "add more to t_u3"))
    forked.switch("main")
    assert_follows(forked, leave_out=strays)
    forked.git("clean", "-fdq")
    forked.switch("feature")
    assert_follows(forked)


def test_an_untracked_applied_revision_that_was_deleted_comes_down_with_the_ledgers_source(forked: Project):
    path = forked.table("u3", "f2")
    forked.dbsync("sync")
    path.unlink()
    assert database_status(forked)["phantom"] == ["u3"]
    forked.dbsync("ensure")
    assert_follows(forked)


def test_a_revision_that_nobody_has_seen_is_missing_and_nothing_changes(forked: Project):
    path = forked.table("u3", "f2")
    forked.alembic("upgrade", "head")
    path.unlink()
    before = dump(forked)
    found = database_status(forked)
    assert (found["state"], found["missing"]) == ("blocked", ["u3"])
    for command in (("ensure",), ("sync",), ("sync", "--yes")):
        done = forked.dbsync(*command, check=False)
        assert (done.rc, codes(done)) == (1, ["DBS302"])
    assert forked.switch("main").rc == 0
    assert before == dump(forked)
    forked.table("u3", "f2")
    forked.switch("feature")
    assert_follows(forked)


def test_a_version_table_with_an_ancestor_of_its_other_row_is_refused(forked: Project):
    sql(forked, "INSERT INTO alembic_version VALUES ('r1')")
    before = dump(forked)
    done = forked.dbsync("ensure", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS303"])
    assert state(forked) == "blocked"
    assert before == dump(forked)


def test_plain_alembic_is_noticed(either: Project):
    either.alembic("downgrade", "-1")
    assert state(either) == "behind"
    either.dbsync("ensure")
    assert_follows(either)
    either.alembic("downgrade", "base")
    either.dbsync("ensure")
    assert_follows(either)
    either.table("u3", "f2")
    assert state(either) == "behind"
    either.alembic("upgrade", "head")
    assert state(either) == "in_sync"
    either.dbsync("ensure")
    assert_follows(either)
    assert database_status(either)["observed"] == ([] if either.recorded else ["u3"])


def test_a_revision_edited_between_plain_downgrade_and_upgrade(either: Project):
    path = either.column("u3", "f2", "t_f2", "before")
    either.alembic("upgrade", "head")
    either.dbsync("ensure")
    either.alembic("downgrade", "-1")
    path.write_text(path.read_text().replace("before", "after_"))
    either.alembic("upgrade", "head")
    either.dbsync("ensure")
    assert_follows(either)


def test_a_dropped_and_recreated_database_is_noticed_and_built(forked: Project):
    for how in ("deleted", "recreated", "emptied"):
        if how == "emptied":
            forked.path("dev.db").write_bytes(b"")
        else:
            forked.path("dev.db").unlink()
        if how == "recreated":
            sqlite3.connect(forked.path("dev.db")).close()
            forked.path("dev.db").touch()
        assert "no_database" if how == "deleted" else state(forked) == "behind"
        forked.dbsync("ensure")
        assert_follows(forked)


def test_a_recreated_database_at_the_same_heads_is_known_again(either: Project):
    before = either.path("dev.db").stat().st_ino
    either.path("dev.db").rename(either.path("old.db"))
    either.alembic("upgrade", "head")
    assert before != either.path("dev.db").stat().st_ino
    assert database_status(either)["recreated"]
    either.dbsync("ensure")
    assert not database_status(either)["recreated"]
    assert_follows(either)


@pytest.mark.parametrize("how", ["moved into place", "copied over"])
def test_a_database_restored_from_a_copy_of_another_branch(forked: Project, how: str):
    shutil.copy(forked.path("dev.db"), forked.path("copy.db"))
    forked.switch("main")
    if how == "moved into place":
        forked.path("copy.db").replace(forked.path("dev.db"))
    else:
        shutil.copyfile(forked.path("copy.db"), forked.path("dev.db"))
    assert state(forked) == "ahead"
    forked.dbsync("ensure")
    assert_follows(forked)


@pytest.mark.parametrize("how", ["moved into place", "copied over"])
def test_a_database_restored_from_before_a_revision_was_rewritten(forked: Project, how: str):
    shutil.copy(forked.path("dev.db"), forked.path("copy.db"))
    path = forked.top / forked.revision_path("f2", "create t_f2")
    path.write_text(path.read_text().replace("String(50)", "String(99)"))
    forked.commit("Longer")
    assert_follows(forked)
    if how == "moved into place":
        forked.path("copy.db").replace(forked.path("dev.db"))
    else:
        shutil.copyfile(forked.path("copy.db"), forked.path("dev.db"))
    assert database_status(forked)["rewritten"] == ["f2"]
    forked.dbsync("ensure")
    assert_follows(forked)


def test_a_file_that_is_no_database(forked: Project):
    forked.path("dev.db").write_bytes(b"not a database at all, but long enough" * 100)
    done = forked.switch("main")
    assert (done.rc, codes(done)) == (0, ["DBS402"])
    done = forked.dbsync("ensure", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS402"])
    assert forked.dbsync("status").rc == 0
    assert status(forked)["environments"][0]["databases"][0]["state"] in ("unreachable", "blocked")


def test_a_database_that_another_process_holds(forked: Project):
    with closing(sqlite3.connect(forked.path("dev.db"))) as db:
        db.execute("BEGIN IMMEDIATE")
        done = forked.switch("main")
        assert (done.rc, codes(done)) == (0, ["DBS404"])
        assert forked.dbsync("ensure", check=False).rc == 3
    forked.dbsync("ensure")
    assert_follows(forked)

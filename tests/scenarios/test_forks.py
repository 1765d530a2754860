"""Several revision heads that nobody wanted: phantoms come down, above the fork nothing more goes up, and it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_at_the_fork, assert_follows, codes, database_status, follow, sql, state
from tests.support.schema import assert_in_sync, state_of

if TYPE_CHECKING:
    from tests.support.project import Project


@pytest.fixture
def branches(project: Project) -> Project:
    """Give a project on feature (r1, f2), with main at (r1, m2, m3); its database follows Git."""
    project.table("r1")
    project.commit("Add r1")
    project.table("m2", "r1")
    project.commit("Add m2")
    project.table("m3", "m2")
    project.commit("Add m3")
    project.switch("--quiet", "-c", "feature", "HEAD~2")
    project.table("f2", "r1")
    project.commit("Add f2")
    return follow(project)


def merge(project: Project):
    return project.git("merge", "--quiet", "--no-edit", "main")


def test_a_merge_leaves_ours_applied_and_theirs_to_come(branches: Project):
    sql(branches, "INSERT INTO t_f2 (name) VALUES ('stays')")
    done = merge(branches)
    assert_at_the_fork(branches, "m2", "m3")
    assert "f2, m3 fork at r1: above it nothing more is applied" in done.err
    assert "warning: two revision heads: f2 create t_f2 · m3 create t_m3" in done.err
    assert "hint: `dbsync rebase` puts yours on top, `dbsync merge` joins them" in done.err
    assert sql(branches, "SELECT name FROM t_f2") == [("stays",)]


@pytest.mark.parametrize("way", ["--no-commit", "--squash"])
def test_a_merge_that_is_concluded_by_hand_is_told_once(branches: Project, way: str):
    branches.git("merge", "--quiet", way, "main")
    done = branches.git("commit", "--message", "merged by hand")
    assert_at_the_fork(branches, "m2", "m3")
    assert done.err.count("[DBS203]") == 1
    assert "DBS320" not in done.err
    assert "f2, m3 fork at r1: above it nothing more is applied" in done.err


def test_where_no_database_follows_the_heads_are_told_before_the_commit(branches: Project):
    branches.git("config", "dbsync.auto", "never")
    branches.git("merge", "--quiet", "--no-commit", "main")
    done = branches.git("commit", "--message", "merged by hand")
    assert done.err.count("warning: two revision heads") == 1


def test_it_is_said_once_by_the_hooks_and_each_time_by_hand(branches: Project):
    merge(branches)
    for _ in range(2):
        assert branches.git("commit", "--quiet", "--allow-empty", "-m", "on").err == ""
    for verb in ("sync", "ensure"):
        done = branches.dbsync(verb, check=False)
        assert (done.rc, codes(done)) == (1, ["DBS320"])
    assert codes(branches.dbsync("status")) == ["DBS320"]
    assert branches.dbsync("status", "--exit-code", check=False).rc == 1
    assert branches.dbsync("sync", "--dry-run", check=False).rc == 1


@pytest.mark.parametrize("way", ["dbsync merge", "dbsync rebase", "alembic merge heads"])
def test_when_the_heads_are_one_the_rest_is_applied(branches: Project, way: str):
    merge(branches)
    program, *words = way.split()
    branches.dbsync(*words) if program == "dbsync" else branches.alembic(*words)
    branches.commit("One head")
    assert_follows(branches)


def test_phantoms_come_down_and_the_common_part_goes_up(branches: Project):
    branches.switch("main")
    branches.switch("--quiet", "-c", "both", "HEAD~2")
    branches.table("c2", "r1")
    branches.commit("Add c2")
    branches.git("branch", "--quiet", "base")
    branches.table("x3", "c2")
    branches.commit("Add x3")
    branches.switch("--quiet", "-c", "other", "base")
    branches.table("y3", "c2")
    branches.commit("Add y3")
    branches.git("merge", "--quiet", "--no-edit", "both")
    branches.switch("feature")
    assert_follows(branches)
    done = branches.switch("other")
    assert state_of(branches.database).versions == ("c2",)
    assert_at_the_fork(branches, "x3", "y3")
    assert "f2 -> c2" in done.err


def test_going_away_and_coming_back_keeps_to_the_fork(branches: Project):
    merge(branches)
    branches.switch("main")
    assert_follows(branches)
    branches.switch("feature")
    assert_at_the_fork(branches, "f2")
    branches.git("reset", "--quiet", "--hard", "HEAD~1")
    branches.dbsync("sync")
    assert_follows(branches)


def test_what_plain_alembic_applied_above_the_fork_stays(branches: Project):
    merge(branches)
    branches.alembic("upgrade", "heads")
    assert state(branches) == "in_sync"
    assert branches.dbsync("sync").rc == 0
    assert state_of(branches.database).versions == ("f2", "m3")
    assert_in_sync(branches, ignore_column_order=True)


def test_a_revision_above_the_fork_that_was_edited_is_applied_as_it_is_now(branches: Project):
    merge(branches)
    path = branches.top / branches.revision_path("f2", "create t_f2")
    path.write_text(path.read_text().replace("sa.String(50)", "sa.String(99)"))
    branches.dbsync("sync", check=False)
    assert_at_the_fork(branches, "m2", "m3")


@pytest.mark.parametrize("wanted", ["heads", "labels"])
def test_heads_that_are_wanted_are_all_applied(branches: Project, wanted: str):
    if wanted == "heads":
        branches.write("pyproject.toml", "[tool.dbsync]\nheads = 2\n")
        branches.commit("Two heads are meant")
    else:
        branches.switch("--quiet", "main")
        branches.revision("m4", "m3", branch_labels=("theirs",))
        branches.commit("Label theirs")
        branches.switch("--quiet", "feature")
        branches.revision("f3", "f2", branch_labels=("ours",))
        branches.commit("Label ours")
    done = merge(branches)
    assert codes(done) == []
    assert_follows(branches)


def test_a_database_is_built_to_the_fork(branches: Project):
    merge(branches)
    branches.path("dev.db").unlink()
    done = branches.dbsync("init", "--yes", check=False)
    assert (done.rc, codes(done)) == (0, ["DBS320"])
    assert_at_the_fork(branches, "f2", "m2", "m3")


def test_an_uncommitted_second_head_is_held_back(branches: Project):
    branches.table("g2", "r1")
    done = branches.dbsync("sync", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS320"])
    assert database_status(branches)["pending"] == ["g2"]
    branches.remove(branches.revision_path("g2", "create t_g2"))
    branches.dbsync("sync")
    assert_follows(branches)


def test_a_ref_with_a_fork_is_held_at_it(branches: Project):
    merge(branches)
    branches.switch("main")
    done = branches.dbsync("sync", "--to", "feature", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS320"])
    branches.dbsync("sync")
    assert_follows(branches)


@pytest.mark.postgres
def test_on_postgresql(postgres_project: Project):
    project = postgres_project
    project.table("r1")
    project.commit("Add r1")
    project.alembic("upgrade", "heads")
    project.dbsync("init", "--yes")
    project.switch("--quiet", "-c", "feature")
    project.table("f2", "r1")
    project.commit("Add f2")
    project.switch("--quiet", "main")
    path = project.table("m2", "r1")
    project.commit("Add m2")
    project.switch("--quiet", "feature")
    assert "f2, m2 fork at r1" in merge(project).err
    assert state_of(project.url).versions == ("f2",)
    assert_in_sync(project, leave_out=(str(path.relative_to(project.top)),))
    assert state(project) == "forked"
    project.dbsync("merge")
    assert_in_sync(project)

"""Merges, rebases, amends and picks: what changes history while its revisions are applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_at_the_fork, assert_follows, codes, database_status, dump, follow, sql, state
from tests.support.schema import assert_in_sync, state_of

if TYPE_CHECKING:
    from tests.support.project import Project


@pytest.fixture
def forked(project: Project) -> Project:
    """Give a project on feature (r1, f2, f3), with main at (r1, m2); its database follows Git."""
    return fork(project)


@pytest.fixture
def wanted(project: Project) -> Project:
    """Give the same, where several revision heads are wanted: all of them are followed."""
    project.write("pyproject.toml", "[tool.dbsync]\nheads = 3\n")
    return fork(project)


def fork(project: Project) -> Project:
    project.table("r1")
    project.commit("Add r1")
    project.table("m2", "r1")
    project.commit("Add m2")
    project.switch("--quiet", "-c", "feature", "HEAD~1")
    project.table("f2", "r1")
    project.commit("Add f2")
    project.column("f3", "f2", "t_f2", "extra")
    project.commit("Add f3")
    return follow(project)


def test_a_fast_forward_merge(forked: Project):
    forked.switch("--detach", "main~1")
    done = forked.git("merge", "feature")
    assert "Fast-forward" in done.out
    assert_follows(forked)


def test_a_true_merge_has_two_revision_heads_until_a_merge_revision(forked: Project):
    forked.git("merge", "--quiet", "--no-edit", "main")
    assert state_of(forked.database).versions == ("f3",)
    assert_at_the_fork(forked, "m2")
    forked.revision("j4", ("f3", "m2"))
    forked.commit("Merge the revision heads")
    assert state_of(forked.database).versions == ("j4",)
    assert_follows(forked)
    forked.switch("main")
    assert_follows(forked)
    forked.switch("feature")
    assert_follows(forked)
    forked.git("reset", "--hard", "--quiet", "HEAD~2")
    forked.dbsync("ensure")
    assert_follows(forked)


def test_a_merge_with_a_conflict_is_followed_when_it_is_committed(wanted: Project):
    wanted.write("notes", "feature")
    wanted.commit("Notes here")
    wanted.switch("main")
    wanted.write("notes", "main")
    wanted.commit("Notes there")
    before = dump(wanted)
    assert wanted.git("merge", "feature", check=False).rc == 1
    assert before == dump(wanted)
    wanted.write("notes", "both")
    wanted.git("add", "notes")
    wanted.git("commit", "--quiet", "--no-edit")
    assert_follows(wanted)


def test_a_conflict_in_a_revision_is_an_obstacle_until_it_is_resolved(forked: Project):
    forked.switch("main")
    path = forked.table("x9", "m2")
    forked.commit("Add x9")
    forked.switch("--quiet", "-c", "other", "HEAD~1")
    forked.column("x9", "m2", "t_m2", "other").rename(path)
    forked.commit("Add another x9")
    assert_follows(forked)
    before = dump(forked)
    assert forked.git("merge", "main", check=False).rc == 1
    done = forked.dbsync("ensure", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS102"])
    assert state(forked) == "blocked"
    assert before == dump(forked)
    forked.git("checkout", "--theirs", str(path))
    forked.git("add", str(path))
    forked.git("commit", "--quiet", "--no-edit")
    assert_follows(forked)


def test_an_aborted_merge_changes_nothing(forked: Project):
    forked.git("merge", "--no-commit", "--no-ff", "main")
    forked.git("merge", "--abort")
    forked.dbsync("ensure")
    assert_follows(forked)


def test_a_squashed_merge(wanted: Project):
    wanted.switch("main")
    wanted.git("merge", "--squash", "feature")
    assert_follows(wanted)
    wanted.git("commit", "--quiet", "-m", "Squashed")
    assert_follows(wanted)


@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_a_rebase_moves_once_at_its_end(wanted: Project, backend: str):
    done = wanted.git("rebase", backend, "main")
    assert done.err.count("dbsync: dev.db  -0 +1  f3 -> f3, m2") == 1, done.err
    assert_follows(wanted)


def test_a_rebase_that_stops_waits_for_its_end(wanted: Project):
    wanted.write("notes", "feature")
    wanted.commit("Notes here")
    wanted.git("switch", "--quiet", "main")
    wanted.write("notes", "main")
    wanted.commit("Notes there")
    wanted.switch("feature")
    before = dump(wanted)
    assert wanted.git("rebase", "main", check=False).rc == 1
    assert before == dump(wanted)
    wanted.write("notes", "both")
    wanted.git("add", "notes")
    wanted.git("-c", "core.editor=true", "rebase", "--continue")
    assert_follows(wanted)


def test_an_aborted_rebase_is_settled_by_ensure(forked: Project):
    forked.write("notes", "feature")
    forked.commit("Notes here")
    forked.git("switch", "--quiet", "main")
    forked.write("notes", "main")
    forked.commit("Notes there")
    forked.switch("feature")
    before = dump(forked)
    assert forked.git("rebase", "main", check=False).rc == 1
    forked.git("rebase", "--abort")
    forked.dbsync("ensure")
    assert before == dump(forked)
    assert_follows(forked)


def test_an_interactive_rebase_that_drops_a_revision(forked: Project):
    forked.git("-c", "sequence.editor=sed -i 1d", "rebase", "-i", "HEAD~2")
    assert state(forked) == "blocked"  # f3 stays, on a parent that is gone


def test_an_interactive_rebase_that_only_goes_back_is_settled_by_ensure(forked: Project):
    forked.git("-c", "sequence.editor=sed -i 2d", "rebase", "-i", "HEAD~2")
    assert state(forked) == "pending_sync"
    forked.dbsync("ensure")
    assert_follows(forked)


def test_pull_with_rebase(forked: Project, tmp_path):
    remote = tmp_path / "remote"
    forked.git("clone", "--quiet", str(forked.top), str(remote))
    forked.git("remote", "add", "origin", str(remote))
    forked.git("-C", str(remote), "switch", "--quiet", "main")
    forked.git("fetch", "--quiet", "origin")
    forked.git("branch", "--quiet", "--set-upstream-to", "origin/main")
    done = forked.git("pull", "--rebase", "--quiet")
    assert "f3, m2 fork at r1: above it nothing more is applied" in done.err
    assert state_of(forked.database).versions == ("f3",)
    assert_at_the_fork(forked, "m2")


def test_an_amended_revision_goes_down_as_it_was_and_up_as_it_is(forked: Project):
    path = forked.column("f4", "f3", "t_f2", "before")
    forked.commit("Add f4")
    path.write_text(path.read_text().replace("before", "after_"))
    assert database_status(forked)["rewritten"] == ["f4"]
    assert state(forked) == "diverged"
    forked.git("commit", "--quiet", "-a", "--amend", "--no-edit")
    assert_follows(forked)


def test_an_edited_revision_in_the_middle_takes_down_what_builds_on_it(forked: Project):
    path = forked.top / forked.revision_path("f2", "create t_f2")
    path.write_text(path.read_text().replace("sa.String(50)", "sa.String(99)"))
    forked.commit("Longer")
    assert_follows(forked)


def test_a_comment_or_a_docstring_is_no_change(forked: Project):
    path = forked.top / forked.revision_path("f3", "add extra to t_f2")
    sql(forked, "INSERT INTO t_f2 (extra) VALUES ('stays')")
    path.write_text(path.read_text().replace('"""Upgrade schema."""', '"""Say more."""  # and more'))
    done = forked.git("commit", "--quiet", "-a", "-m", "Say more")
    assert codes(done) == []
    assert state(forked) == "in_sync"
    assert_in_sync(forked)
    assert sql(forked, "SELECT extra FROM t_f2") == [("stays",)]


def test_a_revision_with_another_parent(forked: Project):
    forked.git("merge", "--quiet", "--no-edit", "main")
    path = forked.top / forked.revision_path("f2", "create t_f2")
    path.write_text(path.read_text().replace("'r1'", "'m2'"))
    assert database_status(forked)["re_parented"] == ["f2"]
    assert state(forked) == "diverged"
    forked.commit("Put f2 on top of m2")
    assert state_of(forked.database).versions == ("f3",)
    assert_follows(forked)


def test_a_rebased_revision_that_was_re_parented_on_the_way(forked: Project):
    path = forked.revision_path("f2", "create t_f2")
    script = f"sed -i \"s/= 'r1'/= 'm2'/\" {path} && git commit -q -a --amend --no-edit"
    forked.git("rebase", "--quiet", "--exec", script, "main")
    assert state_of(forked.database).versions == ("f3",)
    assert_follows(forked)


def test_a_renumbered_revision(forked: Project):
    old = forked.top / forked.revision_path("f3", "add extra to t_f2")
    old.unlink()
    forked.column("g3", "f2", "t_f2", "extra")
    forked.commit("Renumber")
    assert state_of(forked.database).versions == ("g3",)
    assert_follows(forked)


def test_two_revisions_that_change_places(forked: Project):
    forked.table("f4", "f3")
    forked.commit("Add f4")
    third, fourth = (
        forked.top / forked.revision_path(*one) for one in (("f3", "add extra to t_f2"), ("f4", "create t_f4"))
    )
    third.write_text(third.read_text().replace("'f2'", "'f4'"))
    fourth.write_text(fourth.read_text().replace("'f3'", "'f2'"))
    forked.commit("Swap")
    assert state_of(forked.database).versions == ("f3",)
    assert_follows(forked)


def test_cherry_picks(wanted: Project):
    wanted.switch("main")
    wanted.git("cherry-pick", "feature~1")
    assert_follows(wanted)
    wanted.git("reset", "--quiet", "--hard", "HEAD~1")
    wanted.git("cherry-pick", "feature~1", "feature")
    wanted.dbsync("ensure")
    assert_follows(wanted)


def test_a_revert(forked: Project):
    forked.git("revert", "--no-edit", "HEAD")
    assert_follows(forked)
    forked.git("revert", "--no-edit", "HEAD")
    assert_follows(forked)


@pytest.mark.parametrize("noticed_by", ["ensure", "sync", "hook"])
def test_a_hard_reset_is_caught_later(forked: Project, noticed_by: str):
    forked.git("reset", "--quiet", "--hard", "HEAD~1")
    assert state(forked) == "ahead"
    if noticed_by == "hook":
        forked.switch("-c", "next")
    else:
        forked.dbsync(noticed_by)
    assert_follows(forked)
    forked.git("reset", "--quiet", "--hard", "ORIG_HEAD")
    assert state(forked) == "behind"
    forked.dbsync("ensure")
    assert_follows(forked)


@pytest.mark.parametrize("recorded", [False, True], ids=["noticed later", "recorded"])
def test_a_stash_takes_an_untracked_applied_revision_away_and_back(forked: Project, recorded: bool):
    forked.recorded = recorded
    forked.table("f4", "f3")
    forked.alembic("upgrade", "head")
    forked.git("stash", "--quiet", "--include-untracked")
    found = database_status(forked)
    assert (found["state"], found["phantom"], found["missing"]) == ("ahead", ["f4"], [])
    forked.dbsync("ensure")
    assert_follows(forked)
    forked.git("stash", "pop", "--quiet")
    forked.dbsync("ensure")
    assert_follows(forked)


def test_a_hook_in_the_middle_of_a_stash_that_is_applied_at_the_end(wanted: Project):
    wanted.table("m5", "r1")
    wanted.git("add", "--all")
    wanted.git("rebase", "--quiet", "--autostash", "main")
    wanted.dbsync("ensure")
    assert_follows(wanted)

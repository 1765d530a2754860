"""Plain `git switch` and `git checkout`: the database is what each work tree says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_follows, codes, dump, follow, ledger_entries, state, status
from tests.support.schema import state_of

if TYPE_CHECKING:
    from tests.support.project import Project


@pytest.fixture
def branches(project: Project) -> Project:
    """Give a project on main (r1, m2) with a branch feature (r1, f2, f3); its database follows Git."""
    project.table("r1")
    project.commit("Add r1")
    project.switch("--quiet", "-c", "feature")
    project.table("f2", "r1")
    project.commit("Add f2")
    project.column("f3", "f2", "t_f2", "extra")
    project.commit("Add f3")
    project.switch("--quiet", "main")
    project.table("m2", "r1")
    project.commit("Add m2")
    return follow(project)


def test_a_switch_goes_down_with_the_old_branch_and_up_with_the_new(branches: Project):
    assert_follows(branches)
    done = branches.switch("feature")
    assert "dbsync: dev.db  -1 +2  m2 -> f3" in done.err
    assert_follows(branches)
    branches.switch("-")
    assert_follows(branches)


def test_a_detached_head_a_tag_and_a_parent_are_followed(branches: Project):
    branches.git("tag", "v1", "feature~1")
    for ref in ("v1", "feature", "HEAD~2", "main"):
        branches.switch("--detach", ref)
        assert_follows(branches)
    branches.git("checkout", "v1")
    assert_follows(branches)


def test_only_up_and_only_down(branches: Project):
    branches.switch("--detach", "main~1")
    assert_follows(branches)
    done = branches.switch("feature")
    assert "-0 +2" in done.err
    done = branches.switch("--detach", "main~1")
    assert "-2 +0" in done.err
    assert_follows(branches)


def test_a_branch_that_was_fetched_is_followed_at_its_first_visit(branches: Project, tmp_path):
    branches.run("git", "clone", "--quiet", str(branches.top), str(tmp_path / "other"), check=True)
    branches.git("remote", "add", "origin", str(tmp_path / "other"))
    branches.git("fetch", "--quiet", "origin")
    branches.git("branch", "--quiet", "-D", "feature")
    branches.git("-C", str(tmp_path / "other"), "branch", "--quiet", "new", "origin/feature")
    branches.git("fetch", "--quiet", "origin")
    branches.switch("new")
    assert_follows(branches)


def test_a_switch_that_brings_nothing_about_migrations_says_nothing(branches: Project):
    branches.switch("--quiet", "-c", "docs")
    branches.write("README", "text")
    branches.commit("Add a README")
    assert "dbsync" not in branches.switch("main").err
    assert "dbsync" not in branches.switch("docs").err
    assert_follows(branches)


def test_a_branch_without_migrations_never_takes_the_database_to_base(branches: Project):
    branches.git("rm", "-rq", "migrations/versions")
    branches.git("switch", "--quiet", "-c", "none")
    branches.commit("Remove the revisions")
    before = dump(branches)
    done = branches.switch("main")
    assert_follows(branches)
    done = branches.switch("none")
    assert codes(done) == ["DBS108"] or codes(done) == ["DBS301"]
    assert before == dump(branches)
    assert branches.dbsync("ensure", check=False).rc == 1
    assert branches.dbsync("sync", "--yes", check=False).rc == 1
    assert state(branches) == "blocked"
    assert before == dump(branches)


def test_an_orphan_branch_leaves_the_database(branches: Project):
    before = dump(branches)
    done = branches.switch("--orphan", "pages")
    assert codes(done) == ["DBS301"]
    assert before == dump(branches)
    branches.write("index.html", "")
    branches.commit("Pages")
    assert before == dump(branches)
    assert branches.dbsync("ensure", check=False).rc == 1
    branches.switch("feature")
    assert_follows(branches)


def test_a_deleted_branch_whose_objects_are_gone_is_left_with_the_ledgers_source(branches: Project):
    branches.switch("feature")
    branches.git("switch", "--quiet", "--detach", "main", check=True)
    branches.git("switch", "feature")
    with_off = {"DBSYNC": "off"}
    branches.git("switch", "--quiet", "main", env=with_off)
    branches.git("branch", "-D", "feature")
    branches.git("reflog", "expire", "--expire=now", "--all")
    branches.git("gc", "--quiet", "--prune=now")
    assert state_of(branches.database).versions == ("f3",)
    branches.dbsync("ensure")
    assert_follows(branches)


def test_checking_out_files_of_another_branch_is_followed(branches: Project):
    branches.write("pyproject.toml", "[tool.dbsync]\nheads = 2\n")
    branches.git("checkout", "feature", "--", "migrations/versions")
    assert_follows(branches)
    branches.git(
        "rm", "-rfq", "--", "migrations/versions/f3_add_extra_to_t_f2.py", "migrations/versions/f2_create_t_f2.py"
    )
    branches.dbsync("ensure")
    assert_follows(branches)


def test_a_restored_file_takes_its_revision_back_to_what_head_says(branches: Project):
    path = branches.column("m3", "m2", "t_m2", "one")
    branches.commit("Add m3")
    path.write_text(path.read_text().replace('"one"', '"two"'))
    branches.dbsync("sync")
    assert_follows(branches)
    branches.git("restore", "migrations")
    assert_follows(branches)


def test_a_linked_work_tree_never_moves_the_database(branches: Project, tmp_path):
    before = dump(branches)
    linked = tmp_path / "linked"
    done = branches.git("worktree", "add", str(linked), "feature")
    assert before == dump(branches)
    done = branches.git("-C", str(linked), "switch", "--detach", "main~1")
    assert done.rc == 0
    assert before == dump(branches)
    assert_follows(branches)


def test_bisect_waits_and_its_reset_syncs(branches: Project):
    for number in range(3, 7):
        branches.table(f"m{number}", f"m{number - 1}")
        branches.commit(f"Add m{number}")
    before = dump(branches)
    branches.git("bisect", "start", "HEAD", "HEAD~4")
    branches.git("bisect", "good")
    assert before == dump(branches)
    assert state(branches) == "pending_sync"
    branches.git("bisect", "reset")
    assert_follows(branches)


def test_what_the_hooks_leave_as_git_left_it(branches: Project):
    def snapshot():
        head = branches.git("status", "--porcelain=v2", "--branch").out
        refs = branches.git("for-each-ref").out
        index = branches.path(".git/index").read_bytes()
        return head, refs, index, branches.git("config", "--list", "--local").out

    branches.git("switch", "--quiet", "feature", env={"DBSYNC": "off"})
    branches.write("notes.txt", "untracked")
    before = snapshot()
    branches.dbsync("hook", "post-checkout", branches.rev("main"), branches.rev("feature"), "1")
    assert before == snapshot()
    assert_follows(branches)


@pytest.mark.parametrize("off", ["variable", "enabled", "auto"])
def test_when_switched_off_hooks_say_and_do_nothing(branches: Project, off: str):
    env = {"DBSYNC": "off"} if off == "variable" else {}
    if off == "enabled":
        branches.git("config", "dbsync.enabled", "false")
    elif off == "auto":
        branches.git("config", "dbsync.auto", "never")
    before = dump(branches)
    done = branches.git("switch", "feature", env=env)
    assert "dbsync" not in done.err
    assert before == dump(branches)
    if off != "auto":
        assert branches.dbsync("ensure", env=env).rc == 0
        assert before == dump(branches)
    assert branches.dbsync("status").rc == 0
    assert branches.dbsync("status", "--exit-code", check=False).rc == 1
    assert branches.dbsync("sync").rc == 0
    assert_follows(branches)


def test_a_dry_run_shows_the_plan_and_changes_nothing(branches: Project):
    branches.git("switch", "--quiet", "feature", env={"DBSYNC": "off"})
    before, ledger = dump(branches), ledger_entries(branches)
    done = branches.dbsync("sync", "--dry-run")
    assert "phantom m2" in done.out
    assert "pending f2, f3" in done.out
    assert (before, ledger) == (dump(branches), ledger_entries(branches))
    done = branches.dbsync("sync", "--dry-run", "--to", "main~1")
    assert "phantom m2" in done.out
    assert (before, ledger) == (dump(branches), ledger_entries(branches))
    assert None is status(branches)["environments"][0]["held"]


def test_sync_to_holds_the_database_until_sync(branches: Project):
    branches.dbsync("sync", "--to", "feature~1")
    assert state_of(branches.database).versions == ("f2",)
    assert branches.rev("feature~1") == status(branches)["environments"][0]["held"]
    done = branches.switch("feature")
    assert codes(done) == ["DBS306"]
    assert state_of(branches.database).versions == ("f2",)
    done = branches.dbsync("ensure", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS306"])
    assert branches.dbsync("sync", "--to", "nowhere", check=False).rc == 2
    branches.dbsync("sync")
    assert_follows(branches)
    branches.switch("main")
    assert_follows(branches)


def test_a_sync_to_that_cannot_be_done_holds_nothing(branches: Project):
    branches.switch("--quiet", "feature")
    branches.revision("f9", "f3", 'op.execute("no SQL")')
    branches.commit("Add f9", verify=False)
    branches.switch("--quiet", "main")
    before = dump(branches)
    done = branches.dbsync("sync", "--to", "feature", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS413"])
    assert before == dump(branches)
    assert branches.dbsync("ensure").rc == 0
    assert_follows(branches)


def test_hostile_names_are_only_names(branches: Project):
    name = "features/$(touch${IFS}pwned);`touch${IFS}pwned`-é"
    branches.git("branch", name, "feature")
    branches.switch(name)
    assert not branches.path("pwned").exists()
    assert_follows(branches)

"""Whose commits a hook may run, judged by real repositories: a clone, its colleagues' remote, and a stranger's fork."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dbsync.git.repository import Repository
from dbsync.store.layout import Layout
from dbsync.store.trust import Trust
from tests.support.project import Project

if TYPE_CHECKING:
    from pathlib import Path

COLLEAGUE = {
    "GIT_AUTHOR_NAME": "Col",
    "GIT_AUTHOR_EMAIL": "col@example.invalid",
    "GIT_COMMITTER_NAME": "Col",
    "GIT_COMMITTER_EMAIL": "col@example.invalid",
}
STRANGER = {
    "GIT_AUTHOR_NAME": "Mallory",
    "GIT_AUTHOR_EMAIL": "m@example.invalid",
    "GIT_COMMITTER_NAME": "Mallory",
    "GIT_COMMITTER_EMAIL": "m@example.invalid",
}
ADA = {"GIT_AUTHOR_NAME": "Ada Tester", "GIT_AUTHOR_EMAIL": "ada@example.invalid"}


class Clone(Project):
    """A developer's clone after `dbsync init`, and the two others who write commits."""

    @classmethod
    def make(cls, folder: Path, setting: str = "") -> Clone:
        colleague = Project(folder / "colleague")
        colleague.environ = dict(COLLEAGUE)
        colleague.top.mkdir(parents=True)
        colleague.git("init", "--quiet")
        colleague.write("a", "1\n2\n3\n4\n5\n6\n7\n8\n")
        colleague.commit("Start")
        colleague.git("clone", "--quiet", "--bare", ".", "../origin.git")
        colleague.git("remote", "add", "origin", str(folder / "origin.git"))
        colleague.git("push", "--quiet", "--set-upstream", "origin", "main")
        clone = cls(folder / "clone")
        colleague.git("clone", "--quiet", "../origin.git", "../clone")
        stranger = Project(folder / "fork")
        stranger.environ = dict(STRANGER)
        colleague.git("clone", "--quiet", "../origin.git", "../fork")
        clone.colleague, clone.stranger = colleague, stranger
        clone.setting = setting
        clone.trust().start()
        return clone

    def trust(self) -> Trust:
        repository = Repository.discover(str(self.top), self.environment())
        return Trust(repository, Layout(repository.state_dir), self.setting or "branches")

    def trusts(self, ref: str = "HEAD") -> bool:
        return self.trust().judge(self.rev(ref)).trusted

    def change(self, path: str, text: str = "text\n", message: str = "") -> str:
        self.write(path, text)
        return self.commit(message or f"Change {path}")

    def published(self, path: str = "theirs", text: str = "text\n") -> str:
        """Let the colleague push a commit to main, and fetch it."""
        self.colleague.git("pull", "--quiet")
        self.colleague.clock = self.clock
        self.colleague.write(path, text)
        commit = self.colleague.commit(f"Change {path}")
        self.colleague.git("push", "--quiet")
        self.git("fetch", "--quiet")
        return commit

    def proposed(self, path: str = "evil", text: str = "text\n", *, env: dict[str, str] | None = None) -> str:
        """Let the stranger propose a commit as pull request 1 of the same server; nothing is fetched."""
        self.stranger.environ |= env or {}
        self.stranger.clock = self.clock
        self.stranger.write(path, text)
        commit = self.stranger.commit("Improve things")
        self.stranger.git("push", "--quiet", "--force", "origin", "HEAD:refs/pull/1/head")
        return commit


@pytest.fixture
def clone(tmp_path) -> Clone:
    return Clone.make(tmp_path)


def git_editing(script: str) -> dict[str, str]:
    return {"GIT_SEQUENCE_EDITOR": script, "GIT_EDITOR": "true"}


# one's own work


def test_a_fresh_clone_is_trusted(clone):
    assert clone.trusts()


def test_commits_made_here_are_trusted(clone):
    clone.change("b")
    clone.change("c")

    assert clone.trusts()


def test_commits_made_before_init_are_trusted_though_no_reflog_knows_them(tmp_path):
    clone = Clone.make(tmp_path)
    clone.path(".git/dbsync/trust.json").unlink()
    clone.change("b")
    clone.git("switch", "--quiet", "--create", "other")
    clone.change("c")
    clone.git("switch", "--quiet", "main")
    clone.git("reflog", "expire", "--expire=all", "--all")
    clone.trust().start()

    assert clone.trusts()
    assert clone.trusts("other")


def test_what_was_judged_once_stays_trusted_when_its_reflog_has_expired(clone):
    clone.change("b")
    assert clone.trusts()
    clone.git("reflog", "expire", "--expire=all", "--all")

    assert clone.trusts()


@pytest.mark.parametrize("way", [[], ["--apply"], ["--no-ff"]])
def test_an_own_branch_rebased_onto_the_remotes_is_trusted(clone, way):
    clone.git("switch", "--quiet", "--create", "feature")
    clone.change("b")
    clone.change("c")
    clone.published()
    clone.git("rebase", "--quiet", *way, "origin/main")

    assert clone.trusts()


def test_an_own_branch_rebased_from_another_branch_is_trusted(clone):
    clone.git("switch", "--quiet", "--create", "feature")
    clone.change("b")
    clone.published()
    clone.git("switch", "--quiet", "main")
    clone.git("rebase", "--quiet", "origin/main", "feature")

    assert clone.trusts("feature")


def test_a_pushed_own_branch_rebased_and_not_pushed_again_is_trusted(clone):
    clone.git("switch", "--quiet", "--create", "feature")
    clone.change("a", "mine\n2\n3\n4\n5\n6\n7\n8\n")
    clone.git("push", "--quiet", "origin", "feature")
    clone.published("a", "theirs\n2\n3\n4\n5\n6\n7\n8\n")
    clone.git("rebase", "--quiet", "origin/main", check=False)
    clone.write("a", "both\n2\n3\n4\n5\n6\n7\n8\n")
    clone.git("add", "a")
    clone.git("rebase", "--continue", env={"GIT_EDITOR": "true"})

    assert clone.trusts()


def test_a_rebase_with_a_resolved_conflict_is_trusted(clone):
    clone.git("switch", "--quiet", "--create", "feature")
    clone.change("b")
    clone.change("a", "mine\n")
    clone.published("a", "theirs\n")
    clone.git("rebase", "--quiet", "origin/main", check=False)
    clone.write("a", "both\n")
    clone.git("add", "a")
    clone.git("rebase", "--continue", env={"GIT_EDITOR": "true"})

    assert clone.trusts()


def test_autosquash_with_fixup_and_squash_is_trusted(clone):
    clone.git("switch", "--quiet", "--create", "feature")
    clone.change("b", "1\n", "one")
    clone.change("c", "1\n", "two")
    clone.change("b", "2\n", "fixup! one")
    clone.change("c", "2\n", "squash! two")
    clone.git("rebase", "--quiet", "--interactive", "--autosquash", "origin/main", env=git_editing("true"))

    assert clone.trusts()
    assert len(clone.git("rev-list", "origin/main..HEAD").out.split()) == 2


def test_reword_edit_and_reorder_are_trusted(clone):
    clone.git("switch", "--quiet", "--create", "feature")
    for name in ("b", "c", "d"):
        clone.change(name)
    edit = git_editing("sed -i -e '1s/pick/reword/' -e '2s/pick/edit/'")
    clone.git("rebase", "--quiet", "--interactive", "origin/main", env={**edit, "GIT_EDITOR": "sed -i 1s/^/Re/"})
    clone.write("c", "more\n")
    clone.git("add", "c")
    clone.git("commit", "--quiet", "--amend", "--no-edit")
    clone.git("rebase", "--continue", env={"GIT_EDITOR": "true"})
    edit = git_editing("sed -i -e '1{h;d}' -e '2G'")
    clone.git("rebase", "--quiet", "--interactive", "origin/main", env=edit)

    assert clone.trusts()


def test_a_rebase_of_a_detached_head_is_trusted(clone):
    clone.git("switch", "--quiet", "--detach")
    clone.change("b")
    clone.published()
    clone.git("rebase", "--quiet", "origin/main")

    assert clone.trusts()


def test_rebased_merges_are_trusted(clone):
    clone.git("switch", "--quiet", "--create", "side")
    clone.change("b")
    clone.git("switch", "--quiet", "--create", "feature", "main")
    clone.change("c")
    clone.git("merge", "--quiet", "--no-edit", "side")
    clone.published()
    clone.git("rebase", "--quiet", "--rebase-merges", "origin/main")

    assert clone.trusts()


def test_an_amended_own_commit_is_trusted_however_often(clone):
    clone.change("b")
    for number in range(3):
        clone.write("b", f"{number}\n")
        clone.git("commit", "--quiet", "--all", "--amend", "--no-edit")

    assert clone.trusts()


def test_an_amended_commit_of_a_colleague_is_trusted(clone):
    clone.published()
    clone.git("merge", "--quiet")
    clone.write("theirs", "mine\n")
    clone.git("commit", "--quiet", "--all", "--amend", "--no-edit")

    assert clone.trusts()


def test_own_and_a_colleagues_commit_may_be_picked(clone):
    clone.git("switch", "--quiet", "--create", "one")
    mine = clone.change("b")
    clone.colleague.git("switch", "--quiet", "--create", "topic")
    clone.colleague.write("c", "text\n")
    theirs = clone.colleague.commit("Topic")
    clone.colleague.git("push", "--quiet", "origin", "topic")
    clone.git("fetch", "--quiet")
    clone.git("switch", "--quiet", "--create", "two", "origin/main")
    clone.change("d")
    clone.git("cherry-pick", mine, theirs)

    assert clone.trusts()


def test_a_revert_is_trusted(clone):
    clone.change("b")
    clone.git("revert", "--no-edit", "HEAD")
    assert clone.trusts()

    clone.published("theirs", "more\n")
    clone.git("merge", "--quiet", "--no-edit", "origin/main")
    clone.git("revert", "--no-edit", "origin/main")
    assert clone.trusts()


def test_merges_of_own_and_of_the_remotes_branches_are_trusted(clone):
    clone.git("switch", "--quiet", "--create", "feature")
    clone.change("b")
    clone.change("a", "mine\n")
    clone.git("switch", "--quiet", "main")
    clone.change("c")
    clone.git("merge", "--quiet", "--no-edit", "feature")
    clone.published("a", "theirs\n")
    clone.git("merge", "origin/main", check=False)
    clone.write("a", "both\n")
    clone.git("commit", "--quiet", "--all", "--no-edit")
    clone.published("d")
    clone.git("pull", "--quiet", "--no-rebase", "--no-edit")

    assert clone.trusts()


@pytest.mark.parametrize("way", ["--ff-only", "--rebase"])
def test_pulls_are_trusted(clone, way):
    if way == "--rebase":
        clone.change("b")
    clone.published()
    clone.git("pull", "--quiet", way)

    assert clone.trusts()


def test_commits_of_a_linked_work_tree_are_trusted_there_and_here_and_when_it_is_gone(clone, tmp_path):
    clone.git("worktree", "add", "--quiet", "-b", "feature", str(tmp_path / "linked"))
    linked = Clone(tmp_path / "linked")
    linked.setting = ""
    linked.change("b")
    linked.change("c")
    clone.published()
    linked.git("rebase", "--quiet", "origin/main")
    assert linked.trusts()

    clone.path(".git/dbsync/trust.json").write_text('{"tips": []}')
    clone.git("worktree", "remove", "--force", str(tmp_path / "linked"))
    assert clone.trusts("feature")


def test_a_commit_during_bisect_is_trusted(clone):
    clone.change("b")
    clone.change("c")
    clone.git("bisect", "start", "HEAD", "HEAD~2")
    clone.change("d")

    assert clone.trusts()


def test_a_stash_popped_and_branched_is_trusted(clone):
    clone.change("b")
    clone.write("b", "more\n")
    clone.git("stash")
    assert clone.trusts()

    clone.git("stash", "branch", "stashed")
    clone.change("c")
    assert clone.trusts()


def test_own_patches_sent_by_mail_are_trusted(clone):
    clone.git("switch", "--quiet", "--create", "feature")
    clone.change("b")
    mail = clone.git("format-patch", "--stdout", "main").out
    clone.git("switch", "--quiet", "--create", "other", "main")
    clone.change("c")
    clone.git("am", "--quiet", input=mail)

    assert clone.trusts()


def test_without_a_remote_there_are_no_strangers(project):
    repository = Repository.discover(str(project.top), os.environ)

    assert Trust(repository, Layout(repository.state_dir)).judge(repository.head_commit()).trusted


# the stranger's


def test_a_pull_request_fetched_to_a_local_branch_is_not_trusted(clone):
    commit = clone.proposed()
    clone.git("fetch", "--quiet", "origin", "refs/pull/1/head:pr")

    verdict = clone.trust().judge(clone.rev("pr"))
    assert verdict == (False, commit)


@pytest.mark.parametrize("place", ["refs/remotes/origin/pr", "refs/pull/origin", "refs/remotes/pr"])
def test_pull_requests_fetched_beside_the_branches_are_not_trusted(clone, place):
    clone.git("config", "--add", "remote.origin.fetch", f"+refs/pull/*/head:{place}/*")
    clone.proposed()
    clone.git("fetch", "--quiet")

    assert not clone.trusts(f"{place}/1")


def test_a_forks_remote_is_not_trusted(clone):
    clone.stranger.git("switch", "--quiet", "--create", "idea")
    clone.stranger.write("evil", "text\n")
    clone.stranger.commit("Improve")
    clone.git("remote", "add", "fork", str(clone.stranger.top))
    clone.git("fetch", "--quiet", "fork")
    clone.git("switch", "--quiet", "idea")

    assert not clone.trusts()


def test_what_a_fork_calls_its_head_does_not_make_it_the_tracked_remote(clone):
    clone.stranger.git("switch", "--quiet", "--create", "idea")
    clone.stranger.write("evil", "text\n")
    clone.stranger.commit("Improve")
    clone.git("remote", "add", "a-fork", str(clone.stranger.top))
    clone.git("fetch", "--quiet", "a-fork")
    clone.git("remote", "set-head", "a-fork", "idea")
    clone.git("switch", "--quiet", "idea")

    assert not clone.trusts()


def test_a_default_branch_of_any_name_and_a_remote_of_any_name_are_found(clone):
    clone.git("remote", "rename", "origin", "github")
    clone.git("branch", "--quiet", "-m", "main", "develop")
    clone.colleague.git("push", "--quiet", "origin", "main:develop", "main:topic")
    clone.git("fetch", "--quiet")
    clone.git("remote", "set-head", "github", "develop")
    clone.git("branch", "--quiet", "--set-upstream-to", "github/develop")
    clone.colleague.write("b", "text\n")
    clone.colleague.commit("Change")
    clone.colleague.git("push", "--quiet", "origin", "HEAD:topic")
    clone.git("fetch", "--quiet")

    assert clone.trusts("github/topic")


def test_a_fork_that_calls_itself_origin_is_not_the_tracked_remote(clone):
    clone.git("remote", "rename", "origin", "upstream")
    clone.git("remote", "add", "origin", str(clone.stranger.top))
    clone.stranger.git("switch", "--quiet", "--create", "idea")
    clone.stranger.write("evil", "text\n")
    clone.stranger.commit("Improve")
    clone.git("fetch", "--quiet", "origin")

    assert clone.trusts("upstream/main")
    assert not clone.trusts("origin/idea")


def test_a_mailed_patch_is_not_trusted(clone):
    clone.proposed()
    mail = clone.stranger.git("format-patch", "--stdout", "origin/main").out
    clone.git("am", "--quiet", input=mail)

    assert not clone.trusts()


def with_the_pull_request(clone, **kwargs) -> str:
    commit = clone.proposed(**kwargs)
    clone.git("fetch", "--quiet", "origin", "refs/pull/1/head:pr")
    return commit


def test_a_strangers_commit_stays_one_picked(clone):
    commit = with_the_pull_request(clone)
    clone.change("b")
    clone.git("cherry-pick", commit)

    assert not clone.trusts()


def test_a_strangers_commit_stays_one_picked_with_a_conflict(clone):
    commit = with_the_pull_request(clone, path="a")
    clone.change("a", "mine\n")
    clone.git("cherry-pick", commit, check=False)
    clone.write("a", "both\n")
    clone.git("add", "a")
    clone.git("cherry-pick", "--continue", env={"GIT_EDITOR": "true"})

    assert not clone.trusts()


def test_a_strangers_branch_stays_one_rebased(clone):
    with_the_pull_request(clone)
    clone.published()
    clone.git("rebase", "--quiet", "origin/main", "pr")

    assert not clone.trusts()


@pytest.mark.parametrize("message", [["--no-edit"], ["--message", "commit: mine"]])
def test_a_strangers_commit_stays_one_amended(clone, message):
    with_the_pull_request(clone)
    clone.git("switch", "--quiet", "pr")
    clone.git("commit", "--quiet", "--amend", "--reset-author", *message)

    assert not clone.trusts()


def test_a_strangers_commit_stays_one_reworded_or_edited_in_a_rebase(clone):
    with_the_pull_request(clone)
    clone.git("switch", "--quiet", "pr")
    edit = {**git_editing("sed -i 1s/pick/reword/"), "GIT_EDITOR": "sed -i 1s/^/Re/"}
    clone.git("rebase", "--quiet", "--interactive", "main", env=edit)
    assert not clone.trusts()

    clone.git("rebase", "--quiet", "--interactive", "main", env=git_editing("sed -i 1s/pick/edit/"))
    clone.git("commit", "--quiet", "--amend", "--message", "Mine")
    clone.git("rebase", "--continue")
    assert not clone.trusts()


def test_a_strangers_commit_stays_one_squashed_into_own_work(clone):
    commit = with_the_pull_request(clone)
    clone.git("switch", "--quiet", "--create", "feature")
    clone.change("b")
    clone.git("cherry-pick", commit)
    clone.git("rebase", "--quiet", "--interactive", "main", env=git_editing("sed -i 2s/pick/fixup/"))

    assert len(clone.git("rev-list", "main..HEAD").out.split()) == 1
    assert not clone.trusts()


def test_a_strangers_commit_put_into_a_rebase_by_hand_stays_one(clone):
    commit = with_the_pull_request(clone)
    clone.git("switch", "--quiet", "--create", "feature")
    clone.change("b")
    clone.published()
    edit = git_editing(f"sed -i '1i pick {commit}'")
    clone.git("rebase", "--quiet", "--interactive", "origin/main", env=edit)

    assert clone.path("evil").exists()
    assert not clone.trusts()


def test_a_strangers_commit_merged_here_is_not_trusted(clone):
    commit = with_the_pull_request(clone)
    clone.change("b")
    clone.git("merge", "--quiet", "--no-edit", "pr")

    assert clone.trust().judge(clone.rev("HEAD")) == (False, commit)


def test_a_strangers_merge_commit_fast_forwarded_to_is_not_trusted(clone):
    clone.stranger.git("switch", "--quiet", "--create", "side")
    clone.stranger.write("evil", "text\n")
    clone.stranger.commit("Evil")
    clone.stranger.git("switch", "--quiet", "main")
    clone.stranger.git("merge", "--quiet", "--no-ff", "--message", "Merge made by the 'ort' strategy.", "side")
    clone.stranger.git("push", "--quiet", "origin", "HEAD:refs/pull/1/head")
    clone.git("pull", "--quiet", "origin", "refs/pull/1/head")

    assert clone.rev("HEAD") == clone.stranger.rev("HEAD")
    assert not clone.trusts()


def test_own_commits_on_top_of_a_strangers_change_nothing(clone):
    commit = with_the_pull_request(clone)
    clone.git("switch", "--quiet", "pr")
    clone.change("b")
    clone.change("c")

    assert clone.trust().judge(clone.rev("HEAD")) == (False, commit)


def test_ones_own_name_on_a_strangers_commit_does_not_help_it(clone):
    mine = clone.change("b")
    stolen = {**ADA, "GIT_AUTHOR_DATE": clone.git("show", "-s", "--format=%aI", mine).out.strip()}
    commit = with_the_pull_request(clone, env=stolen)
    clone.git("cherry-pick", commit)

    authors = {clone.git("show", "--no-patch", "--format=%an%at", one).out for one in ("HEAD", mine)}
    assert len(authors) == 1
    assert not clone.trusts()


def test_a_patch_that_differs_in_white_space_alone_is_another_one(clone):
    clone.git("switch", "--quiet", "--create", "feature")
    mine = clone.change("b", "if safe:\n    check()\n    run()\n")
    stolen = {**ADA, "GIT_AUTHOR_DATE": clone.git("show", "-s", "--format=%aI", mine).out.strip()}
    commit = with_the_pull_request(clone, path="b", text="if safe:\n    check()\nrun()\n", env=stolen)
    clone.git("switch", "--quiet", "main")
    clone.change("c")
    clone.git("cherry-pick", commit)

    assert not clone.trusts()


def test_two_copies_of_a_strangers_commit_do_not_vouch_for_each_other(clone):
    commit = with_the_pull_request(clone)
    for branch in ("one", "two"):
        clone.git("switch", "--quiet", "--create", branch, "main")
        clone.change(branch)
        clone.git("cherry-pick", commit)

    assert not clone.trusts("one")
    assert not clone.trusts("two")


def test_a_revert_of_a_commit_that_only_the_stranger_has_is_not_trusted(clone):
    clone.stranger.write("evil", "run()\n")
    clone.stranger.commit("Evil")
    clone.stranger.remove("evil")
    gone = clone.stranger.commit("Nothing to see")
    clone.stranger.git("push", "--quiet", "origin", "HEAD:refs/pull/1/head")
    clone.git("fetch", "--quiet", "origin", "refs/pull/1/head")
    clone.git("revert", "--no-edit", gone)

    assert clone.path("evil").exists()
    assert not clone.trusts()


def test_an_amended_commit_whose_original_is_gone_is_not_trusted(clone):
    with_the_pull_request(clone)
    clone.git("switch", "--quiet", "pr")
    clone.git("commit", "--quiet", "--amend", "--message", "Mine")
    log = clone.path(".git/logs/HEAD").read_text()
    clone.git("branch", "--quiet", "-m", "mine")
    clone.git("reflog", "expire", "--expire=all", "--all")
    clone.git("update-ref", "-d", "ORIG_HEAD", check=False)
    clone.path(".git/FETCH_HEAD").unlink()
    clone.git("gc", "--quiet", "--prune=now")
    clone.path(".git/logs/HEAD").write_text(log)

    assert clone.git("cat-file", "-e", clone.stranger.rev("HEAD"), check=False).rc
    assert not clone.trusts()


def test_a_subject_that_reads_like_gits_own_words_changes_nothing(clone):
    clone.stranger.write("evil", "text\n")
    clone.stranger.commit("x: Merge made by the 'ort' strategy.")
    clone.stranger.git("commit", "--quiet", "--allow-empty", "--message", "rebase (finish): refs/heads/main onto 0000")
    clone.stranger.git("push", "--quiet", "origin", "HEAD:refs/pull/1/head")
    clone.git("fetch", "--quiet", "origin", "refs/pull/1/head:pr")
    clone.git("switch", "--quiet", "--create", "feature")
    clone.change("b")
    clone.git("cherry-pick", "--allow-empty", "main..pr")

    assert not clone.trusts()


# what a person said


def test_a_trusted_commit_and_what_it_is_built_on_are_trusted(clone):
    with_the_pull_request(clone)
    clone.git("switch", "--quiet", "pr")
    clone.change("b")
    clone.trust().add(clone.rev("pr"))
    assert clone.trusts()

    clone.proposed("worse")
    clone.git("pull", "--quiet", "--no-rebase", "--no-edit", "origin", "refs/pull/1/head")
    assert not clone.trusts()


def test_always_trusts_everybody(clone):
    with_the_pull_request(clone)
    clone.setting = "always"

    assert clone.trusts("pr")


def test_the_default_branch_alone_may_count(clone):
    clone.setting = "default-branch"
    clone.colleague.git("switch", "--quiet", "--create", "topic")
    clone.colleague.write("c", "text\n")
    clone.colleague.commit("Topic")
    clone.colleague.git("push", "--quiet", "origin", "topic")
    clone.colleague.git("switch", "--quiet", "main")
    clone.published()

    assert clone.trusts("origin/main")
    assert not clone.trusts("origin/topic")


# what cannot be told


def test_a_commit_that_is_not_there_is_not_trusted(clone):
    assert not clone.trust().judge("1" * 40).trusted
    assert not clone.trust().judge("").trusted


def test_a_damaged_history_is_not_trusted(clone):
    clone.change("b")
    lost = clone.change("c")
    clone.change("d")
    clone.path(f".git/objects/{lost[:2]}/{lost[2:]}").unlink()

    assert not clone.trusts()


def test_unreadable_records_trust_nobody_new(clone):
    with_the_pull_request(clone)
    clone.path(".git/dbsync/trust.json").write_bytes(b"\0{")

    assert clone.trusts("main")
    assert not clone.trusts("pr")

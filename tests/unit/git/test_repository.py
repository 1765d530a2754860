"""Finding a repository, and asking it."""

from __future__ import annotations

import os
import subprocess

import pytest

from dbsync.errors import EXIT_USAGE, DbsyncError
from dbsync.git.repository import Repository


def git(top, *args):
    """Run plain git."""
    return subprocess.run(["git", "-C", top, *args], capture_output=True, check=True, text=True).stdout.strip()


def found(folder, **environ):
    """Discover from a folder."""
    return Repository.discover(os.fspath(folder), {**os.environ, **environ})


@pytest.fixture
def top(tmp_path):
    """Give a repository without a commit."""
    folder = os.path.realpath(tmp_path / "a repo")
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


def commit(top, message="x"):
    """Commit nothing."""
    git(top, "commit", "-q", "--allow-empty", "-m", message)
    return git(top, "rev-parse", "HEAD")


@pytest.mark.parametrize("below", ["", "a", "a/b", "with space", "größe"])
def test_a_repository_is_found_from_any_folder_below(top, below):
    folder = os.path.join(top, below)
    os.makedirs(folder, exist_ok=True)

    repository = found(folder)

    assert (repository.top, repository.git_dir, repository.common_dir) == (top, f"{top}/.git", f"{top}/.git")
    assert repository.state_dir == f"{top}/.git/dbsync"


def test_a_work_tree_has_its_own_git_folder_and_the_common_one(top, tmp_path):
    commit(top)
    other = os.path.realpath(tmp_path / "other")
    git(top, "worktree", "add", "-q", "-b", "other", other)
    os.makedirs(f"{other}/a")

    for folder in (other, f"{other}/a"):
        repository = found(folder)
        assert (repository.top, repository.git_dir, repository.common_dir) == (
            other,
            f"{top}/.git/worktrees/other",
            f"{top}/.git",
        )


def test_through_a_link_the_real_folder_is_found(top, tmp_path):
    os.symlink(top, tmp_path / "link")

    assert found(tmp_path / "link").top == top


def test_the_variables_of_a_hook_do_not_lead_elsewhere(top, tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path / "other"], check=True)
    other = str(tmp_path / "other")

    repository = found(
        top, GIT_DIR=f"{other}/.git", GIT_WORK_TREE=other, GIT_PREFIX="x/", GIT_COMMON_DIR=f"{other}/.git"
    )

    assert repository.top == top


@pytest.mark.parametrize("kind", ["nothing", "bare", "inside .git", "broken"])
def test_where_there_is_no_work_tree_gits_reason_is_said(tmp_path, top, kind):
    folder = str(tmp_path)
    if kind == "bare":
        folder = str(tmp_path / "bare")
        subprocess.run(["git", "init", "-q", "--bare", folder], check=True)
    elif kind == "inside .git":
        folder = f"{top}/.git"
    elif kind == "broken":
        folder = top
        os.unlink(f"{top}/.git/HEAD")
    with pytest.raises(DbsyncError) as raised:
        found(folder)
    assert raised.value.exit_code == EXIT_USAGE
    assert raised.value.message
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_before_the_first_commit_there_is_a_branch_and_no_head(top):
    assert (found(top).head_commit(), found(top).branch()) == (None, "main")


def test_a_detached_head_is_on_no_branch(top):
    one = commit(top)
    git(top, "checkout", "-q", "--detach")

    assert (found(top).head_commit(), found(top).branch()) == (one, None)


@pytest.mark.parametrize("name", ["feature/billing", "größe", "-dash", "a'b", "$(x)", "a;b", "head", "@"])
def test_a_branch_of_any_name_is_resolved(top, name):
    one = commit(top)
    git(top, "update-ref", f"refs/heads/{name}", one)
    commit(top)
    git(top, "symbolic-ref", "HEAD", f"refs/heads/{name}")

    assert found(top).branch() == name
    assert found(top).head_commit() == one
    assert found(top).commit_of(f"refs/heads/{name}") == one
    if name != "@":
        assert found(top).commit_of(name) == one


@pytest.mark.parametrize(
    "name", ["", "gone", "--all", "--git-dir", "-h", "HEAD~9", "HEAD:", "a b", "*", "@{u}", "main..main", "^main"]
)
def test_what_names_no_commit_is_none_and_no_option(top, name):
    commit(top)

    assert found(top).commit_of(name) is None


def test_a_tag_and_a_short_id_name_their_commit(top):
    one = commit(top)
    git(top, "tag", "-a", "-m", "x", "v1")

    assert found(top).commit_of("v1") == found(top).commit_of(one[:8]) == one


def test_settings_are_read_with_their_order_and_their_line_ends(top):
    git(top, "config", "dbsync.allowHost", "a")
    git(top, "config", "--add", "dbsync.allowHost", "b\nc")
    git(top, "config", "dbsync.my env.ini.enabled", "true")
    git(top, "config", "other.key", "x")
    with open(f"{top}/.git/config", "a", encoding="utf-8") as file:
        file.write("[dbsync]\n\tquiet\n")

    repository = found(top)

    assert repository.settings() == {
        "dbsync.allowhost": ["a", "b\nc"],
        "dbsync.my env.ini.enabled": ["true"],
        "dbsync.quiet": [""],
    }
    assert repository.config("dbsync.allowHost") == "b\nc"
    assert repository.config_all("dbsync.allowHost") == ["a", "b\nc"]
    assert repository.config("dbsync.none") is None
    assert repository.config("other.key") == "x"


def test_a_failing_command_is_said_with_gits_reason(top):
    with pytest.raises(DbsyncError, match=r"^git cat-file: .*gone"):
        found(top).git("cat-file", "-t", "gone")

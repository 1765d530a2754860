"""The repository is read from its files as git reads it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from dbsync.plugin.repository import find_repository

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def make(top: Path, *options: str) -> Path:
    """Make a repository with a commit and with the folder in which databases that follow are noted."""
    top.mkdir(parents=True)
    git(top, "init", "--quiet", *options)
    git(top, "commit", "--quiet", "--allow-empty", "--message", "Start")
    (top / ".git/dbsync/databases").mkdir(parents=True)
    (top / "migrations").mkdir()
    return top


def test_it_is_found_from_below(tmp_path: Path):
    top = make(tmp_path / "project")
    assert find_repository(str(top / "migrations")).top == str(top)


def test_there_is_none_without_git_or_without_a_database_that_follows(tmp_path: Path):
    assert find_repository(str(tmp_path)) is None
    top = make(tmp_path / "project")
    (top / ".git/dbsync/databases").rmdir()
    assert find_repository(str(top / "migrations")) is None
    assert find_repository(str(tmp_path / "not there")) is None


@pytest.mark.parametrize("options", [[], ["--object-format=sha256"], ["--initial-branch=some/thing"]], ids=str)
def test_head_and_blobs_are_those_of_git(tmp_path: Path, options: list[str]):
    top = make(tmp_path / "project", *options)
    found = find_repository(str(top))
    assert found.head() == (git(top, "symbolic-ref", "--short", "HEAD"), git(top, "rev-parse", "HEAD"))
    (top / "file").write_bytes(b"content\r\n")
    assert found.blob_id(b"content\r\n") == git(top, "hash-object", "file")
    git(top, "pack-refs", "--all")
    assert found.head()[1] == git(top, "rev-parse", "HEAD")
    git(top, "switch", "--quiet", "--detach")
    assert found.head() == ("", git(top, "rev-parse", "HEAD"))
    git(top, "switch", "--quiet", "--orphan", "empty")
    assert found.head() == ("empty", "")


def test_a_submodule_has_its_own(tmp_path: Path):
    inner, outer = make(tmp_path / "inner"), make(tmp_path / "outer")
    git(outer, "submodule", "--quiet", "add", str(inner), "inner")
    assert find_repository(str(outer / "inner")) is None
    (outer / ".git/modules/inner/dbsync/databases").mkdir(parents=True)
    found = find_repository(str(outer / "inner"))
    assert (found.top, found.head()[1]) == (str(outer / "inner"), git(inner, "rev-parse", "HEAD"))


def test_all_work_trees_share_what_follows_and_lose_their_gates_together(tmp_path: Path):
    top, linked = make(tmp_path / "project"), tmp_path / "linked"
    git(top, "worktree", "add", "--quiet", "-b", "other", str(linked))
    found = find_repository(str(linked))
    assert (found.top, found.head()[0]) == (str(linked), "other")
    gates = [top / ".git/dbsync-gate", top / ".git/worktrees/linked/dbsync-gate"]
    for gate in gates:
        gate.touch()
    found.remove_gates()
    assert not any(gate.exists() for gate in gates)
    found.remove_gates()


@pytest.mark.parametrize("content", ["", "nonsense", "gitdir: /nowhere\n", "gitdir: \xff"])
def test_a_git_file_that_leads_nowhere_is_no_repository(tmp_path: Path, content: str):
    (tmp_path / ".git").write_text(content)
    assert find_repository(str(tmp_path)) is None


@pytest.mark.parametrize("content", [b"", b"ref: refs/heads/.invalid\n", b"\xff\xfe", b"ref: refs/heads/gone\n"])
def test_a_head_that_says_nothing_is_nothing(tmp_path: Path, content: bytes):
    top = make(tmp_path / "project")
    (top / ".git/HEAD").write_bytes(content)
    branch = "gone" if b"gone" in content else ""
    assert find_repository(str(top)).head() == (branch, "")


def test_what_lies_elsewhere_has_no_path_in_it(tmp_path: Path):
    found = find_repository(str(make(tmp_path / "project")))
    assert found.relative(str(tmp_path / "project/migrations/a.py")) == "migrations/a.py"
    with pytest.raises(ValueError, match="elsewhere"):
        found.relative(str(tmp_path / "elsewhere/a.py"))

"""The three trees on real repositories, with names and modes that try to be something else."""

from __future__ import annotations

import os
import subprocess

import pytest

from dbsync.errors import DbsyncError
from dbsync.git.objects import CommitTree, Entry, IndexTree, WorkTree, read_blobs
from dbsync.git.repository import Repository

HOSTILE = [
    "plain.py",
    "with space.py",
    " leading.py",
    "trailing.py ",
    "new\nline.py",
    "carriage\r",
    "tab\t.py",
    'quote".py',
    "back\\slash.py",
    "größe.py",
    os.fsdecode(b"latin-\xe9.py"),
    "-r",
    "--help",
    ":(glob)star.py",
    ":!not.py",
    ":0:stage.py",
    "1:stage.py",
    "*.py",
    "[ab].py",
    "?.py",
    "~1",
    "name~1",
    "name^0",
    "name@{1}",
    "@",
    "HEAD",
    "v1-gfade",
    ".hidden",
    "...",
    "$(touch x)",
    "{now}",
    "a;b",
    "missing",
    "x blob 3",
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
]


class Repo:
    """A repository in a folder, driven by plain git."""

    def __init__(self, top, *options):
        self.top = os.fspath(top)
        self.git("init", "-q", *options, self.top, cwd=".")

    def git(self, *args, cwd=None, **env):
        """Run git and return what it wrote."""
        done = subprocess.run(
            ["git", *args], cwd=cwd or self.top, env={**os.environ, **env}, capture_output=True, check=True
        )
        return os.fsdecode(done.stdout).strip("\n")

    def write(self, path, content=b"", below=""):
        """Write a file of the work tree."""
        whole = os.path.join(self.top, below, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "wb") as file:
            file.write(content)

    def commit(self):
        """Commit all there is and return the commit's id."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")
        return self.git("rev-parse", "HEAD")

    def found(self, **environ):
        """Return dbsync's own view."""
        return Repository.discover(self.top, {**os.environ, **environ})


@pytest.fixture(params=["sha1", "sha256"])
def repo(tmp_path, request):
    """Give an empty repository, one for each object format."""
    return Repo(tmp_path / "repo", f"--object-format={request.param}")


def trees(repo):
    """Return the three trees, which hold the same after a commit."""
    found = repo.found()
    return [CommitTree(found, repo.git("rev-parse", "HEAD")), IndexTree(found), WorkTree(found)]


def test_files_of_every_name_are_listed_and_read_in_all_three_trees(repo):
    contents = {
        f"{folder}{name}": f"{folder} {name}".encode("utf-8", "surrogateescape")
        for name in HOSTILE
        for folder in ("", "a dir/")
    }
    for path, content in contents.items():
        repo.write(path, content)
    repo.commit()

    for tree in trees(repo):
        assert [entry.path for entry in tree.list()] == sorted(contents, key=os.fsencode)
        assert tree.read_many(contents) == contents
        assert {path: tree.read(path) for path in contents} == contents
        assert all(tree.exists(path) for path in contents)
        assert sorted(entry.path for entry in tree.list("a dir")) == sorted(path for path in contents if "/" in path)


def test_blobs_are_read_by_the_ids_that_are_listed(repo):
    contents = {name: os.fsencode(name) * 1000 for name in HOSTILE}
    for path, content in contents.items():
        repo.write(path, content)
    repo.commit()

    for tree in trees(repo)[:2]:
        entries = tree.list()
        assert (
            dict(
                zip([one.path for one in entries], read_blobs(repo.found(), [one.oid for one in entries]), strict=True)
            )
            == contents
        )


@pytest.mark.parametrize("folder", [":(glob)**", "*", "-n", "größe", "a b", "[x]", os.fsdecode(b"\xff")])
def test_a_folder_is_what_it_is_called_and_no_pattern(repo, folder):
    repo.write("in.py", b"1", below=folder)
    repo.write("x/out.py", b"2")
    repo.write(f"{folder}.py", b"3")
    repo.commit()

    for tree in trees(repo):
        assert [entry.path for entry in tree.list(folder)] == [f"{folder}/in.py"]
        assert [entry.path for entry in tree.list(f"{folder}/")] == [f"{folder}/in.py"]
        assert tree.exists(folder)
        assert tree.exists(f"{folder}/")


def test_what_is_not_there(repo):
    repo.write("a/b.py", b"1")
    repo.commit()
    missing = ["", "a", "a/", "c", "a/c", "a/b.py/c", "../a/b.py", "/a/b.py", "./..", "a\0b", "x" * 5000]

    for tree in trees(repo):
        assert tree.read_many(missing) == {}
        assert not any(tree.read(path) for path in missing)
        assert [path for path in missing if tree.exists(path)][:3] == ["", "a", "a/"]
        assert not any(map(tree.exists, ["c", "a/c", "a/b.py/c", "a\0b", "x" * 5000, "B.PY"]))
        assert tree.list("c") == tree.list("a/b.py") == []
        assert [entry.path for entry in tree.list(".")] == ["a/b.py"]


def test_an_odd_name_among_others_does_not_shift_the_answers(repo):
    repo.write("one", b"1")
    repo.write("two", b"2")
    repo.commit()

    for tree in trees(repo):
        assert tree.read_many(["one", "../x", "gone", "a\nb", "two", "one", "-gdead"]) == {"one": b"1", "two": b"2"}


def test_links_and_submodules_are_no_files_in_any_tree(repo, tmp_path):
    inner = Repo(tmp_path / "inner", f"--object-format={repo.git('rev-parse', '--show-object-format')}")
    inner.write("versions/a.py", b"1")
    inner.commit()
    repo.git("submodule", "--quiet", "add", inner.top, "sub")
    repo.write("real/a.py", b"2")
    os.symlink("real/a.py", os.path.join(repo.top, "link.py"))
    os.symlink("nowhere", os.path.join(repo.top, "broken.py"))
    os.symlink("real", os.path.join(repo.top, "folder"))
    repo.commit()

    for tree in trees(repo):
        assert [entry.path for entry in tree.list()] == [".gitmodules", "real/a.py"]
        assert tree.list("sub") == []
        assert tree.exists("sub")


def test_an_executable_is_a_file(repo):
    repo.write("run.py", b"1")
    os.chmod(os.path.join(repo.top, "run.py"), 0o755)
    commit = repo.commit()

    assert [entry.mode for entry in CommitTree(repo.found(), commit).list()] == ["100755"]


def test_content_is_read_as_it_is_stored_and_no_filter_runs(repo):
    repo.git("config", "filter.bad.smudge", "touch ran; cat")
    repo.git("config", "filter.bad.clean", "touch ran; cat")
    repo.write("a.py", b"1\n")
    repo.commit()
    repo.write(".gitattributes", b"* filter=bad text eol=crlf\n")

    for tree in trees(repo):
        assert tree.read("a.py") == b"1\n"
    assert not os.path.exists(os.path.join(repo.top, "ran"))


def test_the_three_trees_differ_as_the_work_goes_on(repo):
    repo.write("a.py", b"1")
    repo.write("b.py", b"1")
    repo.commit()
    repo.write("a.py", b"2")
    repo.git("add", "a.py")
    repo.write("a.py", b"3")
    repo.write("new.py", b"3")
    repo.write("ignored.py", b"3")
    repo.write(".git/info/exclude", b"ignored.py\n")
    os.unlink(os.path.join(repo.top, "b.py"))

    commit, index, work = trees(repo)

    assert [tree.read("a.py") for tree in (commit, index, work)] == [b"1", b"2", b"3"]
    assert [[entry.path for entry in tree.list()] for tree in (commit, index, work)] == [
        ["a.py", "b.py"],
        ["a.py", "b.py"],
        ["a.py", "new.py"],
    ]


def test_an_ignored_file_that_is_tracked_is_part_of_the_work_tree(repo):
    repo.write("a.py", b"1")
    repo.commit()
    repo.write(".gitignore", b"*.py\n")

    assert [entry.path for entry in WorkTree(repo.found()).list()] == [".gitignore", "a.py"]


def test_the_empty_repository_has_an_index_and_a_work_tree(repo):
    repo.write("a.py", b"1")

    assert IndexTree(repo.found()).list() == []
    assert not IndexTree(repo.found()).exists("a.py")
    assert WorkTree(repo.found()).list() == [Entry("a.py", "", "100644")]


def conflict(repo):
    """Stop a merge in which each side did something else to four files."""
    for name in ("both.py", "ours-gone.py", "theirs-gone.py"):
        repo.write(name, b"base")
    repo.commit()
    repo.git("switch", "-q", "-c", "theirs")
    repo.write("both.py", b"theirs")
    repo.write("added.py", b"theirs")
    repo.write("ours-gone.py", b"theirs")
    os.unlink(os.path.join(repo.top, "theirs-gone.py"))
    repo.commit()
    repo.git("switch", "-q", "-")
    repo.git("switch", "-q", "-C", "ours", "HEAD")
    repo.write("both.py", b"ours")
    repo.write("added.py", b"ours")
    repo.write("theirs-gone.py", b"ours")
    os.unlink(os.path.join(repo.top, "ours-gone.py"))
    repo.commit()
    with pytest.raises(subprocess.CalledProcessError):
        repo.git("merge", "-q", "theirs")


def test_a_conflict_in_the_index_is_read_as_ours_and_listed_once(repo):
    conflict(repo)
    index = IndexTree(repo.found())
    expected = {"added.py": b"ours", "both.py": b"ours", "ours-gone.py": b"theirs", "theirs-gone.py": b"ours"}

    entries = index.list()

    assert [entry.path for entry in entries] == sorted(expected)
    assert index.read_many(expected) == expected
    assert (
        dict(zip([one.path for one in entries], read_blobs(repo.found(), [one.oid for one in entries]), strict=True))
        == expected
    )
    assert [entry.path for entry in WorkTree(repo.found()).list()] == sorted(expected)
    assert b"<<<<<<< " in WorkTree(repo.found()).read("both.py")


def test_what_is_only_announced_is_not_staged(repo):
    repo.write("a.py", b"1")
    repo.write("empty.py", b"")
    repo.commit()
    repo.write("announced.py", b"2")
    repo.git("add", "--intent-to-add", "announced.py")

    assert [entry.path for entry in IndexTree(repo.found()).list()] == ["a.py", "empty.py"]
    assert [entry.path for entry in WorkTree(repo.found()).list()] == ["a.py", "announced.py", "empty.py"]


def test_the_index_is_the_one_of_the_git_that_called(repo, tmp_path):
    repo.write("a.py", b"1")
    repo.commit()
    for env in ({"GIT_INDEX_FILE": ".git/other"}, {"GIT_INDEX_FILE": os.path.join(repo.top, ".git", "other")}):
        repo.write("b.py", b"2")
        repo.git("read-tree", "HEAD", **env)
        repo.git("add", "b.py", **env)

        assert [entry.path for entry in IndexTree(repo.found(**env)).list()] == ["a.py", "b.py"]
        assert [entry.path for entry in IndexTree(repo.found()).list()] == ["a.py"]
        assert [
            entry.path for entry in IndexTree(repo.found(**env, GIT_DIR=os.path.join(repo.top, ".git"))).list()
        ] == ["a.py", "b.py"]
        assert [entry.path for entry in IndexTree(repo.found(**env, GIT_DIR=str(tmp_path))).list()] == ["a.py"]


def test_a_hook_of_a_commit_of_one_file_sees_what_is_committed(repo):
    repo.write("a.py", b"1")
    repo.commit()
    repo.write("a.py", b"2")
    repo.write("b.py", b"2")
    repo.git("add", "-A")
    repo.write(
        ".git/hooks/pre-commit", b'#!/bin/sh\nprintf %s "$GIT_INDEX_FILE" >seen\ncp "$GIT_INDEX_FILE" .git/kept\n'
    )
    os.chmod(os.path.join(repo.top, ".git", "hooks", "pre-commit"), 0o755)

    repo.git("commit", "-q", "-m", "only a", "a.py")

    with open(os.path.join(repo.top, "seen"), encoding="utf-8") as file:
        assert "index" in file.read()
    assert [entry.path for entry in IndexTree(repo.found(GIT_INDEX_FILE=".git/kept")).list()] == ["a.py"]
    assert [entry.path for entry in IndexTree(repo.found()).list()] == ["a.py", "b.py"]


def test_a_named_pipe_is_not_waited_for(repo):
    os.mkfifo(os.path.join(repo.top, "alembic.ini"))

    tree = WorkTree(repo.found())

    assert tree.list() == []
    assert tree.read("alembic.ini") is None


def test_a_file_that_may_not_be_opened_is_as_if_missing(repo):
    repo.write("loop.py", b"1")
    os.unlink(os.path.join(repo.top, "loop.py"))
    os.symlink("loop.py", os.path.join(repo.top, "loop.py"))

    assert WorkTree(repo.found()).read("loop.py") is None


def test_objects_of_other_kinds_are_no_blobs_and_do_not_shift_the_answers(repo):
    repo.write("a/b.py", b"1")
    commit = repo.commit()
    repo.git("tag", "-a", "-m", "tag", "v1")
    tag = repo.git("rev-parse", "v1")
    blob = repo.git("rev-parse", "HEAD:a/b.py")

    names = [tag, blob, commit, f"{commit}:a", blob, "gone", f"{commit}:gone", "0" * len(blob), blob]

    assert read_blobs(repo.found(), names) == [None, b"1", None, None, b"1", None, None, None, b"1"]


def test_an_ambiguous_name_is_missing(tmp_path):
    repo = Repo(tmp_path / "repo")
    for number in range(40):
        repo.write(f"{number}", f"{number}".encode())
    repo.commit()
    oids = [entry.oid for entry in IndexTree(repo.found()).list()]
    starts = [oid[:4] for oid in oids]

    answers = read_blobs(repo.found(), [*starts, oids[0]])

    assert len(answers) == 41
    assert answers[-1] == b"0"


def test_a_commit_that_is_not_there_is_said_and_not_an_empty_tree(repo):
    repo.write("a.py", b"1")
    commit = repo.commit()
    tree = CommitTree(repo.found(), "1" * len(commit))

    with pytest.raises(DbsyncError, match="ls-tree"):
        tree.list()
    assert tree.read("a.py") is None
    assert not tree.exists("a.py")


def test_a_broken_index_is_said_and_not_an_empty_one(repo):
    repo.write("a.py", b"1")
    repo.commit()
    repo.write(".git/index", b"not an index, whatever its length is")

    for tree in (IndexTree(repo.found()), WorkTree(repo.found())):
        with pytest.raises(DbsyncError, match="ls-files"):
            tree.list()


def test_a_damaged_blob_is_listed_and_cannot_be_read(repo):
    repo.write("a.py", b"1")
    repo.write("b.py", b"2")
    repo.commit()
    oid = repo.git("rev-parse", "HEAD:a.py")
    path = os.path.join(repo.top, ".git", "objects", oid[:2], oid[2:])
    os.chmod(path, 0o644)
    repo.write(path, b"damaged")

    for tree in trees(repo)[:2]:
        assert [entry.path for entry in tree.list()] == ["a.py", "b.py"]
        assert tree.read_many(["a.py", "b.py"]) == {"b.py": b"2"}


def test_a_tree_is_asked_from_any_folder_and_any_work_tree(repo, tmp_path):
    repo.write("a/b.py", b"1")
    commit = repo.commit()
    repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "other tree"))

    for folder in (os.path.join(repo.top, "a"), str(tmp_path / "other tree" / "a")):
        found = Repository.discover(folder, os.environ)
        for tree in (CommitTree(found, commit), IndexTree(found), WorkTree(found)):
            assert [entry.path for entry in tree.list()] == ["a/b.py"]
            assert tree.read("a/b.py") == b"1"


def test_a_thousand_files_are_one_child_and_no_deadlock(repo):
    contents = {f"{number}.py": bytes([number % 256]) * 10_000 for number in range(1000)}
    for path, content in contents.items():
        repo.write(path, content)
    repo.commit()

    for tree in trees(repo):
        assert tree.read_many(contents) == contents

"""The hook before a push: real pushes to a bare repository."""

from __future__ import annotations

import pytest

from dbsync.store.watch import write_watch
from tests.hooks.hooked import WAYS

LEFT = 'op.create_index("ix_name", "users", ["name"])'
USERS = 'op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(50)))'


@pytest.fixture
def shared(project, tmp_path):
    """Give a project that follows Git, and has a remote that has its first revision."""
    project.revision("r1", None, USERS, 'op.drop_table("users")')
    project.commit("Users")
    project.git("init", "--quiet", "--bare", str(tmp_path / "upstream"))
    project.git("remote", "add", "origin", str(tmp_path / "upstream"))
    project.git("push", "--quiet", "--set-upstream", "origin", "main")
    project.dbsync("init", "--yes")
    return project


def push(project, *args, **environ):
    return project.git("push", "--quiet", *args, check=False, env=environ)


def test_a_push_of_a_revision_that_does_not_go_back_is_stopped(shared):
    shared.revision("r2", "r1", LEFT)
    shared.commit("Index")

    done = push(shared)

    assert done.rc != 0
    assert "the downgrade of r2 does not go back" in done.err
    assert "[DBS232]" in done.err
    assert shared.rev("origin/main") == shared.rev("HEAD~1")
    assert push(shared, "--no-verify").rc == 0
    assert shared.rev("origin/main") == shared.rev("HEAD")


def test_it_can_be_switched_off(shared):
    shared.revision("r2", "r1", LEFT)
    shared.commit("Index")

    assert push(shared, DBSYNC="off").rc == 0


def test_what_goes_back_is_pushed_and_so_are_tags_and_deletions(shared):
    shared.column("r2", "r1", "users", "email")
    shared.commit("Mail")
    shared.git("branch", "other")
    assert push(shared, "origin", "main", "other").rc == 0

    shared.revision("r3", "r2", LEFT)
    shared.commit("Index")
    shared.git("tag", "v1")

    assert push(shared, "origin", "v1").rc == 0
    assert push(shared, "origin", ":other").rc == 0
    assert push(shared, "origin", "HEAD:refs/heads/new").rc != 0


def test_a_second_head_is_stopped(shared):
    shared.column("r2", "r1", "users", "two")
    shared.column("r3", "r1", "users", "three")
    shared.git("add", ".")
    shared.git("commit", "--quiet", "--no-verify", "-m", "both")

    assert "[DBS203]" in push(shared).err


def test_what_is_not_committed_does_not_count(shared):
    shared.column("r2", "r1", "users", "email")
    shared.commit("Mail")
    shared.revision("r3", "r2", LEFT)

    assert push(shared).rc == 0


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_hook_of_the_developers_reads_the_same_standard_input(bare, tmp_path, way):
    bare.write_hook('#!/bin/sh\necho "$1" >said\ncat >>said\n', name="pre-push")
    bare.install(way)
    bare.git("init", "--quiet", "--bare", str(tmp_path / "upstream"))
    head = bare.project.rev("HEAD")

    bare.git("push", "--quiet", str(tmp_path / "upstream"), "main")

    expected = f"refs/heads/main {head} refs/heads/main {'0' * 40}\n"
    assert bare.said() == f"{tmp_path / 'upstream'}\n{expected}"
    assert bare.stdin() == expected
    assert bare.ran() == ["pre-push"]


def test_only_a_finding_stops_a_push(bare, tmp_path):
    bare.install()
    bare.git("init", "--quiet", "--bare", str(tmp_path / "upstream"))
    for code, expected in ((9, False), (1, True), (4, True)):
        bare.answer(code)
        done = bare.git("push", "--quiet", str(tmp_path / "upstream"), f"main:b{code}", check=False)
        assert (done.rc == 0) == expected


def test_what_touches_nothing_watched_starts_no_python(bare, tmp_path):
    bare.install()
    bare.git("init", "--quiet", "--bare", str(tmp_path / "upstream"))
    bare.git("remote", "add", "origin", str(tmp_path / "upstream"))
    bare.git("push", "--quiet", "origin", "main")
    bare.ran()
    write_watch(bare.repository.git_dir, ["migrations/"])

    bare.commit("README", "1")
    bare.git("push", "--quiet", "origin", "main")
    assert "pre-push" not in bare.ran()
    bare.commit("migrations/versions/r9.py", "1")
    bare.git("push", "--quiet", "origin", "main")
    assert "pre-push" in bare.ran()

"""The gate answers without Python exactly where Git brought nothing about migrations."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dbsync.git.hooks import block
from dbsync.git.hooks.program import packaged
from dbsync.git.repository import Repository
from dbsync.store.gate import remove_gate, write_gate

GATE = Path(__file__).parents[2] / "hooks" / "gate"

# Each shell of this machine that a hook file may be written for; sh and bash are everywhere.
SHELLS = [shell for shell in ("sh", "dash", "bash", "busybox", "zsh", "ksh", "mksh") if shutil.which(shell)]


def start(hooked, shell: str, hook: str, *args: str, path: str = "", own: bool = False):
    """Run the block of a hook under `shell`, strict unless in a file of our own, and return the finished process."""
    copy = Path(hooked.repository.state_dir) / "hooks" / "gate"
    script = os.fsdecode(block.block(hook, block.quote(str(copy.parent)), own=own)) + 'echo on "$@"\n'
    options = [] if own else ["-eu"]
    argv = [shell, *(["sh"] if shell == "busybox" else []), *options, "-c", script, "hook", *args]
    env = {**os.environ, "PATH": path + os.environ["PATH"]}
    done = subprocess.run(argv, cwd=hooked.project.top, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, " ".join(("on", *args)) + "\n"), done.stderr
    return done


@pytest.fixture
def counted(tmp_path):
    """Give a PATH prefix under which every git process leaves a line, and the file of the lines."""
    folder = tmp_path / "counted"
    folder.mkdir()
    log = folder / "log"
    log.write_text("")
    wrapper = folder / "git"
    wrapper.write_text(f'#!/bin/sh\necho "$*" >>"{log}"\nexec "{shutil.which("git")}" "$@"\n')
    wrapper.chmod(0o755)
    return f"{folder}:", log


def test_what_ships_is_what_is_tested():
    assert packaged("gate") == GATE.read_bytes()


def test_nothing_about_migrations_changed(hooked):
    assert hooked.let_pass()

    hooked.git("switch", "--quiet", "--create", "feature")
    hooked.commit()
    hooked.git("commit", "--amend", "--quiet", "--message", "Other")
    hooked.git("switch", "--quiet", "main")
    hooked.git("merge", "--quiet", "--no-ff", "feature")
    hooked.git("switch", "--quiet", "other")
    hooked.commit("third")
    hooked.git("rebase", "--quiet", "main")

    assert hooked.ran() == []


@pytest.mark.parametrize("path", ["migrations/versions/r1.py", "migrations/env.py", "alembic.ini", "pyproject.toml"])
def test_a_path_of_the_gate_changed(hooked, path):
    hooked.let_pass()

    hooked.commit(path)

    assert hooked.ran() == ["post-commit"]


def test_a_path_of_the_gate_went(hooked):
    hooked.let_pass("alembic.ini")

    hooked.git("rm", "--quiet", "alembic.ini")
    hooked.git("commit", "--quiet", "--message", "Remove")

    assert hooked.ran() == ["post-commit"]


def test_no_gate(hooked):
    hooked.git("switch", "other")

    assert len(hooked.ran()) == 1


def test_a_file_checkout_always_passes(hooked):
    hooked.let_pass()

    hooked.git("restore", "alembic.ini")

    assert len(hooked.ran()) == 1


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("shell", SHELLS)
def test_one_git_process_then_none_for_a_commit_seen_before(hooked, counted, shell, own):
    path, log = counted
    head = hooked.project.rev("HEAD")
    hooked.let_pass()

    for _ in range(2):
        assert start(hooked, shell, "post-checkout", head, head, "1", path=path, own=own).stderr == ""
        assert log.read_text().splitlines() == ["cat-file --batch-check=%(objectname)"]
    assert hooked.ran() == []


def test_a_commit_seen_is_forgotten_with_the_gate(hooked, counted):
    path, log = counted
    head = hooked.project.rev("HEAD")
    hooked.let_pass()
    start(hooked, "sh", "post-checkout", head, head, "1")

    hooked.let_pass()
    start(hooked, "sh", "post-checkout", head, head, "1", path=path)

    assert len(log.read_text().splitlines()) == 1


def test_a_switch_from_a_state_that_is_not_the_gates_is_for_python_to_judge(hooked):
    hooked.let_pass()
    hooked.git("switch", "--quiet", "--create", "feature")
    hooked.commit("migrations/versions/r1.py")
    hooked.ran()

    for branch in ("main", "feature", "main", "feature"):
        hooked.git("switch", "--quiet", branch)

    old, new = hooked.project.rev("main"), hooked.project.rev("HEAD")
    assert [line.split()[2] for line in hooked.ran()] == [old, new, old, new]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "name",
    [
        "with space",
        " leading and trailing ",
        "-rf",
        "back\\slash\\n",
        "quote'\"`$(touch pwned)$HOME",
        "*?[a]",
        "tab\tbell\x07",
        "ünïcode 漢字 \u0301",
        "colon:name^{tree}~1@{0}",
        "id missing x",
        "missing",
        "HEAD",
        os.fsdecode(b"not utf-8 \xff\x81\x88\xfe"),
    ],
)
def test_hostile_paths(hooked, shell, name):
    path = f"versions {name}/{name}"
    hooked.commit(path)
    hooked.commit(f"{path} other")
    head = hooked.project.rev("HEAD")
    hooked.ran()

    entries = {path: hooked.oid(path), f"{path} none": None, f"versions {name}": hooked.oid(f"versions {name}")}
    assert write_gate(hooked.repository.git_dir, entries)
    assert all(oid for name, oid in entries.items() if not name.endswith(" none"))
    assert start(hooked, shell, "post-checkout", head, head, "1").stderr == ""
    assert hooked.ran() == []

    write_gate(hooked.repository.git_dir, {path: hooked.oid(path), f"{path} other": None})
    start(hooked, shell, "post-checkout", head, head, "1")
    assert len(hooked.ran()) == 1


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        "dbsync-gate 1\n",
        "dbsync-gate 1 \n",
        "dbsync-gate 1 token\n",
        "dbsync-gate 2 token\nid missing none\n",
        "dbsync-gate 1 token\nid missing none\nlater form\n",
        "dbsync-gate 1 token\nid missing none\n\n",
        "id missing none\n",
        "dbsync-gate 1 token\nid missing none",
        "dbsync-gate 1 ../../token\nid 0 none\n",
    ],
)
def test_a_gate_that_is_not_understood_means_python(hooked, shell, own, content):
    Path(hooked.repository.git_dir, "dbsync-gate").write_text(content)

    assert start(hooked, shell, "post-merge", "0", own=own).stderr == ""
    assert hooked.ran() == ["post-merge 0"]


def test_the_gate_is_never_sourced(hooked):
    text = "dbsync-gate 1 $(touch pwned)\nid missing none\n$(touch pwned)\ntouch pwned\n"
    Path(hooked.repository.git_dir, "dbsync-gate").write_text(text)

    hooked.git("switch", "other")

    assert not list(hooked.folder.parent.rglob("pwned"))


def test_no_commits_left_on_the_branch(hooked):
    hooked.let_pass("alembic.ini")

    hooked.git("switch", "--quiet", "--orphan", "empty")

    assert len(hooked.ran()) == 1


def test_a_linked_work_tree_has_a_gate_of_its_own(hooked, tmp_path):
    hooked.let_pass()
    linked = tmp_path / "linked"
    hooked.git("worktree", "add", "--quiet", str(linked), "other")
    assert len(hooked.ran()) == 1

    write_gate(Repository.discover(str(linked), os.environ).git_dir, {"alembic.ini": hooked.oid("alembic.ini")})
    subprocess.run(["git", "switch", "--quiet", "--create", "third"], cwd=linked, check=True)

    assert hooked.ran() == []


def test_a_work_tree_whose_git_is_a_file_and_no_git_dir_is_given(hooked, tmp_path):
    linked = tmp_path / "linked"
    hooked.git("worktree", "add", "--quiet", str(linked), "other")
    write_gate(Repository.discover(str(linked), os.environ).git_dir, {"alembic.ini": hooked.oid("alembic.ini")})
    hooked.ran()
    hooked.project.top = linked

    start(hooked, "sh", "post-merge", "0")

    assert hooked.ran() == []


def test_a_commit_that_cannot_be_noted_as_seen(hooked):
    hooked.let_pass()
    shutil.rmtree(Path(hooked.repository.git_dir, "dbsync-gate.seen"))

    done = hooked.git("switch", "--quiet", "other")

    assert (done.rc, done.err) == (0, "")
    assert hooked.ran() == []


def test_a_removed_gate_is_asked_no_more(hooked):
    hooked.let_pass()
    hooked.git("switch", "--quiet", "other")
    remove_gate(hooked.repository.git_dir)

    hooked.git("switch", "--quiet", "main")

    assert len(hooked.ran()) == 1


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("old", "new", "1"), "post-checkout old new 1"),
        (("0",), "post-merge 0"),
        (("1",), "post-merge 1"),
        (("amend",), "post-rewrite amend"),
        (("rebase",), "post-rewrite rebase"),
        ((), "post-commit"),
    ],
)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_hook_that_has_no_name_is_known_by_its_arguments(hooked, shell, args, expected):
    start(hooked, shell, "''", *args)

    assert hooked.ran() == [expected]


def test_off_goes_on_with_the_rest_of_the_hook(hooked, monkeypatch):
    monkeypatch.setenv("DBSYNC", "off")

    for own in (False, True):
        start(hooked, "sh", "post-merge", "0", own=own)
    assert hooked.ran() == []


def test_run_as_a_program(hooked):
    gate = Path(hooked.repository.state_dir) / "hooks" / "gate"

    done = hooked.project.run(str(gate), "old", "new", "1", check=True)

    assert (done.out, done.err) == ("", "")
    assert hooked.ran() == ["post-checkout old new 1"]

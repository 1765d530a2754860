"""The commit gate: what makes Python start before a commit, and what stops one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dbsync.git.hooks import block
from dbsync.store.watch import write_watch
from tests.hooks.hooked import BY_FILES, HOSTILE, WAYS


@pytest.fixture(params=WAYS, ids=str)
def hooked(request, bare):
    """Give a repository whose hooks are installed in each way that this machine's git runs them."""
    bare.install(request.param)
    return bare


def test_a_commit_is_stopped_by_a_finding_and_by_nothing_else(hooked):
    hooked.answer(9)
    hooked.project.write("a.py", "1")
    hooked.git("add", "a.py")

    assert hooked.git("commit", "--quiet", "-m", "stopped", check=False).rc == 1
    assert hooked.git("commit", "--quiet", "-m", "off", check=False, env={"DBSYNC": "off"}).rc == 0

    for code in (0, 1, 2, 4, 126, 130):
        hooked.answer(code)
        hooked.project.write("a.py", f"{code} again")
        assert hooked.git("commit", "--quiet", "-am", f"with {code}", check=False).rc == 0


def test_a_merge_is_asked_about_before_it_is_committed(hooked):
    hooked.git("switch", "--quiet", "--create", "feature")
    hooked.commit("one")
    hooked.git("switch", "--quiet", "main")
    hooked.commit("two")
    hooked.checked()
    hooked.answer(9)

    assert hooked.git("merge", "--quiet", "--no-edit", "feature", check=False).rc == 1

    assert hooked.checked()[-1].startswith("pre-")


def test_what_is_not_watched_starts_no_python(hooked):
    hooked.commit("app/models.py", "1")
    write_watch(hooked.repository.git_dir, ["app/models.py", "migrations/", "app/*", "pyproject.toml"])
    hooked.checked()

    hooked.commit("README", "2")
    hooked.commit("app/data.json", "3")
    hooked.commit("app/views/v.py", "4")
    assert hooked.checked() == []

    for path in ("app/models.py", "app/new.py", "migrations/versions/deep/r9.py", "pyproject.toml"):
        hooked.commit(path, "5")
        assert hooked.checked() == ["pre-commit"], path


def test_before_it_is_known_all_code_and_configuration_is_watched(hooked):
    write_watch(hooked.repository.git_dir, [])
    hooked.checked()

    hooked.commit("README.md", "1")
    assert hooked.checked() == []
    for path in ("any/where.py", "alembic.ini", "poetry.lock"):
        hooked.commit(path, "2")
        assert hooked.checked() == ["pre-commit"], path


def test_hostile_names_are_watched_as_they_are(make_hooked):
    hooked = make_hooked("plain")
    hooked.install(BY_FILES)
    hostile = HOSTILE.replace("\n", "")
    hooked.commit(f"{hostile}/m.py", "1")
    write_watch(hooked.repository.git_dir, [f"{hostile}/m.py", f"{hostile}/*", ":(top)x.py"])
    hooked.checked()

    hooked.commit("other.py", "2")
    assert hooked.checked() == []
    hooked.commit(f"{hostile}/new.py", "3")
    assert hooked.checked() == ["pre-commit"]
    hooked.commit(":(top)x.py", "4")
    assert hooked.checked() == ["pre-commit"]
    assert not list(hooked.folder.parent.rglob("pwned"))


@pytest.mark.parametrize("content", ["", "dbsync-watch 2\nREADME\n", "README\n", "dbsync-watch 1\n"])
def test_a_file_of_another_form_is_not_believed(hooked, content):
    (hooked.project.top / ".git/dbsync-watch").write_text(content)
    hooked.checked()

    hooked.commit("other", content or "x")

    assert hooked.checked() == ["pre-commit"]


def test_a_first_commit_is_asked_about(hooked):
    write_watch(hooked.repository.git_dir, ["nothing.py"])
    hooked.git("switch", "--quiet", "--orphan", "fresh")
    hooked.checked()

    hooked.commit("other", "x")

    assert hooked.checked() == ["pre-commit"]


def test_in_a_linked_work_tree(hooked):
    hooked.commit()
    linked = hooked.project.top.parent / "linked"
    hooked.git("worktree", "add", "--quiet", str(linked))
    hooked.checked()
    write_watch(str(hooked.project.top / ".git/worktrees/linked"), ["x.py"])
    (linked / "x.py").write_text("1")
    (linked / "y.py").write_text("1")

    hooked.project.run("git", "-C", str(linked), "add", "y.py", check=True)
    hooked.project.run("git", "-C", str(linked), "commit", "--quiet", "-m", "y", check=True)
    assert hooked.checked() == []
    hooked.project.run("git", "-C", str(linked), "add", "x.py", check=True)
    hooked.project.run("git", "-C", str(linked), "commit", "--quiet", "-m", "x", check=True)
    assert hooked.checked() == ["pre-commit"]


def test_an_interpreter_that_is_gone_is_said_once_and_stops_nothing(hooked):
    hooked.interpreter.unlink()
    hooked.project.write("a.py", "1")
    hooked.git("add", "a.py")

    done = hooked.git("commit", "--quiet", "-m", "one")

    assert "commits are not checked; run: dbsync init" in done.err
    hooked.project.write("a.py", "2")
    assert "dbsync" not in hooked.git("commit", "--quiet", "-am", "two").err


# What the two hooks of one commit ask git once only


@pytest.fixture
def passing(bare):
    """Give a repository in which a commit changed nothing, so that HEAD is known, and git's calls from here on."""
    bare.install(BY_FILES)
    bare.project.write("migrations/env.py", "")
    bare.commit("app/models.py", "1")
    bare.let_pass()
    write_watch(bare.repository.git_dir, ["app/models.py", "migrations/"])
    bare.commit("README", "0")
    bare.ran()
    return bare


def commit(hooked, tmp_path, *options):
    """Commit a change of README; return the hooks' git calls (git puts its own folder first in their PATH)."""
    trace = tmp_path / "trace"
    trace.unlink(missing_ok=True)
    hooked.project.write("README", hooked.project.rev("HEAD"))
    hooked.git("add", "README")
    hooked.git("commit", "--quiet", "-m", "text", *options, env={"GIT_TRACE": str(trace)})
    called = re.findall(r"built-in: git (\S+)", trace.read_text())
    return [name for name in called if name not in ("commit", "maintenance", "gc")]


def test_one_git_process_for_both_hooks_of_a_commit(passing, tmp_path):
    assert commit(passing, tmp_path) == ["diff-index"]
    assert commit(passing, tmp_path) == ["diff-index"]
    assert commit(passing, tmp_path, "--amend") == ["diff-index", "cat-file"]  # post-rewrite asks for itself
    assert commit(passing, tmp_path, "--no-verify") == ["cat-file"]
    assert commit(passing, tmp_path) == ["diff-index"]
    assert passing.ran() == []


def test_a_commit_that_was_given_up_answers_for_no_other(passing, tmp_path):
    passing.project.write("README", "given up")
    passing.git("add", "README")
    passing.git("commit", "--quiet", "-m", "", check=False)

    passing.project.write("migrations/versions/r1.py", "")
    passing.git("add", ".")
    passing.git("commit", "--quiet", "--no-verify", "-m", "a revision")

    assert passing.ran() == ["post-commit"]


def test_after_a_switch_without_hooks_a_commit_is_for_python_to_judge(passing, tmp_path):
    passing.git("switch", "--quiet", "--create", "feature")
    passing.project.write("migrations/versions/r1.py", "")
    passing.git("add", ".")
    passing.git("-c", "core.hooksPath=/dev/null", "commit", "--quiet", "-m", "a revision")
    passing.ran()

    commit(passing, tmp_path)

    assert passing.ran() == ["post-commit"]


def test_what_another_hook_stages_is_for_python_to_judge(make_hooked, tmp_path):
    hooked = make_hooked("with a hook of its own")
    staging = "#!/bin/sh\nmkdir -p migrations && echo 1 >>migrations/made.py && git add migrations\n"
    hooked.write_hook(staging, name="pre-commit")
    hooked.install(BY_FILES)
    hooked.commit("app/models.py", "1")
    hooked.let_pass()
    write_watch(hooked.repository.git_dir, ["app/models.py", "migrations/"])
    hooked.commit("README", "0")
    hooked.ran()

    commit(hooked, tmp_path)

    assert hooked.ran() == ["post-commit"]


def test_a_hook_moved_aside_that_stages_is_for_python_to_judge_too(passing, tmp_path):
    staging = "#!/bin/sh\nmkdir -p migrations && echo 1 >>migrations/made.py && git add migrations\n"
    passing.write_hook(staging, name="pre-commit.before-dbsync")
    hook = passing.hook_file("pre-commit")
    hook.write_bytes(block.calling("pre-commit", block.quote(str(Path(passing.repository.state_dir, "hooks")))))

    commit(passing, tmp_path)

    assert passing.ran() == ["post-commit"]


def test_packed_refs_and_a_head_of_its_own_are_asked_about(passing, tmp_path):
    passing.git("pack-refs", "--all")
    assert commit(passing, tmp_path) == ["diff-index", "cat-file"]
    assert commit(passing, tmp_path) == ["diff-index"]

    passing.git("switch", "--quiet", "--detach")
    assert commit(passing, tmp_path) == ["diff-index"]
    assert passing.ran() == []

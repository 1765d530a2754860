"""Each hook, installed, starts dbsync with what Git gave it, and Git does not notice."""

from __future__ import annotations

import subprocess

import pytest

from tests.hooks.hooked import BY_FILES, HOSTILE, WAYS


@pytest.fixture(params=WAYS, ids=str)
def way(request):
    """Give each way in which this machine's git runs hooks."""
    return request.param


@pytest.fixture
def hooked(bare, way):
    """Give a repository whose hooks are installed in this way."""
    bare.install(way)
    return bare


def test_switch_says_both_commits_and_the_flag(hooked):
    old = hooked.project.rev("HEAD")
    hooked.git("switch", "--quiet", "--create", "feature")
    new = hooked.commit()
    hooked.ran()

    hooked.git("switch", "--quiet", "main")

    assert hooked.ran() == [f"post-checkout {new} {old} 1"]


def test_a_file_checkout_has_flag_0(hooked):
    head = hooked.project.rev("HEAD")

    hooked.git("restore", "alembic.ini")

    assert hooked.ran() == [f"post-checkout {head} {head} 0"]


def test_merge_and_commit(hooked):
    hooked.git("switch", "--quiet", "--create", "feature")
    hooked.ran()
    hooked.commit()
    assert hooked.ran() == ["post-commit"]
    hooked.git("switch", "--quiet", "main")
    hooked.ran()

    hooked.git("merge", "--quiet", "feature")

    assert hooked.ran() == ["post-merge 0"]


def test_amend_gives_what_was_rewritten_on_stdin(hooked):
    old = hooked.commit()
    hooked.ran()

    hooked.git("commit", "--amend", "--quiet", "--message", "Other")

    assert hooked.ran() == ["post-commit", "post-rewrite amend"]
    assert hooked.stdin() == f"{old} {hooked.project.rev('HEAD')}\n"


def test_rebase_gives_every_rewritten_commit_on_stdin(hooked):
    hooked.git("switch", "--quiet", "--create", "feature")
    before = [hooked.commit("one"), hooked.commit("two")]
    hooked.git("switch", "--quiet", "main")
    hooked.commit("three")
    hooked.git("switch", "--quiet", "feature")

    hooked.git("rebase", "--quiet", "main")

    after = [hooked.project.rev("HEAD~1"), hooked.project.rev("HEAD")]
    assert hooked.ran()[-1] == "post-rewrite rebase"
    assert hooked.stdin() == "".join(f"{old} {new}\n" for old, new in zip(before, after, strict=True))


def test_am(hooked, way):
    hooked.git("switch", "--quiet", "--create", "feature")
    hooked.commit()
    patch = hooked.git("format-patch", "--stdout", "main").out
    hooked.git("switch", "--quiet", "main")
    hooked.ran()

    hooked.git("am", "--quiet", input=patch)

    assert hooked.ran() == ["post-applypatch" if way == BY_FILES else "post-commit"]


def test_a_failing_interpreter_never_makes_git_fail(hooked):
    # The recorder exits 7, which post-checkout would hand on to git switch.
    assert hooked.git("switch", "other", check=False).rc == 0
    assert hooked.git("restore", ".", check=False).rc == 0
    assert len(hooked.ran()) == 2


def test_an_interpreter_that_reads_does_not_freeze_git(hooked):
    # Standard input stays open and empty, as a terminal's does.
    with subprocess.Popen(["git", "switch", "other"], cwd=hooked.project.top, stdin=subprocess.PIPE) as switch:
        assert switch.wait(timeout=20) == 0

    assert len(hooked.ran()) == 1


@pytest.mark.parametrize("variables", [{"DBSYNC": "off"}, {"DBSYNC_ACTIVE": "1"}])
def test_off_by_variable(hooked, variables):
    hooked.git("switch", "other", env=variables)

    assert hooked.ran() == []


def test_where_names_are_hostile(make_hooked, way):
    hooked = make_hooked(HOSTILE)
    hooked.install(way)

    done = hooked.git("switch", "--quiet", "--create", "a$(touch${IFS}pwned)b")

    assert (done.out, done.err) == ("", "")
    assert len(hooked.ran()) == 1
    assert not list(hooked.folder.parent.rglob("pwned"))


def test_a_repository_that_was_moved(bare):
    hooked = bare
    hooked.install(BY_FILES)
    moved = hooked.project.top.rename(hooked.project.top.parent / "moved")
    hooked.project.top = moved

    hooked.git("switch", "other")

    assert len(hooked.ran()) == 1


def test_a_missing_interpreter_is_said_once_until_it_is_mended(hooked, way):
    hooked.interpreter.unlink()

    first = hooked.git("switch", "other")
    second = hooked.git("switch", "main")

    assert "dbsync init" in first.err
    assert str(hooked.interpreter) in first.err
    assert first.err.count("dbsync:") == 1
    assert "dbsync" not in second.err

    hooked.interpreter.write_text("")
    hooked.install(way)
    hooked.interpreter.unlink()
    assert "dbsync init" in hooked.git("switch", "other").err


def test_a_deleted_state_folder_is_silent(hooked):
    subprocess.run(["rm", "-rf", hooked.repository.state_dir], check=True)

    done = hooked.git("switch", "--quiet", "other")

    assert (done.rc, done.err) == (0, "")

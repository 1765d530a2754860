"""Children: what they are given and what comes back."""

from __future__ import annotations

import os
import sys

import pytest

from dbsync.process import capture, git_environment, run, without_git

ECHO = """
import sys
data = sys.stdin.buffer.read()
sys.stdout.buffer.write(data)
sys.stderr.buffer.write(data[::-1])
sys.exit(3)
"""
WORDS = "import os, sys; sys.stdout.buffer.write(b'\\0'.join(map(os.fsencode, sys.argv[1:])))"
INPUTS = {"none": b"", "text": b"abc\n", "bytes": bytes(range(256)), "much": b"x" * 5_000_000}


def started(argv, given=b"", way=run):
    """Start a child in either way."""
    return run(argv, cwd=".", env=os.environ, input=given) if way is run else capture(argv, env=os.environ, input=given)


@pytest.mark.parametrize("way", [run, capture])
@pytest.mark.parametrize("given", INPUTS.values(), ids=INPUTS)
def test_what_goes_in_and_comes_out(way, given):
    done = started([sys.executable, "-c", ECHO], given, way)

    assert (done.returncode, done.stdout, done.stderr) == (3, given, given[::-1])


@pytest.mark.parametrize("way", [run, capture])
def test_arguments_are_not_read_by_a_shell(way):
    words = ["$(touch x)", "a b", "*", "; ls", "größe", os.fsdecode(b"\xff"), ""]

    done = started([sys.executable, "-c", WORDS, *words], way=way)

    assert done.stdout.split(b"\0") == [os.fsencode(word) for word in words]


@pytest.mark.parametrize("way", [run, capture])
def test_a_program_that_is_not_there_is_the_callers_to_say(way):
    with pytest.raises(FileNotFoundError):
        started(["dbsync-no-such-program"], way=way)


@pytest.mark.parametrize("way", [run, capture])
def test_a_child_that_is_killed_has_a_negative_status(way):
    assert started([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], way=way).returncode == -9


def test_nothing_is_left_open():
    before = os.listdir("/dev/fd")
    for _ in range(20):
        capture([sys.executable, "-c", ""], env=os.environ)
        with pytest.raises(FileNotFoundError):
            capture(["dbsync-no-such-program"], env=os.environ)

    assert len(os.listdir("/dev/fd")) == len(before)


@pytest.mark.parametrize("closed", ["0", "1", "2", "0, 1", "1, 2", "0, 2", "0, 1, 2"])
def test_a_caller_without_standard_streams_is_answered(tmp_path, closed):
    answer = tmp_path / "answer"
    code = f"""
import os
from dbsync.process import capture
for fd in ({closed},):
    os.close(fd)
done = capture(["cat"], env=os.environ, input=b"abc")
with open({os.fspath(answer)!r}, "wb") as file:
    file.write(done.stdout + done.stderr)
"""
    run([sys.executable, "-c", code], cwd=".", env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})

    assert answer.read_bytes() == b"abc"


def test_a_child_does_not_inherit_the_hooks_repository_but_its_configuration():
    environ = {
        "GIT_DIR": "/x",
        "GIT_INDEX_FILE": "/x/index",
        "GIT_WORK_TREE": "/x",
        "GIT_PREFIX": "a/",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "a.b",
        "GIT_CONFIG_VALUE_0": "c",
        "GIT_CONFIG_PARAMETERS": "'a.b'='c'",
        "GIT_SSH_COMMAND": "ssh",
        "PATH": "/bin",
    }

    kept = without_git(environ)

    assert set(environ) - set(kept) == {"GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX"}
    assert kept["DBSYNC_ACTIVE"] == "1"


def test_git_is_asked_without_prompt_lock_fetch_translation_or_patterns():
    assert git_environment({"GIT_LITERAL_PATHSPECS": "0", "LC_ALL": "de_DE", "GIT_OPTIONAL_LOCKS": "1"}) == {
        "DBSYNC_ACTIVE": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }

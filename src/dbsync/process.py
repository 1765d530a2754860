"""The only door to other programs. Arguments are lists: nothing here ever goes through a shell."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing costs a hot path as much as two git calls; a type checker takes this name for true
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

# What git itself needs from the caller's environment; every other GIT_* variable belongs to the hook that called us
# and would make a child write into the wrong index or repository (githooks(5)).
GIT_KEPT = frozenset(
    {
        "GIT_ASKPASS",
        "GIT_CEILING_DIRECTORIES",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_PARAMETERS",
        "GIT_CONFIG_SYSTEM",
        "GIT_EXEC_PATH",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
    }
)


# Programs that run as long as we do.
_running: list[object] = []


class Completed:
    """How a child ended: its exit status and all it wrote."""

    __slots__ = ("returncode", "stderr", "stdout")

    def __init__(self, returncode: int, stdout: bytes, stderr: bytes) -> None:
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr


def without_git(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a child: without the GIT_* variables of the hook that called, and marked as ours.

    `DBSYNC_ACTIVE` lets the hooks see that they were caused by dbsync itself.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith("GIT_") or name in GIT_KEPT or name.startswith(("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"))
    }
    kept["DBSYNC_ACTIVE"] = "1"
    return kept


def git_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for reading with git: no prompt, no lock, no lazy fetch, untranslated messages."""
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    return {**without_git(environ), **quiet, "GIT_LITERAL_PATHSPECS": "1"}


def run(  # noqa: PLR0913 - subprocess's own words
    argv: Sequence[str],
    *,
    cwd: str,
    env: Mapping[str, str],
    input: bytes = b"",  # noqa: A002 - subprocess's own word
    seconds: float | None = None,
    user: str | None = None,
) -> Completed:
    """Run a program to its end and return what it wrote; never raises for its exit status. `user` is for root.

    One that takes longer than `seconds` is ended, with exit status 124 as timeout(1) has it.
    """
    import subprocess

    try:
        done = subprocess.run(
            argv, cwd=cwd, env=env, input=input, capture_output=True, check=False, timeout=seconds, user=user
        )
    except subprocess.TimeoutExpired:
        return Completed(124, b"", f"it took longer than {seconds:.0f} s".encode())
    return Completed(done.returncode, done.stdout, done.stderr)


def start(  # noqa: PLR0913 - subprocess's own words
    argv: Sequence[str], *, cwd: str, env: Mapping[str, str], stderr: int, keep_open: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """Start a program that is talked to over its standard streams.

    `stderr` is an open file descriptor; those in `keep_open` are inherited (a lock file's, say).
    """
    import subprocess

    return subprocess.Popen(
        argv, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, pass_fds=keep_open
    )


def keep_running(argv: Sequence[str], *, log: str, user: str | None, lock: int) -> None:
    """Start a program that runs while this process does, and on to the end of what it does when its input ends.

    Its input is a pipe that this process alone writes to. It has nothing of our standard streams, so nobody who waits
    for those waits for it. It inherits `lock`. `user` is who it runs as, for root.
    """
    import subprocess

    with open(log, "ab") as file:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            user=user,
            pass_fds=(lock,),
            start_new_session=True,
        )
    _running.append(child)


def capture(argv: Sequence[str], *, env: Mapping[str, str], input: bytes = b"") -> Completed:  # noqa: A002 - subprocess's own word
    """Do what `run` does without importing `subprocess`, which costs as much as three git calls.

    For short reads on hot paths: standard input and error go through unlinked files, so nothing can block.
    """
    if not hasattr(os, "posix_spawnp"):
        return run(argv, cwd=".", env=env, input=input)
    reader, writer = os.pipe()
    given, said = _file_holding(input), _file_holding(b"")
    actions = [(os.POSIX_SPAWN_DUP2, fd, target) for fd, target in ((given, 0), (writer, 1), (said, 2))]
    try:
        try:
            pid = os.posix_spawnp(argv[0], list(argv), dict(env), file_actions=actions)
        finally:
            os.close(writer)
        stdout = _read_to_end(reader)
        status = os.waitpid(pid, 0)[1]
        os.lseek(said, 0, os.SEEK_SET)
        return Completed(os.waitstatus_to_exitcode(status), stdout, _read_to_end(said))
    finally:
        for fd in (reader, given, said):
            os.close(fd)


def _file_holding(content: bytes) -> int:
    fd = _anonymous_file()
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("dbsync")
    import tempfile

    fd, path = tempfile.mkstemp()
    os.unlink(path)
    return fd


def _read_to_end(fd: int) -> bytes:
    parts = []
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    return b"".join(parts)

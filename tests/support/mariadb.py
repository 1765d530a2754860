"""One real MariaDB server a test run, started when the first test asks for it and gone when the run is."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pymysql
import pytest

from tests.support.postgres import ServerFailedError, free_port, keep, started_once, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "DBSYNC_TESTS_MARIADB"
PID = "data/pid"
FIND = Path(__file__).with_name("find_mariadb.sh")
# What makes the system tables, in this order; the same files as mariadb-install-db reads.
TABLES = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
# A server for tests: no durability, little memory.
SETTINGS = {
    "innodb_flush_log_at_trx_commit": "0",
    "innodb_log_file_size": "10M",
    "innodb_buffer_pool_size": "32M",
    "innodb_use_native_aio": "0",
    "sync_frm": "0",
    "log_warnings": "0",
}
# `frugal` may read and write the databases of tests, and make none.
USERS = "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP ON `t%`.* TO 'frugal'@'127.0.0.1' IDENTIFIED BY 'little'"


class Database(NamedTuple):
    """An empty database: `url` over the Unix socket and `tcp` over loopback, both for SQLAlchemy with PyMySQL."""

    name: str
    url: str
    tcp: str


class Server(NamedTuple):
    """The running server. `folder` holds its socket; it listens on loopback `port` too."""

    folder: str
    port: int

    def url(self, database: str, driver: str = "pymysql", dialect: str = "mysql") -> str:
        """Return the SQLAlchemy URL of a database, over the Unix socket."""
        return f"{dialect}+{driver}://root@localhost/{database}?unix_socket={self.folder}/socket"

    def tcp(self, database: str, driver: str = "pymysql", user: str = "root", dialect: str = "mysql") -> str:
        """Return the SQLAlchemy URL of a database, over loopback; `user` may be `frugal:little`."""
        return f"{dialect}+{driver}://{user}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str | None = None) -> pymysql.Connection:
        """Open a connection of the tests' own, in autocommit."""
        return pymysql.connect(
            unix_socket=f"{self.folder}/socket", user="root", database=database, autocommit=True, charset="utf8mb4"
        )

    def query(self, statement: str, database: str | None = None) -> list[tuple]:
        """Run one statement and return its rows."""
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def create(self) -> Database:
        """Create an empty database."""
        name = f"t{os.getpid()}_{next(counter)}"
        self.query(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        return Database(name, self.url(name), self.tcp(name))

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.query(f"DROP DATABASE IF EXISTS `{name}`")


counter = itertools.count(1)


def running_server() -> Server:
    """Return the run's server, starting it if no test of any worker has yet. Raises ServerFailedError."""
    folder = os.environ[FOLDER]
    return Server(folder, started_once(folder, start))


def start(folder: str) -> int:
    """Initialise and start a server in `folder` and return its port."""
    program = find_server()
    options = {
        **SETTINGS,
        "datadir": f"{folder}/data",
        "socket": f"{folder}/socket",
        "pid_file": f"{folder}/{PID}",
        **files_of(program),
    }
    command = [str(program), "--no-defaults", *(f"--{name}={value}" for name, value in options.items())]
    command += ["--user=root"] if not os.geteuid() else []
    environ = {**os.environ, "LD_LIBRARY_PATH": libraries_of(program)}
    bootstrap(folder, command, environ)
    port = free_port()
    listening = [f"--port={port}", "--bind-address=127.0.0.1", "--skip-name-resolve"]
    keep(folder, [*command, *listening], env=environ, signal="TERM")
    wait_for(folder, lambda: answers(port))
    Server(folder, port).query(USERS)
    return port


def bootstrap(folder: str, command: list[str], environ: dict[str, str]) -> None:
    """Make the system tables."""
    os.mkdir(os.path.join(folder, "data"))
    share = Path(next(one for one in command if one.startswith("--lc_messages_dir=")).partition("=")[2])
    sql = "CREATE DATABASE mysql;\nUSE mysql;\n" + "".join((share / name).read_text() for name in TABLES)
    made = subprocess.run(
        [*command, "--bootstrap"], input=sql, env=environ, cwd=folder, capture_output=True, text=True, check=False
    )
    if made.returncode or "[ERROR]" in made.stderr:
        raise ServerFailedError(f"mariadbd --bootstrap failed:\n{made.stdout}{made.stderr}")


def find_server() -> Path:
    """Return where the server's program is."""
    found = subprocess.run(["sh", str(FIND)], capture_output=True, text=True, check=False).stdout.strip()
    if not found:
        raise ServerFailedError("there is no mariadbd here: install mariadb-server-core")
    return Path(found)


def files_of(program: Path) -> dict[str, str]:
    """Return where the server's messages and character sets are: beside its program, whatever it was built for."""
    for name in ("mysql", "mariadb"):
        share = program.parent.parent / "share" / name
        if (share / TABLES[0]).exists():
            return {"lc_messages_dir": str(share), "character_sets_dir": str(share / "charsets")}
    raise ServerFailedError(f"the files of {program} are not beside it")


def libraries_of(program: Path) -> str:
    """Return the folders of libraries that lie beside an unpacked server; of an installed one the system knows them."""
    return ":".join(sorted({str(one.parent) for one in (program.parent.parent / "lib").glob("*-linux-*/*.so*")}))


def answers(port: int) -> bool:
    """Tell whether the server takes connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def mariadb() -> Server:
    """Give the run's MariaDB server; an error, never a skip, when it cannot be started."""
    return running_server()


@pytest.fixture
def mariadb_database(mariadb: Server) -> Iterator[Database]:
    """Give an empty database of the test's own."""
    database = mariadb.create()
    yield database
    mariadb.drop(database.name)

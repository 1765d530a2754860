"""Which databases dbsync touches: none on another machine, none that looks like production, none not given to it."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.following import codes, follow, sql
from tests.support.project import Project, ini_text, stock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOREIGN = "postgresql+asyncpg://app:secret@db.example.com/app"

# The project's own code: tells whenever a name is resolved or an address is connected to from Python.
SITECUSTOMIZE = """\
import os, socket

def telling(function):
    def call(*args, **kw):
        with open({path!r}, "a") as file:
            file.write(repr(args[:2]) + "\\n")
        return function(*args, **kw)
    return call

socket.getaddrinfo = telling(socket.getaddrinfo)
socket.create_connection = telling(socket.create_connection)
"""

ASYNC_ENV = """\
import asyncio
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine

def run(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()

async def main():
    engine = create_async_engine(context.config.get_main_option("sqlalchemy.url"))
    async with engine.connect() as connection:
        await connection.run_sync(run)

asyncio.run(main())
"""

SECOND_ENGINE = """\
from sqlalchemy import create_engine
with create_engine({url!r}).connect():
    pass
"""


def use(project: Project, url: str) -> Project:
    """Let the project's one committed revision be applied to the database at `url`."""
    project.write("alembic.ini", ini_text("%(here)s/migrations", url))
    project.table("r1")
    project.commit("Use another database")
    return project


@pytest.fixture
def network(project: Project, tmp_path: Path) -> Callable[[], str]:
    """Give what the project's Python tried to reach, name lookups included."""
    folder, said = tmp_path / "site", tmp_path / "network"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE.format(path=str(said)))
    project.environ["PYTHONPATH"] = str(folder)
    return lambda: said.read_text() if said.exists() else ""


@contextmanager
def listening() -> Iterator[tuple[int, list[object]]]:
    """Listen on loopback; yields the port and the list of who connected."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, address = server.accept()
                except OSError:
                    return
                came.append(address)
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


# other machines


def test_a_foreign_host_is_refused_before_its_name_is_looked_up(project: Project, network):
    project.write("migrations/env.py", ASYNC_ENV)
    use(project, FOREIGN)
    done = project.dbsync("init", "--yes", check=False)

    assert (done.rc, codes(done)) == (1, ["DBS501"])
    assert "db.example.com is not on this machine" in done.err
    assert "`git config --add dbsync.allowHost db.example.com`" in done.err
    assert network() == ""


def test_allow_host_lets_it_pass(project: Project, network):
    project.write("migrations/env.py", ASYNC_ENV)
    use(project, FOREIGN.replace("db.example.com", "DB.nowhere.invalid"))
    project.git("config", "--add", "dbsync.allowHost", "Db.Nowhere.Invalid")
    done = project.dbsync("init", "--yes", check=False)

    assert "DBS501" not in codes(done)
    assert "nowhere.invalid" in network().lower()


def test_a_tracked_file_allows_no_host(project: Project, network):
    project.write("migrations/env.py", ASYNC_ENV)
    project.write("pyproject.toml", '[tool.dbsync]\nallowHost = ["db.example.com"]\n')
    use(project, FOREIGN)
    done = project.dbsync("init", "--yes", check=False)

    assert codes(done) == ["DBS501"]
    assert "pyproject.toml proposes allowHost" in done.err
    assert network() == ""


def test_no_packet_leaves_by_way_of_libpq_either(project: Project):
    with listening() as (port, came):
        use(project, f"postgresql+psycopg://app:secret@0.0.0.0:{port}/app")
        assert codes(project.dbsync("init", "--yes", check=False)) == ["DBS501"]
        assert came == []

        project.git("config", "dbsync.allowHost", "0.0.0.0")
        project.dbsync("init", "--yes", check=False)
        assert came != []


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://app@localhost,db.example.com/app",
        "postgresql+psycopg://app@/app?host=localhost&host=db.example.com",
        "postgresql+psycopg://app@/app?host=db.example.com",
        "postgresql+psycopg://app@localhost/app?hostaddr=10.1.2.3",
        "postgresql+psycopg://app@127.0.0.1.example.com/app",
        "postgresql+psycopg://app@127.example.com/app",
        "postgresql+psycopg://app@localhost.example.com/app",
        "postgresql+psycopg://app@10.0.0.1/app",
        "postgresql+psycopg://app@[2001:db8::1]/app",
        "postgresql+psycopg://app@localhost/app?service=prod",
        "postgresql+psycopg://app@localhost/app?conninfo=hostaddr%3D10.1.2.3",
        "postgresql+psycopg2://app@localhost/app?dsn=hostaddr%3D10.1.2.3",
        "postgresql+psycopg2://app@db.example.com/app",
    ],
)
def test_every_way_to_name_a_foreign_host_is_seen(project: Project, url):
    use(project, url)

    assert codes(project.dbsync("init", "--yes", check=False)) == ["DBS501"]


@pytest.mark.parametrize(
    ("url", "variables"),
    [
        ("postgresql+psycopg:///app", {"PGHOST": "db.example.com"}),
        ("postgresql+psycopg:///app", {"PGHOST": "localhost,db.example.com"}),
        ("postgresql+psycopg:///app", {"PGHOSTADDR": "10.1.2.3"}),
        ("postgresql+psycopg://app@localhost/app", {"PGHOSTADDR": "10.1.2.3"}),
        ("postgresql+psycopg:///app", {"PGSERVICE": "anything"}),
    ],
)
def test_libpqs_variables_count(project: Project, url, variables):
    project.environ |= variables
    use(project, url)

    assert codes(project.dbsync("init", "--yes", check=False)) == ["DBS501"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "[::1]", "db.localhost", ""])
def test_this_machine_is_allowed(project: Project, host):
    with listening() as (port, _):
        use(project, f"postgresql+psycopg://app@{host}:{port}/app")
        found = codes(project.dbsync("init", "--yes", check=False))

    assert found not in (["DBS501"], ["DBS503"])


def test_a_second_engine_that_env_py_builds_itself_is_covered(project: Project):
    with listening() as (port, came):
        second = SECOND_ENGINE.format(url=f"postgresql+psycopg://app@0.0.0.0:{port}/app")
        project.write("migrations/env.py", second + stock("env.py"))
        use(project, "sqlite:///dev.db")

        assert codes(project.dbsync("init", "--yes", check=False)) == ["DBS501"]
        assert came == []


def test_a_listener_of_the_project_that_changes_the_host_is_covered(project: Project):
    with listening() as (port, came):
        listener = f"""\
from sqlalchemy import event
from sqlalchemy.engine import Engine

@event.listens_for(Engine, "do_connect")
def token(dialect, record, cargs, cparams):
    cparams["host"], cparams["port"] = "0.0.0.0", {port}

"""
        project.write("migrations/env.py", listener + stock("env.py"))
        use(project, "postgresql+psycopg://app@localhost/app")

        assert codes(project.dbsync("init", "--yes", check=False)) == ["DBS501"]
        assert came == []


def test_a_database_that_became_foreign_after_its_adoption_is_left_alone(project: Project):
    use(project, "sqlite:///dev.db")
    follow(project)
    with listening() as (port, came):
        project.switch("--quiet", "-c", "feature")
        project.write("alembic.ini", ini_text("%(here)s/migrations", f"postgresql+psycopg://app@0.0.0.0:{port}/app"))
        project.table("r2", "r1")
        project.git("add", "--all")
        done = project.git("commit", "--quiet", "--message", "Use another")

        assert codes(done) == ["DBS501"]
        assert codes(project.dbsync("sync", check=False)) == ["DBS501"]
        assert project.dbsync("ensure", check=False).rc == 1
        assert came == []


# names that look like production


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://app@localhost/app_prod",
        "postgresql+psycopg://app@localhost/production",
        "postgresql+psycopg://app@localhost/app-Staging",
        "postgresql+psycopg://live@localhost/app",
        "postgresql+psycopg://app@preprod.localhost/app",
        "sqlite:///prod.db",
        "sqlite:///data/app.live.sqlite",
    ],
)
def test_a_marker_in_database_user_or_host_is_refused(project: Project, url):
    use(project, url)
    project.path("data").mkdir()

    assert codes(project.dbsync("init", "--yes", check=False)) == ["DBS503"]
    assert not project.path("prod.db").exists()


@pytest.mark.parametrize("url", ["sqlite:///product.db", "sqlite:///alive.db", "sqlite:///backstage.db"])
def test_words_that_only_hold_one_are_not_markers(project: Project, url):
    use(project, url)

    assert codes(project.dbsync("init", "--yes", check=False)) == []


@pytest.mark.parametrize(
    "name", ["ENV", "APP_ENV", "ENVIRONMENT", "FLASK_ENV", "DJANGO_ENV", "PYTHON_ENV", "RAILS_ENV"]
)
def test_a_marker_in_the_environment_is_refused_even_when_the_database_was_adopted(project: Project, name):
    use(project, "sqlite:///dev.db")
    follow(project)
    project.switch("--quiet", "-c", "feature")
    project.table("r2", "r1")
    project.environ[name] = "Production"
    project.git("add", "--all")
    done = project.git("commit", "--quiet", "--message", "Add r2")

    assert codes(done) == ["DBS503"]
    assert sql(project, "SELECT version_num FROM alembic_version") == [("r1",)]


def test_pguser_counts(project: Project):
    project.environ["PGUSER"] = "prod"
    use(project, "postgresql+psycopg:///app")

    assert codes(project.dbsync("init", "--yes", check=False)) == ["DBS503"]


# files


def test_an_sqlite_file_elsewhere_is_refused(project: Project):
    for name in (
        "/var/lib/dbsync-test.db",
        "file:/var/lib/dbsync-test.db?uri=true",
        "file:%2fvar%2flib%2fx.db?uri=true",
    ):
        use(project, f"sqlite:///{name}".replace("%", "%%") if name.startswith("/") else f"sqlite:///{name}")
        assert codes(project.dbsync("init", "--yes", check=False)) == ["DBS502"], name


def test_a_link_out_of_the_repository_is_not_followed_unasked(project: Project):
    outside = Path(os.environ["HOME"], "outside.db")
    outside.touch()
    project.path("dev.db").symlink_to(outside)
    use(project, "sqlite:///dev.db")
    done = project.dbsync("init", "--yes", check=False)

    assert codes(done) == ["DBS502"]
    assert outside.read_bytes() == b""


def test_a_file_in_the_home_folder_is_not_adopted_unasked(project: Project):
    use(project, f"sqlite:///{os.environ['HOME']}/home.db")
    done = project.dbsync("init", "--yes", check=False)

    assert codes(done) == ["DBS502"]
    assert not Path(os.environ["HOME"], "home.db").exists()


# passwords


CANARY = "c4naryPassw0rd"


def everything_written(project: Project) -> str:
    """Return all that lies in the state folder, and beside it in .git, as text."""
    files = [*project.path(".git/dbsync").rglob("*"), *project.path(".git").glob("dbsync*")]
    return "\n".join(path.read_bytes().decode("latin-1") for path in files if path.is_file())


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "asyncpg"])
@pytest.mark.parametrize("place", ["user", "query"])
def test_no_password_in_output_process_list_or_files(project: Project, postgres, postgres_database, driver, place):
    database = postgres_database.name
    with postgres.connect() as connection:
        connection.execute(f"CREATE ROLE {database} LOGIN SUPERUSER PASSWORD '{CANARY}'")
    url = f"postgresql+{driver}://{database}:{CANARY}@127.0.0.1:{postgres.port}/{database}"
    if place == "query":
        url = f"postgresql+{driver}://{database}@127.0.0.1:{postgres.port}/{database}?password={CANARY}"
    if driver == "asyncpg":
        project.write("migrations/env.py", ASYNC_ENV)
    use(project, url)
    text = project.path("migrations/env.py").read_text()
    project.write(
        "migrations/env.py", f"{text}\nopen('ps', 'w').write(__import__('subprocess').getoutput('ps axww -o args'))\n"
    )
    said = [project.dbsync("init", "--yes")]
    project.switch("--quiet", "-c", "feature")
    project.table("r2", "r1")
    project.git("add", "--all")
    said.append(project.git("commit", "--quiet", "--message", "Add r2"))
    said.append(project.dbsync("status"))
    said.append(project.dbsync("status", "--json"))
    with postgres.connect() as connection:
        connection.execute(f"ALTER ROLE {database} NOLOGIN")
    said.append(project.dbsync("sync", check=False))

    assert said[-1].rc == 1
    assert "dbsync" in project.path("ps").read_text()
    assert CANARY not in project.path("ps").read_text()
    assert CANARY not in "".join(done.out + done.err for done in said)
    assert CANARY not in everything_written(project)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql:/app:{CANARY}@localhost/app",
        f"postgresql+psycopg://app:{CANARY}@localhost:port/app",
        f"nothing://app:{CANARY}@localhost/app",
        f"app:{CANARY}@localhost",
        f"postgresql+psycopg://app@localhost/app?password={CANARY}&nonsense=1",
        f"postgresql+psycopg://app:{CANARY}@db.example.com/app?password={CANARY}",
        f"postgresql+psycopg://app:{CANARY}@app_prod:1/app",
    ],
)
def test_no_password_in_what_is_said_of_a_wrong_url(project: Project, url):
    use(project, url)
    done = project.dbsync("init", "--yes", check=False)

    assert done.rc == 1
    assert CANARY not in done.out + done.err


def test_a_percent_sign_that_was_not_doubled_shows_no_password(project: Project):
    use(project, "sqlite:///dev.db")
    text = project.path("alembic.ini").read_text()
    project.write("alembic.ini", text.replace("sqlite:///dev.db", f"postgresql://app:{CANARY}%40@localhost/app"))
    done = project.dbsync("init", "--yes", check=False)

    assert done.rc != 0
    assert CANARY not in done.out + done.err

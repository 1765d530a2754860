"""The commit gate on PostgreSQL: a scratch database on the same server, kept and gone on with."""

from __future__ import annotations

import pytest

from tests.support.models import model, with_models

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


def test_without_the_right_to_create_databases_another_server_may_be_named(modelled, postgres, postgres_database):
    with postgres.connect(postgres_database.name) as connection:
        connection.execute("DROP ROLE IF EXISTS frugal")
        connection.execute("CREATE ROLE frugal LOGIN")
    ini = modelled.path("alembic.ini")
    url = next(line for line in ini.read_text().splitlines() if line.startswith("sqlalchemy.url"))
    poor = postgres.tcp(postgres_database.name, user="frugal").replace("%", "%%")
    ini.write_text(ini.read_text().replace(url, f"sqlalchemy.url = {poor}"))
    model(modelled, columns=EMAIL)

    done = commit(modelled)
    assert (done.rc, "no scratch database can be made: " in done.err) == (0, True), done.err
    assert "dbsync.shadowUrl" in done.err

    modelled.git("config", "dbsync.shadowUrl", postgres_database.url)
    modelled.git("reset", "--soft", "HEAD~1")
    done = commit(modelled)
    assert (done.rc, "[DBS201]" in done.err) == (1, True), done.err


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
    ini = modelled.path("alembic.ini")
    url = next(line for line in ini.read_text().splitlines() if line.startswith("sqlalchemy.url"))
    ini.write_text(ini.read_text().replace(url, "sqlalchemy.url = postgresql+psycopg://a:b@127.0.0.1:1/gone"))

    said = modelled.dbsync("doctor", "--fix", check=False).err
    assert "did not answer" in said
    assert all(name in said for name in ours)
    said = modelled.dbsync("uninstall").err
    assert all(name in said for name in ours)
    for name in ours:
        postgres.drop(name)


def test_a_server_that_is_down_stops_no_commit(modelled):
    ini = modelled.path("alembic.ini")
    url = next(line for line in ini.read_text().splitlines() if line.startswith("sqlalchemy.url"))
    ini.write_text(ini.read_text().replace(url, "sqlalchemy.url = postgresql+psycopg://a:b@127.0.0.1:1/gone"))
    model(modelled, columns=EMAIL)

    done = commit(modelled)

    assert (done.rc, "warning: not judged" in done.err) == (0, True), done.err

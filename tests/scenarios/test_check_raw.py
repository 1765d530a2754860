"""An env.py, or what it imports, that connects past SQLAlchemy: the development database stays what it is."""

from __future__ import annotations

import pytest

from tests.support.models import model, with_models

EMAIL = "email = sa.Column(sa.String(20))"
RAW = {
    "sqlite3": 'import sqlite3\nc = sqlite3.connect("dev.db")\nc.execute("create table if not exists stray (id int)")\nc.execute("insert into stray values (1)")\nc.commit()\n',
    "creator": 'import sqlite3\nfrom sqlalchemy import create_engine, text\nwith create_engine("sqlite://", creator=lambda: sqlite3.connect("dev.db")).begin() as c:\n    c.execute(text("create table if not exists stray (id int)"))\n',
}


def edited(project, code):
    env = project.path("migrations/env.py")
    env.write_text(
        env.read_text().replace("\ndef run_migrations_offline(", f"\n{code}\n\ndef run_migrations_offline(", 1)
    )
    project.commit("raw", verify=False)


@pytest.mark.parametrize("kind", RAW)
def test_sqlite(project, kind):
    with_models(project)
    project.dbsync("init", "--yes")
    edited(project, RAW[kind])
    path = project.path("dev.db")
    before = path.read_bytes()
    model(project, columns=EMAIL)

    done = project.git("commit", "-am", "change", check=False)

    assert (done.rc, "warning: not judged: sqlite3.connect is called" in done.err) == (0, True), done.err
    assert "[DBS221]" in done.err
    assert "warning: not verified: sqlite3.connect is called" in project.dbsync("verify", "--all").err
    project.environ["CI"] = "true"
    assert "error: not verified" in project.dbsync("verify", "--all", check=False).err
    assert path.read_bytes() == before


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "asyncpg"])
def test_postgresql(postgres_project, postgres, postgres_database, driver):
    project = with_models(postgres_project)
    project.alembic("upgrade", "head")
    where = f'host={postgres.folder!r}, port={postgres.port}, user="postgres"'
    statement = '"create table stray (id int)"'
    code = f"import {driver}\nc = {driver}.connect({where}, dbname={postgres_database.name!r})\nc.cursor().execute({statement})\nc.commit()\n"
    if driver == "asyncpg":
        code = f"import asyncio, asyncpg\nasync def stray():\n    c = await asyncpg.connect({where}, database={postgres_database.name!r})\n    await c.execute({statement})\nasyncio.run(stray())\n"
    edited(project, code)

    done = project.dbsync("check", check=False)

    assert f"not judged: {driver}.connect is called past SQLAlchemy" in done.err, done.err
    with postgres.connect(postgres_database.name) as connection:
        assert connection.execute("select to_regclass('stray')").fetchone() == (None,)


def test_what_lives_in_memory_is_no_bodys_business(project):
    with_models(project)
    project.commit("models", allow_empty=True)
    edited(project, 'import sqlite3\nsqlite3.connect(":memory:").execute("create table x (id int)")')

    assert "DBS" not in project.dbsync("check").err

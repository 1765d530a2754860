"""`dbsync snapshot` on PostgreSQL: databases beside the live one, put in its place by two renames."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.engines.branches import grow
from tests.support.following import codes
from tests.support.kept import clear_up, kept, there, write
from tests.support.project import Project
from tests.support.schema import assert_in_sync, state_of
from tests.support.warm_python import warm_python

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgres import Server

pytestmark = pytest.mark.postgres


def saved(project: Project) -> list[dict[str, Any]]:
    return json.loads(project.dbsync("snapshot", "--json").out)["snapshots"]


@pytest.fixture
def filled(postgres_project: Project, postgres: Server) -> Iterator[Project]:
    """Give a project on feature with rows in what only feature has."""
    postgres_project.git("config", "dbsync.interpreter", warm_python(postgres_project.python))
    grow(postgres_project)
    postgres_project.switch("feature")
    write(postgres_project.url, "INSERT INTO users (name, mood) VALUES ('ada', 'loud'), ('bob', NULL)")
    yield postgres_project
    clear_up(postgres_project, postgres)


def test_rows_are_as_they_were_saved_and_the_restore_is_undone(filled: Project, postgres: Server):
    before = state_of(filled.url)
    done = filled.dbsync("snapshot", "save", "full")
    assert "saved full" in done.err
    write(filled.url, "DELETE FROM users", "INSERT INTO orders (name) VALUES ('since')")
    changed = state_of(filled.url)

    filled.dbsync("snapshot", "restore", "full")
    assert state_of(filled.url) == before
    assert_in_sync(filled)
    assert there(postgres, kept(filled)) == sorted(kept(filled))

    filled.dbsync("undo")
    assert state_of(filled.url) == changed
    filled.dbsync("undo")
    assert state_of(filled.url) == before
    assert [one["name"] for one in saved(filled)] == ["full"]


def test_what_was_written_after_a_restore_is_not_lost_by_an_undo(filled: Project):
    filled.dbsync("snapshot", "save", "full")
    filled.dbsync("snapshot", "restore", "full")
    write(filled.url, "INSERT INTO users (name) VALUES ('eve')")
    now = state_of(filled.url)

    done = filled.dbsync("undo", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS321"])
    assert state_of(filled.url) == now

    filled.dbsync("undo", "--yes")
    filled.dbsync("undo")
    assert state_of(filled.url) == now


def test_one_of_another_branch_is_put_back_and_held_until_a_sync(filled: Project):
    before = state_of(filled.url)
    filled.dbsync("snapshot", "save", "full")
    filled.switch("main")
    filled.git("branch", "-D", "feature")

    done = filled.dbsync("snapshot", "restore", "full")
    assert "held there" in done.err
    assert state_of(filled.url) == before

    filled.dbsync("sync")
    assert_in_sync(filled)


def test_it_is_listed_with_its_size_and_dropped(filled: Project, postgres: Server):
    filled.dbsync("snapshot", "save", "one")
    (one,) = saved(filled)
    (name,) = kept(filled)
    assert one["size"] > 1_000_000
    assert name.startswith("dbsync_kept_")
    assert "MB" in filled.dbsync("snapshot").out

    filled.dbsync("snapshot", "drop", "one")
    assert (saved(filled), kept(filled), there(postgres, [name])) == ([], [], [])


def test_nobody_gets_into_what_is_kept(filled: Project, postgres: Server):
    filled.dbsync("snapshot", "save", "one")
    with pytest.raises(psycopg.OperationalError, match="not currently accepting"):
        postgres.connect(kept(filled)[0])


@pytest.mark.parametrize("action", ["save", "restore"])
def test_who_is_connected_is_named_and_stays(filled: Project, postgres: Server, postgres_database: Any, action: str):
    filled.dbsync("snapshot", "save", "full")
    with postgres.connect(postgres_database.name) as other:
        other.execute("SET application_name = 'my editor'")
        before = state_of(filled.url)
        done = filled.dbsync("snapshot", action, "full" if action == "restore" else "second", check=False)
        assert (done.rc, codes(done)) == (1, ["DBS330"])
        assert f"{other.info.backend_pid} my editor" in done.err
        assert other.execute("SELECT 1").fetchone() == (1,)
        assert state_of(filled.url) == before
    assert_in_sync(filled)
    assert [one["name"] for one in saved(filled)] == ["full"]


def test_it_waits_for_them_where_that_is_said(filled: Project, postgres: Server, postgres_database: Any):
    other = postgres.connect(postgres_database.name)
    timer = threading.Timer(3, other.close)
    timer.start()
    begin = time.monotonic()
    filled.dbsync("snapshot", "save", "full", "--wait")
    assert time.monotonic() - begin > 2
    assert [one["name"] for one in saved(filled)] == ["full"]


@pytest.mark.parametrize(("rights", "said"), [("", "may not create databases"), ("CREATEDB", "does not own")])
def test_who_may_not_is_told_in_a_sentence(
    postgres: Server, postgres_database: Any, tmp_path: Any, rights: str, said: str
):
    role = f"modest_{postgres_database.name}"
    with postgres.connect(postgres_database.name) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN {rights}")
        connection.execute(f"GRANT ALL ON SCHEMA public TO {role}")
    project = Project.create(tmp_path / "project", url=postgres.tcp(postgres_database.name, user=role))
    try:
        project.table("r1")
        project.commit("Add r1")
        project.dbsync("init", "--yes")
        done = project.dbsync("snapshot", "save", "one", check=False)
        assert (done.rc, codes(done), said in done.err) == (1, ["DBS331"], True)
        assert (saved(project), kept(project)) == ([], [])
    finally:
        with postgres.connect(postgres_database.name) as connection:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"REASSIGN OWNED BY {role} TO postgres")
            connection.execute(f"DROP ROLE {role}")


HOSTILE = 'my "odd" db; DROP DATABASE x --\' é'


@pytest.fixture
def hostile(postgres: Server, tmp_path: Any) -> Iterator[Project]:
    """Give a project whose database has a name that has to be quoted."""
    from urllib.parse import quote

    from psycopg import sql

    named = sql.Identifier(HOSTILE)
    with postgres.connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} STRATEGY wal_log").format(named))
    project = Project.create(tmp_path / "project", url=postgres.url(quote(HOSTILE)))
    yield project
    clear_up(project, postgres)
    with postgres.connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(named))


def test_a_name_that_has_to_be_quoted(hostile: Project, postgres: Server):
    hostile.table("r1")
    hostile.commit("Add r1")
    hostile.dbsync("init", "--yes")
    hostile.dbsync("snapshot", "save", "one")
    with postgres.connect(HOSTILE) as connection:
        connection.execute("INSERT INTO t_r1 (name) VALUES ('since')")
    hostile.dbsync("snapshot", "restore", "one")
    with postgres.connect(HOSTILE) as connection:
        assert connection.execute("SELECT count(*) FROM t_r1").fetchone() == (0,)


def about(postgres: Server, name: str) -> Any:
    """Return what belongs to a database and is not in it."""
    query = (
        "SELECT pg_get_userbyid(datdba), datacl::text, datconnlimit, shobj_description(oid, 'pg_database'),"
        " (SELECT array_agg(coalesce(s.setrole::regrole::text, '') || ' ' || c ORDER BY s.setrole, c)"
        " FROM pg_db_role_setting s, unnest(s.setconfig) c WHERE s.setdatabase = d.oid)"
        " FROM pg_database d WHERE datname = %s"
    )
    with postgres.connect() as connection:
        return connection.execute(query, (name,)).fetchone()


def test_what_belongs_to_the_database_survives_a_restore(filled: Project, postgres: Server, postgres_database: Any):
    name, role = postgres_database.name, f"reader_{postgres_database.name}"
    with postgres.connect() as connection:
        for statement in (
            f"CREATE ROLE {role}",
            f"ALTER DATABASE {name} SET search_path TO '$user', public, 'odd, \"name\"'",
            f"ALTER DATABASE {name} SET work_mem TO '5MB'",
            f"ALTER DATABASE {name} SET my.setting TO 'it''s, \"quoted\"'",
            f"ALTER ROLE {role} IN DATABASE {name} SET statement_timeout TO '7s'",
            f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
            f"GRANT CONNECT ON DATABASE {name} TO {role} WITH GRANT OPTION",
            f"COMMENT ON DATABASE {name} IS 'it''s mine'",
            f"ALTER DATABASE {name} CONNECTION LIMIT 50",
            f"ALTER DATABASE {name} OWNER TO guarded",
        ):
            connection.execute(statement)
    try:
        before = about(postgres, name)
        filled.dbsync("snapshot", "save", "full")
        filled.dbsync("snapshot", "restore", "full")
        assert about(postgres, name) == before
        filled.dbsync("undo")
        assert about(postgres, name) == before
    finally:
        filled.dbsync("uninstall")
        with postgres.connect() as connection:
            connection.execute(f"ALTER DATABASE {name} OWNER TO postgres")
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"ALTER ROLE {role} IN DATABASE {name} RESET ALL")
            connection.execute(f"DROP ROLE {role}")


def test_uninstall_drops_what_was_kept_for_an_undo_and_with_purge_all(filled: Project, postgres: Server):
    filled.dbsync("snapshot", "save", "one")
    filled.dbsync("snapshot", "restore", "one")
    names = kept(filled)
    assert len(there(postgres, names)) == 2
    assert "snapshot one of" in filled.dbsync("doctor").out

    done = filled.dbsync("uninstall")
    (left,) = kept(filled)
    assert f"{left} stays: snapshot one" in done.err
    assert there(postgres, names) == [left]

    filled.dbsync("uninstall", "--purge")
    assert there(postgres, names) == []
    filled.dbsync("init", "--yes")

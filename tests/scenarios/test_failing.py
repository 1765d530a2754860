"""Steps that fail and processes that are killed: all or nothing, said in one sentence, and settled by the next command."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.support.following import (
    assert_follows,
    codes,
    dump,
    follow,
    ledger_entries,
    ledger_path,
    sql,
    state,
)

if TYPE_CHECKING:
    from tests.support.project import Completed, Project

GOOD_UP = 'op.create_table("people", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(50)))'
ROWS = "INSERT INTO people VALUES (1, 'Ada'), (2, 'Bob')"


@pytest.fixture
def people(project: Project) -> Project:
    """Give a project whose database follows Git and has the table people with two rows (r1)."""
    project.revision("r1", None, GOOD_UP, 'op.drop_table("people")')
    project.commit("Add r1")
    follow(project)
    sql(project, ROWS)
    return project


def errors(done: Completed) -> list[str]:
    return [line for line in done.err.splitlines() if line.startswith("error: ")]


FAILING = {
    "bad SQL": ('op.add_column("people", sa.Column("x", sa.Text)); op.execute("no SQL")', "DBS413"),
    "rows that do not fit": (
        """
        with op.batch_alter_table("people") as batch:
            batch.add_column(sa.Column("x", sa.Integer))
        op.execute("UPDATE people SET x = 1")
        with op.batch_alter_table("people") as batch:
            batch.create_unique_constraint("u", ["x"])
        """,
        "DBS413",
    ),
    "a Python error after changes": (
        'op.execute("UPDATE people SET name = NULL"); op.create_table("x", sa.Column("y", sa.Text)); 1 / 0',
        "DBS413",
    ),
    "an error in the middle of a batch": (
        """
        with op.batch_alter_table("people", recreate="always") as batch:
            batch.add_column(sa.Column("x", sa.Integer, nullable=False))
        """,
        "DBS413",
    ),
    "an exit": ('op.drop_table("people"); raise SystemExit(0)', "DBS413"),
    "an interruption": ('op.drop_table("people"); raise KeyboardInterrupt', "DBS413"),
    "a missing import": ('op.drop_table("people"); import nowhere', "DBS413"),
    "its own commit": ('op.drop_table("people"); op.get_bind().commit()', "DBS410"),
    "its own rollback": ('op.drop_table("people"); op.get_bind().rollback()', "DBS410"),
    "a version table of its own mind": ("op.execute(\"UPDATE alembic_version SET version_num = 'zzz'\")", "DBS4"),
    "a second connection": (
        """
        with op.get_bind().engine.connect() as other:
            other.execute(sa.text("DELETE FROM people"))
            other.commit()
        """,
        "DBS406",
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_an_upgrade_that_fails_changes_nothing(people: Project, name: str):
    body, code = FAILING[name]
    before, known = dump(people), ledger_entries(people)
    path = people.revision("r2", "r1", body)
    people.git("add", "--all")
    done = people.git("commit", "--quiet", "-m", "Add r2")
    assert done.rc == 0
    (only,) = codes(done)
    assert only.startswith(code), done.err
    assert len(errors(done)) == 1
    assert "Traceback" not in done.err
    assert "hint: " in done.err
    assert (dump(people), ledger_entries(people)) == (before, known)
    done = people.dbsync("ensure", check=False)
    assert (done.rc, codes(done)) == (1, [only])
    assert dump(people) == before
    assert state(people) == "behind"
    path.unlink()
    people.table("r2", "r1")
    people.dbsync("sync")
    assert_follows(people)


def test_a_downgrade_that_raises_changes_nothing(people: Project):
    people.switch("--quiet", "-c", "feature")
    people.revision("f2", "r1", 'op.create_table("x", sa.Column("y", sa.Text))', 'op.drop_table("x"); 1 / 0')
    people.table("f3", "f2")
    people.commit("Add f2 and f3")
    before = dump(people)
    done = people.switch("main")
    assert (done.rc, codes(done)) == (0, ["DBS413"])
    assert "the downgrade of f2 failed and was rolled back: ZeroDivisionError" in errors(done)[0]
    assert "f2_.py:" in errors(done)[0]
    assert dump(people) == before
    people.switch("feature")
    assert_follows(people)


def test_a_downgrade_that_there_is_none_of_changes_nothing(people: Project):
    people.switch("--quiet", "-c", "feature")
    people.table("f2", "r1")
    people.revision("f3", "f2", "pass", "raise NotImplementedError")
    people.commit("Add f2 and f3")
    before = dump(people)
    done = people.switch("main")
    assert (done.rc, codes(done)) == (0, ["DBS309"])
    assert "no way back" in done.err
    assert dump(people) == before


def test_an_upgrade_that_fails_after_a_downgrade_changes_nothing(people: Project):
    people.switch("--quiet", "-c", "feature")
    people.table("f2", "r1")
    people.commit("Add f2")
    people.git("switch", "--quiet", "main", env={"DBSYNC": "off"})
    people.table("m2", "r1")
    people.revision("m3", "m2", 'op.execute("no SQL")')
    before, known = dump(people), ledger_entries(people)
    people.git("add", "--all")
    done = people.git("commit", "--quiet", "-m", "Add m2 and m3")
    assert (done.rc, codes(done)) == (0, ["DBS413"])
    assert (dump(people), ledger_entries(people)) == (before, known)
    people.switch("feature")
    assert_follows(people)


@pytest.mark.parametrize("broken", ["syntax", "revision", "env"])
def test_what_cannot_be_loaded_changes_nothing(people: Project, broken: str):
    before = dump(people)
    if broken == "syntax":
        people.write("migrations/versions/r2.py", "revision = 'r2'\ndef upgrade(:\n")
    elif broken == "revision":
        people.table("r2", "r1")
        path = people.revision("r3", "r2")
        path.write_text(path.read_text() + "\nraise RuntimeError('not today')\n")
    else:
        people.table("r2", "r1")
        people.path("migrations/env.py").write_text("import os\nos.environ['NOT_SET']\n")
    people.git("add", "--all")
    done = people.git("commit", "--quiet", "--no-verify", "-m", "Break it")
    expected = {"syntax": "DBS101", "revision": "DBS413", "env": "DBS414"}[broken]
    assert (done.rc, codes(done)) == (0, [expected])
    assert dump(people) == before
    assert people.dbsync("status").rc == 0
    done = people.dbsync("sync", check=False)
    assert (done.rc, codes(done)) == (1, [expected])
    assert dump(people) == before


@pytest.mark.parametrize("program", ["false", "noise"])
def test_an_interpreter_that_ends_at_once_is_one_sentence(people: Project, program: str):
    path = people.top.parent / program
    path.write_text(f"#!/bin/sh\necho noise\nexit {3 if program == 'noise' else 1}\n")
    path.chmod(0o755)
    people.git("config", "dbsync.interpreter", str(path))
    people.table("r2", "r1")
    before = dump(people)
    done = people.dbsync("sync", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS415"]), done.err
    assert dump(people) == before


KILLING = '''
import glob, os, signal

def point(name):
    """End the worker or dbsync here, once, where the file `kill` says so."""
    if not os.path.exists("kill"):
        return
    with open("kill") as file:
        where, whom = file.read().split(":")
    if where != name:
        return
    os.remove("kill")
    pid = os.getpid()
    if whom == "dbsync":
        with open(glob.glob(".git/dbsync/databases/*.lock")[0]) as file:
            pid = int(file.read().split()[1])
    os.kill(pid, signal.SIGKILL)
'''
POINTS = ("down", "up", "before the commit", "after the commit")


@pytest.fixture
def mortal(project: Project) -> Project:
    """Give a project on feature that can be killed at POINTS of a switch to main (-2 +1)."""
    project.write("killing.py", KILLING)
    env = project.path("migrations/env.py")
    text = env.read_text().replace("from alembic import context", "import killing\nfrom alembic import context")
    inner = "            context.run_migrations()\n"
    assert text.count(inner) == 1
    text = text.replace(inner, inner + '            killing.point("before the commit")\n')
    env.write_text(text + 'killing.point("after the commit")\n')
    project.table("r1")
    project.commit("Add r1")
    create = 'op.create_table("m", sa.Column("id", sa.Integer)); import killing; killing.point("up")'
    project.revision("m2", "r1", create, 'op.drop_table("m")')
    project.commit("Add m2")
    project.switch("--quiet", "-c", "feature", "HEAD~1")
    project.table("f2", "r1")
    project.revision("f3", "f2", "pass", 'import killing; killing.point("down")')
    project.commit("Add f2 and f3")
    follow(project)
    sql(project, "INSERT INTO t_r1 (name) VALUES ('stays')")
    return project


@pytest.mark.parametrize("whom", ["worker", "dbsync"])
@pytest.mark.parametrize("where", POINTS)
def test_killed_anywhere_the_next_command_finishes_or_rolls_back(mortal: Project, where: str, whom: str):
    before = dump(mortal)
    mortal.write("kill", f"{where}:{whom}")
    done = mortal.switch("main")
    assert done.rc == 0
    assert not mortal.path("kill").exists()
    if (where, whom) != ("before the commit", "dbsync"):  # the worker may find out too late that dbsync is gone
        assert (dump(mortal) == before) == (where != "after the commit")
    assert state(mortal) == "interrupted"
    mortal.dbsync("ensure")
    assert_follows(mortal)
    assert sql(mortal, "SELECT name FROM t_r1") == [("stays",)]
    mortal.switch("feature")
    assert_follows(mortal)


@pytest.mark.parametrize("where", ["before the commit", "after the commit"])
def test_a_rewritten_revision_is_known_after_a_kill_though_its_id_stays(mortal: Project, where: str):
    path = mortal.top / mortal.revision_path("f2", "create t_f2")
    path.write_text(path.read_text().replace("String(50)", "String(99)"))
    mortal.write("kill", f"{where}:worker")
    assert mortal.dbsync("sync", check=False).rc == 1
    mortal.dbsync("sync")
    assert_follows(mortal)


@pytest.mark.parametrize("where", ["before the commit", "after the commit"])
def test_a_rewritten_change_of_rows_is_known_after_a_kill(mortal: Project, where: str):
    body = "op.execute(\"INSERT INTO t_r1 (name) VALUES ('{}')\")"
    mortal.revision("f4", "f3", body.format("before"), "pass")
    mortal.dbsync("sync")
    mortal.revision("f4", "f3", body.format("after"), "pass")
    mortal.write("kill", f"{where}:worker")
    mortal.dbsync("sync", check=False)
    mortal.dbsync("sync")
    assert_follows(mortal)
    assert sql(mortal, "SELECT name FROM t_r1 ORDER BY id") == [("stays",), ("before",), ("after",)]


def test_a_ledger_that_was_lost_is_made_again_from_git_and_says_so(mortal: Project):
    mortal.switch("main")
    mortal.switch("feature")
    ledger_path(mortal).unlink()
    assert mortal.dbsync("ensure").rc == 0
    mortal.dbsync("init", "--yes")
    assert_follows(mortal)


def test_env_that_raises_after_the_commit_leaves_a_right_ledger(mortal: Project):
    env = mortal.path("migrations/env.py")
    env.write_text(env.read_text() + "\nraise RuntimeError('too late')\n")
    mortal.git("commit", "--quiet", "-a", "-m", "Break env.py", env={"DBSYNC": "off"})
    mortal.git("switch", "--quiet", "-c", "broken", env={"DBSYNC": "off"})
    mortal.table("f4", "f3")
    done = mortal.dbsync("sync", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS414"])
    mortal.git("checkout", "--quiet", "HEAD~1", "--", "migrations/env.py")
    mortal.dbsync("ensure")
    assert_follows(mortal)


def test_a_copy_of_the_ledger_of_a_newer_dbsync_is_refused(people: Project):
    import sqlite3

    db = sqlite3.connect(ledger_path(people))
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = dump(people)
    for command in ("sync", "ensure", "status"):
        done = people.dbsync(command, check=False)
        assert done.rc in (1, 2), command
        assert "newer dbsync" in done.err
    people.table("r2", "r1")
    assert people.git("add", "--all").rc == people.git("commit", "--quiet", "-m", "x").rc == 0
    assert dump(people) == before


def test_a_commit_that_fails_is_not_taken_for_one(people: Project):
    people.switch("--quiet", "-c", "feature")
    people.table("f2", "r1")
    people.commit("Add f2")
    sql(people, "INSERT INTO t_f2 (name) VALUES ('a'), ('b')")
    people.switch("--quiet", "main")
    reader = sqlite3.connect(people.database.removeprefix("sqlite:///"), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM people").fetchall()  # lets others write, and keeps them from committing

    done = people.switch("feature")

    assert codes(done) == ["DBS404"]
    assert "back" not in done.err
    assert "t_f2" not in "".join(dump(people))
    reader.close()
    people.dbsync("sync")
    assert_follows(people)
    assert sql(people, "SELECT name FROM t_f2") == [("a",), ("b",)]

"""What `dbsync init` finds, shows, asks, adopts and leaves alone."""

from __future__ import annotations

import json
import os
import pty
import select
import sqlite3
import stat
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.flask import with_flask
from tests.support.following import (
    assert_follows,
    codes,
    database_status,
    dump,
    follow,
    ledger_entries,
    sql,
    status,
)
from tests.support.project import Project, ini_text, stock

if TYPE_CHECKING:
    from pathlib import Path

INIT = (sys.executable, "-P", "-m", "dbsync", "init")


def at_a_terminal(project: Project, *argv: str, answers: str, check: int | None = None) -> str:
    """Run a command at a terminal and type `answers`, one character a question; return the screen."""
    pid, fd = pty.fork()
    if not pid:
        os.chdir(project.top)
        os.execvpe(argv[0], argv, project.environment())
    screen, waiting, end = b"", list(answers), time.monotonic() + 60
    while time.monotonic() < end:
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            piece = os.read(fd, 4096)
        except OSError:  # Linux: the other side is closed
            break
        if not piece:
            break
        screen += piece
        if screen.endswith(b"[y/N] ") and waiting:
            os.write(fd, waiting.pop(0).encode() + b"\n")
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(fd)
    text = screen.decode(errors="replace").replace("\r\n", "\n")
    assert check is None or check == code, text
    return text


@pytest.fixture
def grown(project: Project) -> Project:
    """Give a project with the revisions r1 and r2, both applied, and no dbsync."""
    project.table("r1")
    project.table("r2", "r1")
    project.commit("Add r1 and r2")
    project.alembic("upgrade", "heads")
    return project


def untouched(project: Project) -> bool:
    """Say whether nothing of dbsync is there."""
    hooks = [name for name in os.listdir(project.path(".git/hooks")) if not name.endswith(".sample")]
    return not project.path(".git/dbsync").exists() and not hooks


# asking


def test_it_shows_the_database_and_asks_before_it_adopts(grown: Project):
    said = at_a_terminal(grown, *INIT, answers="y", check=0)

    assert "Let dev.db (sqlite, 0.0 MB) follow Git? [y/N] y" in said
    assert "dev.db (sqlite, 0.0 MB, at r2) follows Git now" in said
    assert_follows(grown)


def test_no_is_no(grown: Project):
    before = dump(grown)
    said = at_a_terminal(grown, *INIT, answers="n", check=1)

    assert "dev.db was not adopted" in said
    assert untouched(grown)
    assert dump(grown) == before


def test_where_nobody_can_be_asked_the_answer_is_no(grown: Project):
    done = grown.dbsync("init", check=False)

    assert (done.rc, codes(done)) == (1, ["DBS504"])
    assert "`dbsync init --yes`" in done.err
    assert untouched(grown)


def test_nobody_is_asked_under_ci(grown: Project):
    grown.environ["CI"] = "true"
    said = at_a_terminal(grown, *INIT, answers="y", check=1)

    assert "[y/N]" not in said
    assert untouched(grown)


def test_a_file_outside_the_repository_is_asked_about_and_not_taken_by_yes(grown: Project, tmp_path):
    path = tmp_path / "elsewhere.db"
    grown.path("dev.db").rename(path)
    grown.write("alembic.ini", ini_text("%(here)s/migrations", f"sqlite:///{path}"))
    grown.commit("Move it")
    assert codes(grown.dbsync("init", "--yes", check=False)) == ["DBS502"]
    assert untouched(grown)

    at_a_terminal(grown, *INIT, answers="y", check=0)
    assert status(grown)["environments"][0]["databases"][0]["database"] == str(path)


def test_a_missing_file_is_built_when_that_is_wanted(project: Project):
    project.table("r1")
    project.commit("Add r1")
    done = project.dbsync("init", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS403"])
    assert "`dbsync init --yes` builds it" in done.err
    assert not project.path("dev.db").exists()
    assert untouched(project)

    done = project.dbsync("init", "--yes")
    assert "dev.db  -0 +1  base -> r1" in done.err
    assert_follows(project)


def test_a_missing_file_is_not_made_by_a_sync_that_does_not_know_it(grown: Project):
    follow(grown)
    grown.write("alembic.ini", ini_text("%(here)s/migrations", "sqlite:///other.db"))

    assert codes(grown.dbsync("sync", check=False)) == ["DBS504"]
    assert not grown.path("other.db").exists()


def test_an_adopted_file_that_is_missing_is_built_by_sync(grown: Project):
    follow(grown)
    grown.path("dev.db").unlink()

    grown.dbsync("sync")
    assert_follows(grown)


# once more


def test_running_it_again_changes_nothing(grown: Project):
    follow(grown)
    before = (dump(grown), ledger_entries(grown), files(grown.path(".git")))
    done = grown.dbsync("init", "--yes")

    assert "hooks installed" not in done.err
    assert (dump(grown), ledger_entries(grown), files(grown.path(".git"))) == before


def files(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder that hold settings, hooks and trust."""
    paths = [*folder.glob("hooks/*"), folder / "config", *folder.glob("dbsync/hooks/*"), folder / "dbsync/trust.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}


def test_uninstalled_it_does_nothing_and_set_up_again_it_follows(grown: Project):
    hooks = {path.name: path.read_bytes() for path in grown.path(".git/hooks").iterdir()}
    follow(grown)
    grown.dbsync("uninstall")
    assert {path.name: path.read_bytes() for path in grown.path(".git/hooks").iterdir()} == hooks

    grown.switch("--quiet", "-c", "feature")
    grown.table("r3", "r2")
    grown.commit("Add r3")
    assert sql(grown, "SELECT version_num FROM alembic_version") == [("r2",)]
    done = grown.dbsync("init", "--yes")
    assert "-0 +1  r2 -> r3" in done.err
    assert_follows(grown)
    grown.switch("main")
    assert_follows(grown)


def test_uninstall_leaves_the_ledger_and_purge_takes_all(grown: Project):
    before = sorted(os.listdir(grown.path(".git")))
    follow(grown)
    grown.dbsync("uninstall")
    assert set(ledger_entries(grown)) == {"r1", "r2"}

    grown.dbsync("uninstall", "--purge")
    assert sorted(os.listdir(grown.path(".git"))) == before
    assert grown.dbsync("status").rc == 0
    assert grown.dbsync("ensure").rc == 0


def test_uninstall_where_nothing_is_installed_says_so(grown: Project):
    done = grown.dbsync("uninstall")

    assert "no hooks were installed" in done.err
    assert untouched(grown)


def test_all_that_it_writes_is_its_owners_alone(grown: Project):
    grown.environ["UMASK"] = "0"
    grown.run("sh", "-c", f"umask 0; exec {' '.join(INIT)} --yes", check=True)
    grown.switch("--quiet", "-c", "feature")
    grown.table("r3", "r2")
    grown.run("sh", "-c", "umask 0; git add --all; git commit --quiet --message 'Add r3'", check=True)
    sql(grown, "INSERT INTO t_r3 (name) VALUES ('kept')")
    grown.run("sh", "-c", "umask 0; git switch --quiet main", check=True)
    grown.run("sh", "-c", f"umask 0; exec {' '.join(INIT[:-1])} sync --yes", check=True)

    folder = grown.path(".git/dbsync")
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}
    modes |= {path: stat.S_IMODE(path.stat().st_mode) for path in grown.path(".git").glob("dbsync-*")}
    assert {"copies", "databases", "shelf"} <= {path.parent.name for path in folder.rglob("*.sqlite")}
    assert {str(path): oct(mode) for path, mode in modes.items() if mode & 0o077} == {}


# databases in every state


def test_a_revision_whose_file_is_gone_is_found_on_its_branch_and_the_sync_is_offered(grown: Project):
    grown.switch("--quiet", "-c", "feature")
    grown.table("f3", "r2")
    grown.commit("Add f3")
    grown.alembic("upgrade", "heads")
    grown.switch("--quiet", "main")
    said = at_a_terminal(grown, *INIT, answers="yn", check=0)
    assert "at f3) follows Git now" in said
    assert "Move it to what the work tree says? [y/N] n" in said
    assert "dbsync sync" in said
    assert database_status(grown)["phantom"] == ["f3"]

    at_a_terminal(grown, *INIT, answers="yy", check=0)
    assert_follows(grown)


def test_a_revision_that_is_nowhere_is_named(grown: Project):
    sql(grown, "UPDATE alembic_version SET version_num = 'gone'")
    before = dump(grown)
    done = grown.dbsync("init", "--yes", check=False)

    assert done.rc == 1
    assert "DBS302" in codes(done)
    assert dump(grown) == before


def test_a_database_made_by_create_all_is_not_adopted_and_stamp_is_named(grown: Project):
    sql(grown, "DROP TABLE alembic_version")
    before = dump(grown)
    done = grown.dbsync("init", "--yes", check=False)

    assert (done.rc, codes(done)) == (1, ["DBS307"])
    assert "its schema is that of the heads" in done.err
    assert "`alembic stamp r2`, then `dbsync init`" in done.err
    assert dump(grown) == before
    assert untouched(grown)

    grown.alembic("stamp", "r2")
    grown.dbsync("init", "--yes")
    assert_follows(grown)


def test_a_database_made_by_an_older_create_all_is_not_either(grown: Project):
    sql(grown, "DROP TABLE alembic_version", "DROP TABLE t_r2")
    done = grown.dbsync("init", "--yes", check=False)

    assert codes(done) == ["DBS307"]
    assert "`alembic stamp REV`" in done.err


def test_tables_of_others_in_a_database_are_nobodys_business(project: Project):
    project.table("r1")
    project.commit("Add r1")
    sql(project, "CREATE TABLE spatial_ref_sys (srid INTEGER)")
    done = project.dbsync("init", "--yes")

    assert "base -> r1" in done.err
    assert set(ledger_entries(project)) == {"r1"}


def test_a_database_stamped_wrong_is_adopted_as_observed_and_the_differences_are_printed(grown: Project):
    sql(grown, "DROP TABLE t_r2", "ALTER TABLE t_r1 ADD COLUMN odd TEXT")
    done = grown.dbsync("init", "--yes")

    assert "its schema is not what its revisions make" in done.err
    assert "  - table t_r2" in done.err
    assert "  + column t_r1.odd TEXT" in done.err
    assert database_status(grown)["observed"] == ["r1", "r2"]


def test_a_database_as_its_revisions_make_it_counts_as_seen(grown: Project):
    done = grown.dbsync("init", "--yes")

    assert "note:" not in done.err
    assert database_status(grown)["observed"] == []


def test_no_revision_yet_is_no_trouble(project: Project):
    done = project.dbsync("init", "--yes")

    assert done.rc == 0
    project.table("r1")
    project.commit("Add r1")
    assert_follows(project)


def test_a_file_that_is_no_database_is_left(project: Project):
    project.table("r1")
    project.commit("Add r1")
    project.write("dev.db", b"this is no database, and long enough to have a header" * 4)
    done = project.dbsync("init", "--yes", check=False)

    assert (done.rc, codes(done)) == (1, ["DBS402"])
    assert untouched(project)


def test_a_server_is_shown_with_who_is_connected(postgres_project: Project, postgres, postgres_database):
    postgres_project.table("r1")
    postgres_project.commit("Add r1")
    with postgres.connect(postgres_database.name) as connection:
        connection.execute("SET application_name = 'the web app'")
        said = at_a_terminal(postgres_project, *INIT, answers="yy", check=0)

    assert f"Let {postgres_database.name} on " in said
    assert "postgresql, " in said
    assert "the web app" in said


# projects of every form


def second_environment(project: Project, folder: str) -> Project:
    """Add an environment with a database of its own below `folder`."""
    url = f"sqlite:///{project.top}/{folder}/dev.db"
    project.write(f"{folder}/alembic.ini", ini_text("%(here)s/migrations", url))
    project.write(f"{folder}/migrations/env.py", stock("env.py"))
    project.write(f"{folder}/migrations/versions/.gitkeep", "")
    other = Project(project.top, url=url, script_location=f"{folder}/migrations")
    other.table(f"{folder[0]}1")
    return other


def test_every_environment_of_a_monorepo_is_adopted(project: Project):
    for name in ("alembic.ini", "migrations/env.py", "migrations/script.py.mako", "migrations/versions/.gitkeep"):
        project.remove(name)
    for folder in ("billing", "shop"):
        second_environment(project, folder)
    project.commit("Two services")
    done = project.dbsync("init", "--yes", cwd="shop")

    assert "billing/alembic.ini: billing/dev.db" in done.err
    assert "shop/alembic.ini: shop/dev.db" in done.err
    found = {one["name"]: one["databases"][0]["state"] for one in status(project)["environments"]}
    assert found == {"billing/alembic.ini": "in_sync", "shop/alembic.ini": "in_sync"}


def test_one_environment_that_fails_keeps_no_other_from_being_adopted(project: Project):
    project.table("r1")
    second_environment(project, "broken")
    project.write("broken/migrations/env.py", "raise RuntimeError('not today')\n")
    project.commit("Two")
    done = project.dbsync("init", "--yes", check=False)

    assert (done.rc, codes(done)) == (1, ["DBS414"])
    assert "broken/alembic.ini" in done.err
    assert "dev.db" in done.err
    assert project.dbsync("ensure", check=False).rc == 0
    project.switch("--quiet", "-c", "feature")
    project.table("r2", "r1")
    project.commit("Add r2")
    assert sql(project, "SELECT version_num FROM alembic_version") == [("r2",)]


def test_flask_migrate_is_adopted(project: Project):
    with_flask(project)
    project.table("r1")
    project.commit("Flask")
    done = project.dbsync("init", "--yes")

    assert "dev.db" in done.err
    project.switch("--quiet", "-c", "feature")
    project.table("r2", "r1")
    project.commit("Add r2")
    assert sql(project, "SELECT version_num FROM alembic_version") == [("r2",)]


def test_a_linked_work_tree_can_be_set_up(grown: Project, tmp_path):
    grown.git("worktree", "add", "--quiet", "-b", "feature", str(tmp_path / "linked"))
    linked = Project(tmp_path / "linked")
    linked.alembic("upgrade", "heads")
    done = linked.dbsync("init", "--yes")

    assert "dev.db" in done.err
    linked.table("f3", "r2")
    linked.commit("Add f3")
    assert sql(linked, "SELECT version_num FROM alembic_version") == [("f3",)]
    assert sql(grown, "SELECT version_num FROM alembic_version") == [("r2",)]


def test_proposals_of_a_tracked_file_are_shown_and_count_only_from_git_config(grown: Project, tmp_path):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    python.chmod(0o755)
    table = f"""\
[tool.dbsync]
interpreter = "{python}"
runner = "{python} --flag 'two words'"
allowHost = ["db", "db.example.com"]
trust = "always"
auto = "always"
"""
    grown.write("pyproject.toml", table)
    grown.commit("Propose")
    done = grown.dbsync("init", "--yes")

    for line in (
        f"`git config --add dbsync.interpreter {python}`",
        f"`git config --add dbsync.runner '{python} --flag '\"'\"'two words'\"'\"''`",
        "`git config --add dbsync.allowHost db`",
        "`git config --add dbsync.allowHost db.example.com`",
        "`git config --add dbsync.trust always`",
        "`git config --add dbsync.auto always`",
    ):
        assert line in done.err
    assert not (tmp_path / "ran").exists()
    kept = grown.git("config", "--get-regexp", "^dbsync", check=False).out
    assert not {"dbsync.runner", "dbsync.allowhost", "dbsync.trust", "dbsync.auto"} & set(kept.split())


@pytest.mark.parametrize(
    ("path", "line", "named"),
    [
        ("app/main.py", "    db.create_all()", True),
        ("app/main.py", "Base.metadata.create_all(engine)", True),
        ("app/main.py", "    alembic.command.upgrade(config, 'head')", False),  # here the plan moves it
        ("app/main.py", "from flask_migrate import upgrade", False),
        ("tests/conftest.py", "    db.create_all()", False),
        ("README.md", "    db.create_all()", False),
    ],
)
def test_an_application_that_makes_its_schema_itself_is_named(grown: Project, path, line, named):
    grown.write(path, f"first\n{line}\n" if path.endswith(".md") else f"if True:\n    {line.strip()}\n")
    grown.commit("Write")
    done = grown.dbsync("init", "--yes")

    assert (f"{path}:2" in done.err) == named


# where it cannot


def test_hooks_that_cannot_be_written_are_said_and_the_exit_code_tells(grown: Project):
    hooks = grown.path(".git/hooks")
    for path in hooks.iterdir():
        path.unlink()
    hooks.rmdir()
    hooks.write_text("a file where a folder should be")
    done = grown.dbsync("init", "--yes", check=False)

    assert done.rc == 1
    assert "error: " in done.err
    assert ".git/hooks" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("where", ["", "no-repository"])
def test_no_configuration_and_no_repository_are_usage_errors(project: Project, tmp_path, where):
    if where:
        folder = tmp_path / where
        folder.mkdir()
        done = project.run(*INIT, "--yes", cwd=str(folder))
    else:
        project.remove("alembic.ini")
        done = project.dbsync("init", "--yes", check=False)

    assert done.rc == 2
    assert done.err.startswith("error: ")
    assert "hint: " in done.err


def test_the_json_of_status_and_the_sentence_before_init(grown: Project):
    done = grown.dbsync("status", "--json")
    (environment,) = json.loads(done.out)["environments"]

    assert [one["code"] for one in environment["obstacles"]] == ["DBS504"]
    assert environment["databases"] == []
    with closing(sqlite3.connect(grown.path("dev.db"))) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchall() == [("r2",)]

"""Plain Alembic is recorded while it runs: what it applies is in the ledger in the same moment."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dbsync.ledger.entry import NewOperation
from dbsync.ledger.ledger import Ledger
from dbsync.plugin.repository import GATE
from dbsync.store import gate
from tests.engines.env_files import multidb_revision, template, use_databases, use_template, use_url
from tests.support.following import assert_follows, codes, database_status, follow, ledger_entries, ledger_path
from tests.support.plugin import entries, recorded, with_plugin
from tests.support.schema import state_of

if TYPE_CHECKING:
    from tests.support.project import Project

PROGRAM = """\
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

engine = create_engine("sqlite:///dev.db")
config = Config("alembic.ini")
with engine.connect() as connection:
    transaction = connection.begin()
    config.attributes["connection"] = connection
    command.downgrade(config, "-1")
    transaction.{end}()
"""
SHARED = """
connection = config.attributes["connection"]
context.configure(connection=connection, target_metadata=target_metadata)
with context.begin_transaction():
    context.run_migrations()
"""


@pytest.fixture
def plugged(project: Project) -> Project:
    """Give a project on feature (r1, f2), with main at r1, that follows Git and has the plugin."""
    with_plugin(project)
    project.table("r1")
    project.commit("Add r1")
    project.switch("--quiet", "-c", "feature")
    project.table("f2", "r1")
    project.commit("Add f2")
    return follow(project)


def observed(project: Project) -> list[str]:
    return database_status(project)["observed"]


def test_an_upgrade_is_recorded_with_all_that_was_known_then(plugged: Project):
    path = plugged.table("u3", "f2")
    plugged.alembic("upgrade", "head")

    entry = entries(plugged)["u3"]

    assert entry.source == path.read_bytes()
    assert not entry.observed
    assert entry.revision.path == "migrations/versions/u3_create_t_u3.py"
    assert entry.revision.oid == plugged.git("hash-object", str(path)).out.strip()
    assert entry.revision.down_revision == ("f2",)
    assert (entry.branch, entry.commit) == ("feature", plugged.rev("HEAD"))
    assert entry.applied_at.endswith("+00:00")
    assert entry.seconds is not None
    assert recorded(plugged)["heads"] == ["u3"]
    assert_follows(plugged)
    assert observed(plugged) == []


@pytest.mark.parametrize("how", ["detached", "packed", "linked work tree"])
def test_the_commit_is_found_wherever_git_keeps_it(plugged: Project, how: str, tmp_path: Path):
    project = plugged
    if how == "detached":
        project.git("switch", "--quiet", "--detach")
    elif how == "packed":
        project.git("pack-refs", "--all")
    elif how == "linked work tree":
        project.git("worktree", "add", "--quiet", str(tmp_path / "linked"), "-b", "linked")
        text = project.path("alembic.ini").read_text().replace("sqlite:///dev.db", project.database)
        project.top = tmp_path / "linked"
        project.write("alembic.ini", text)
    project.table("u3", "f2")
    project.alembic("upgrade", "head")
    if how == "linked work tree":
        project.top = tmp_path / "project"
    entry = entries(project)["u3"]
    branches = {"detached": "", "packed": "feature", "linked work tree": "linked"}
    assert (entry.branch, entry.commit) == (branches[how], project.rev("HEAD"))


def test_a_downgrade_and_a_stamp_are_recorded(plugged: Project):
    plugged.alembic("downgrade", "-1")
    assert list(entries(plugged)) == ["r1"]
    plugged.alembic("stamp", "head")
    assert {one: entry.observed for one, entry in entries(plugged).items()} == {"r1": False, "f2": True}
    assert observed(plugged) == ["f2"]
    plugged.alembic("stamp", "base")
    assert entries(plugged) == {}
    plugged.alembic("stamp", "--purge", "f2")
    assert {one: entry.observed for one, entry in entries(plugged).items()} == {"r1": True, "f2": True}


def test_an_untracked_revision_comes_down_when_its_file_is_gone(plugged: Project):
    path = plugged.table("u3", "f2")
    plugged.alembic("upgrade", "head")
    path.unlink()
    done = plugged.switch("main")
    assert codes(done) == []
    assert_follows(plugged)
    assert state_of(plugged.database).versions == ("r1",)


def test_a_revision_edited_between_downgrade_and_upgrade(plugged: Project):
    path = plugged.column("u3", "f2", "t_f2", "before")
    plugged.alembic("upgrade", "head")
    plugged.alembic("downgrade", "-1")
    path.write_text(path.read_text().replace("before", "afterwards"))
    plugged.alembic("upgrade", "head")
    assert entries(plugged)["u3"].source == path.read_bytes()
    assert recorded(plugged)["stamp"]
    assert_follows(plugged)
    assert observed(plugged) == []


def test_data_that_differs_only_in_rows_is_told_apart(plugged: Project):
    """A fresh build could not: both sources make the same schema."""
    fill = "op.execute(\"INSERT INTO t_f2 (name) VALUES ('{}')\")"
    plugged.revision("u3", "f2", fill.format("old"), "op.execute('DELETE FROM t_f2')")
    plugged.alembic("upgrade", "head")
    plugged.alembic("downgrade", "-1")
    path = plugged.revision("u3", "f2", fill.format("changed"), "op.execute('DELETE FROM t_f2')")
    plugged.alembic("upgrade", "head")
    path.write_text(path.read_text().replace("changed", "old"))
    assert database_status(plugged)["rewritten"] == ["u3"]


def test_bytecode_that_is_older_than_the_file_is_not_taken_for_the_file(plugged: Project):
    path = plugged.column("u3", "f2", "t_f2", "before")
    plugged.alembic("upgrade", "head")
    plugged.alembic("downgrade", "-1")
    times = path.stat()
    path.write_text(path.read_text().replace("before", "after_"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    plugged.alembic("upgrade", "head")
    assert "before" in str(state_of(plugged.database).schema)
    assert "u3" not in entries(plugged)


DECORATED = """
import functools

def twice(function):
    @functools.wraps(function)
    def both(*args):
        function(*args)
    return both

upgrade, downgrade = twice(upgrade), twice(downgrade)
helper = lambda: None
helper = lambda: 1
"""


def test_functions_that_are_wrapped_in_the_file_itself_are_no_other_ones(plugged: Project):
    path = plugged.table("u3", "f2")
    path.write_text(path.read_text() + DECORATED)
    plugged.alembic("upgrade", "head")
    assert entries(plugged)["u3"].source == path.read_bytes()


def test_a_failing_migration_is_recorded_as_far_as_it_came(plugged: Project):
    plugged.table("u3", "f2")
    plugged.revision("u4", "u3", 'op.create_table("half", sa.Column("id", sa.Integer))\nraise RuntimeError("no")')
    done = plugged.alembic("upgrade", "head", check=False)
    assert done.rc == 1
    assert list(entries(plugged)) == ["r1", "f2", "u3"]
    assert recorded(plugged)["heads"] == ["u3"]
    assert recorded(plugged)["stamp"] == ""


@pytest.mark.parametrize(("end", "wanted"), [("commit", ["r1"]), ("rollback", ["r1", "f2"])])
def test_the_callers_own_transaction_decides(plugged: Project, end: str, wanted: list[str]):
    env = plugged.path("migrations/env.py").read_text()
    plugged.write("migrations/env.py", env[: env.index("def run_migrations_offline")] + SHARED)
    plugged.write("program.py", PROGRAM.format(end=end))
    plugged.run(plugged.python, "program.py", check=True)
    assert state_of(plugged.database).versions == (wanted[-1],)
    assert list(entries(plugged)) == wanted


def test_a_program_that_calls_alembic_is_recorded(plugged: Project):
    plugged.table("u3", "f2")
    text = (
        "from alembic import command\nfrom alembic.config import Config\ncommand.upgrade(Config('alembic.ini'), 'head')"
    )
    plugged.run(plugged.python, "-c", text, check=True)
    assert not entries(plugged)["u3"].observed
    assert_follows(plugged)


def test_an_async_environment_is_recorded(plugged: Project):
    use_template(plugged, "async")
    use_url(plugged, "sqlite+aiosqlite:///dev.db")
    with_plugin(plugged)
    plugged.table("u3", "f2")
    plugged.alembic("upgrade", "head")
    assert not entries(plugged)["u3"].observed


def test_flask_db_upgrade_is_recorded(plugged: Project):
    app = (
        "from flask import Flask\nfrom flask_migrate import Migrate\nfrom flask_sqlalchemy import SQLAlchemy\n"
        "db = SQLAlchemy()\napp = Flask(__name__)\n"
        f"app.config['SQLALCHEMY_DATABASE_URI'] = {plugged.database!r}\ndb.init_app(app)\nMigrate(app, db)\n"
    )
    plugged.write("app.py", app)
    plugged.write("migrations/env.py", template("flask_migrate", "flask"))
    plugged.write("migrations/alembic.ini", template("flask_migrate", "flask", "alembic.ini.mako").replace("%%", "%%"))
    with_plugin(plugged)
    plugged.table("u3", "f2")
    plugged.run(plugged.python, "-m", "flask", "db", "upgrade", check=True)
    assert not entries(plugged)["u3"].observed


def test_two_databases_are_recorded_each_in_its_own_ledger(project: Project):
    use_databases(project, one="sqlite:///one.db", two="sqlite:///two.db")
    with_plugin(project)
    multidb_revision(project, "r1", None)
    project.commit("Add r1")
    for name in ("one.db", "two.db"):
        project.write(name, "")
    project.dbsync("init", "--yes")
    project.path("two.db").rename(project.path("elsewhere.db"))
    multidb_revision(project, "u2", "r1")
    project.path("elsewhere.db").rename(project.path("two.db"))
    project.alembic("upgrade", "head")
    found = {}
    for path in project.path(".git/dbsync/databases").glob("*.sqlite"):
        with Ledger(str(path)) as ledger:
            name = Path(ledger.meta("identity")["key"]).name
            found[name] = {one.revision.id: one.observed for one in ledger.entries("alembic_version")}
    assert found == {name: {"r1": False, "u2": False} for name in ("one.db", "two.db")}


def test_a_database_that_was_not_given_to_dbsync_is_left_alone(plugged: Project):
    before = ledger_path(plugged).read_bytes()
    use_url(plugged, "sqlite:///other.db")
    plugged.alembic("upgrade", "head")
    assert state_of(plugged.database).versions == ("f2",)
    assert ledger_path(plugged).read_bytes() == before
    assert len(list(plugged.path(".git/dbsync/databases").glob("*.sqlite"))) == 1


def test_the_gate_is_gone_when_something_was_applied(plugged: Project):
    assert GATE == gate.NAME
    plugged.dbsync("sync")
    assert plugged.path(f".git/{GATE}").exists()
    plugged.alembic("current")
    plugged.alembic("upgrade", "head")
    assert plugged.path(f".git/{GATE}").exists()
    plugged.alembic("downgrade", "-1")
    assert not plugged.path(f".git/{GATE}").exists()


@pytest.mark.parametrize("variable", [{"DBSYNC": "off"}, {"DBSYNC_ACTIVE": "1"}])
def test_it_can_be_switched_off(plugged: Project, variable: dict[str, str]):
    before = ledger_path(plugged).read_bytes()
    plugged.alembic("downgrade", "-1", env=variable)
    assert ledger_path(plugged).read_bytes() == before


def test_a_recreated_database_is_said_to_be_one_and_known_at_once(plugged: Project):
    plugged.path("dev.db").rename(plugged.path("old.db"))
    plugged.table("u3", "f2")
    plugged.alembic("upgrade", "f2")
    plugged.alembic("upgrade", "head")
    assert not any(one.observed for one in entries(plugged).values())
    assert database_status(plugged)["recreated"]
    plugged.dbsync("ensure")
    assert not database_status(plugged)["recreated"]
    assert observed(plugged) == []
    assert_follows(plugged)


def test_what_happened_without_it_stays_in_doubt(plugged: Project):
    """It was off while f2 was replaced: what is recorded later must not vouch for that."""
    path = plugged.path(plugged.revision_path("f2", "create t_f2"))
    plugged.recorded = False
    plugged.alembic("downgrade", "-1")
    path.write_text(path.read_text().replace("String(50)", "String(99)"))
    plugged.alembic("upgrade", "head")
    plugged.recorded = True
    plugged.table("u3", "f2")
    plugged.alembic("upgrade", "head")
    plugged.dbsync("ensure")
    assert_follows(plugged)
    assert "99" in str(state_of(plugged.database).schema)


# without a trace: all that can be wrong, with and without the plugin


def break_nothing(project: Project) -> None:
    """What is compared is compared."""


def remove_git(project: Project) -> None:
    project.path(".git").rename(project.top.parent / "git")


def empty_ledger(project: Project) -> None:
    ledger_path(project).write_bytes(b"")


def damage_ledger(project: Project) -> None:
    ledger_path(project).write_bytes(b"not a ledger at all" * 200)


def newer_ledger(project: Project) -> None:
    with closing(sqlite3.connect(ledger_path(project))) as db:
        db.execute("PRAGMA user_version = 99")


def break_head(project: Project) -> None:
    project.write(".git/HEAD", b"\xff\xfe nothing")


def lead_nowhere(project: Project) -> None:
    remove_git(project)
    project.write(".git", "gitdir: /nowhere/at/all\n")


TROUBLES = [break_nothing, remove_git, empty_ledger, damage_ledger, newer_ledger, break_head, lead_nowhere]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda one: one.__name__)
def test_alembic_is_what_it_is_without_it(plugged: Project, trouble):
    plugged.table("u3", "f2")
    plugged.revision("u4", "u3", 'op.create_table("half", sa.Column("id", sa.Integer))\nraise RuntimeError("no")')
    trouble(plugged)
    copy = plugged.path("dev.db").read_bytes()
    ended = {}
    for name in ("without", "with"):
        plugged.recorded = name == "with"
        plugged.path("dev.db").write_bytes(copy)
        done = [plugged.alembic(*words, check=False) for words in COMMANDS]
        ended[name] = ([(one.rc, one.out, one.err) for one in done], state_of(plugged.database))
    assert ended["with"] == ended["without"]


BROKEN = """\
import alembic.config, dbsync.plugin.hearing, dbsync.plugin.record, dbsync.plugin.run
{statement}
alembic.config.main(["upgrade", "head"])
"""


@pytest.mark.parametrize(
    "statement",
    [
        "del dbsync.plugin.hearing.with_listener",
        "del dbsync.plugin.run.Run",
        "del dbsync.plugin.hearing._hear",
        "del dbsync.plugin.run.Run.add",
        "del dbsync.plugin.run.Run.committing, dbsync.plugin.run.Run.rolled_back",
        "del dbsync.plugin.run.Run.rows",
        "del dbsync.plugin.record.parse",
    ],
)
def test_a_name_that_is_not_there_any_more_stops_nothing(plugged: Project, statement: str):
    plugged.table("u3", "f2")
    done = plugged.run(plugged.python, "-c", BROKEN.format(statement=statement))
    assert (done.rc, "Traceback" in done.err, done.out) == (0, False, "")
    assert state_of(plugged.database).versions == ("u3",)
    assert list(entries(plugged)) == ["r1", "f2"]


COMMANDS = (
    ["current"],
    ["upgrade", "u3"],
    ["upgrade", "head"],
    ["downgrade", "-1"],
    ["stamp", "r1"],
    ["upgrade", "nothing"],
    ["upgrade", "head", "--sql"],
    ["history"],
)


def test_a_ledger_that_is_locked_is_left_to_the_next_command(plugged: Project):
    plugged.table("u3", "f2")
    with closing(sqlite3.connect(ledger_path(plugged))) as db:
        db.execute("BEGIN IMMEDIATE")
        done = plugged.alembic("upgrade", "head")
    assert "dbsync" not in done.out + done.err
    assert "u3" not in ledger_entries(plugged)
    assert observed(plugged) == ["u3"]
    plugged.dbsync("ensure")
    assert_follows(plugged)


def test_a_state_folder_that_cannot_be_written(plugged: Project):
    before = ledger_path(plugged).read_bytes()
    ledger_path(plugged).chmod(0o400)
    ledger_path(plugged).parent.chmod(0o500)
    plugged.table("u3", "f2")
    prefix = [] if os.geteuid() else ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    done = plugged.run(*prefix, plugged.python, "-m", "alembic", "upgrade", "head")
    ledger_path(plugged).parent.chmod(0o700)
    assert (done.rc, "dbsync" in done.err + done.out) == (0, False)
    assert state_of(plugged.database).versions == ("u3",)
    assert ledger_path(plugged).read_bytes() == before


def test_a_project_with_a_module_of_that_name(project: Project):
    project.table("r1")
    project.commit("Add r1")
    follow(project)
    project.write("dbsync.py", "raise RuntimeError('the project has its own')\n")
    project.table("u2", "r1")
    done = project.run(project.python, "-m", "alembic", "upgrade", "head")
    assert (done.rc, "RuntimeError" in done.err) == (0, False)
    assert state_of(project.database).versions == ("u2",)


def test_an_operation_that_was_interrupted_is_left_to_who_can_tell(plugged: Project):
    with Ledger(str(ledger_path(plugged))) as ledger:
        listed = ledger.entries("alembic_version")
        facts = {"before": ["f2"], "after": ["r1"], "evidence": {}}
        new = NewOperation("alembic_version", "2026-01-05T09:00:00+00:00", facts, listed, listed[:1])
        ledger.begin(new)
    plugged.table("u3", "f2")
    plugged.alembic("upgrade", "head")
    with Ledger(str(ledger_path(plugged))) as ledger:
        assert [one.revision.id for one in ledger.entries("alembic_version")] == ["r1", "f2"]
    plugged.dbsync("sync")
    assert_follows(plugged)


def test_importing_alembic_imports_next_to_nothing_of_dbsync(plugged: Project):
    text = "import sys; before = set(sys.modules); import git_dbsync, alembic; print(*sorted(set(sys.modules)))"
    done = plugged.run(plugged.python, "-c", text, check=True)
    ours = [name for name in done.out.split() if name.startswith(("dbsync", "git_dbsync"))]
    assert set(ours) <= {"dbsync", "dbsync.plugin", "git_dbsync"}

"""Alembic elsewhere (`dbsync.runner`): other paths, another environment, another user, and nothing of this side's."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.engines.branches import branch, hooks_off
from tests.engines.env_files import edit_env, use_url
from tests.support.schema import assert_in_sync, state_of, versions_of

# Root can be somebody else who may read everything and write nothing of root's: the interpreter may lie in root's home.
READ = "+dac_read_search"
SOMEBODY = f"setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps={READ} --ambient-caps={READ} --bounding-set=-all,{READ}"

RUNNER = """\
#!/bin/sh
# Says no word of its own, as `docker compose exec -T app python` does not.
cd {cwd}
exec {user} env -i PATH=/usr/bin:/bin HOME=/nonexistent INSIDE=yes {variables} {python} "$@"
"""

# What the application sees of where it runs.
WITNESS = """\
from alembic import context
import os, sys
assert os.environ.get("INSIDE") == "yes"
assert os.environ.get("DBSYNC_ACTIVE") == "worker"  # the worker's own word: nothing of the host's variables is here
# What Alembic itself loads of the git-dbsync that is installed over there is no part of the worker.
ours = [name for name in sys.modules if "dbsync" in name and name != "git_dbsync"]
assert ours
assert not [name for name in ours if name.split(".")[0] == "dbsync" or getattr(sys.modules[name], "__file__", None)]
print("a word on standard output")
"""


class Elsewhere:
    """The other side: the project's files without revisions and without Git, at another path, and who runs there."""

    def __init__(self, project, folder: Path, variables: str = "") -> None:
        self.project = project
        self.top = folder / "app"
        self.command = folder / "runner.sh"
        ignore = shutil.ignore_patterns(".git", "versions", "*.db")
        shutil.copytree(project.top, self.top, ignore=ignore)
        (self.top / "migrations" / "versions").mkdir()
        user = SOMEBODY if os.geteuid() == 0 else ""
        text = RUNNER.format(cwd=folder, user=user, variables=variables, python=project.python)
        self.command.write_text(text)
        self.command.chmod(0o755)
        for path in (folder, self.top):
            path.chmod(0o777)
        project.git("config", "dbsync.runner", f"{self.command}")
        project.git("config", "dbsync.runnerTop", str(self.top))
        project.git("config", "dbsync.interpreter", "/nowhere/python")

    @property
    def database(self) -> str:
        return str(self.top / "dev.db")


@pytest.fixture
def folder():
    """Give a folder that everybody may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="dbsync-elsewhere-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def elsewhere(project, folder):
    """Give the other side of a project on SQLite, adopted, with one revision applied there."""
    edit_env(project, ("from alembic import context\n", WITNESS))
    project.table("r1", name="users")
    project.commit("Users")
    there = Elsewhere(project, folder)
    done = project.dbsync("init", "--yes")
    assert "follows Git now" in done.err
    return there


def status(project):
    (environment,) = json.loads(project.dbsync("status", "--json").out)["environments"]
    return environment["databases"][0]


def test_the_database_over_there_follows_plain_switches(elsewhere):
    project = elsewhere.project
    assert versions_of(elsewhere.database) == ("r1",)
    branch(project, "feature", "f2", 'op.create_table("f", sa.Column("id", sa.Integer))', 'op.drop_table("f")')

    said = project.switch("feature").err
    assert "error" not in said
    assert "dev.db" in said
    assert "table f" in state_of(elsewhere.database).schema
    assert status(project)["state"] == "in_sync"

    assert "error" not in project.switch("main").err
    assert "table f" not in state_of(elsewhere.database).schema
    assert versions_of(elsewhere.database) == ("r1",)
    assert not project.path("dev.db").exists()


def test_revisions_and_worker_travel_over_the_streams_alone(elsewhere):
    """No revision file is there, and none is left there; nothing of dbsync's is either."""
    project = elsewhere.project
    branch(project, "feature", "f2", 'op.create_table("f", sa.Column("id", sa.Integer))', 'op.drop_table("f")')

    project.switch("feature")

    names = {path.name for path in elsewhere.top.rglob("*") if "__pycache__" not in str(path)}
    assert not [name for name in names if name.startswith(("r1", "f2"))]
    assert not [name for name in names if "dbsync" in name]


def test_a_step_that_fails_over_there_rolls_back_and_is_named_by_the_path_here(elsewhere):
    project = elsewhere.project
    branch(project, "broken", "b2", 'op.create_table("b", sa.Column("id", sa.Integer))\nop.execute("SELECT nowhere()")')
    before = state_of(elsewhere.database)

    said = project.switch("broken").err

    assert "the upgrade of b2 failed and was rolled back" in said
    assert "migrations/versions/b2_on_broken.py:" in said
    assert str(elsewhere.top) not in said
    assert state_of(elsewhere.database) == before


def test_rows_over_there_are_kept_over_here(elsewhere):
    project = elsewhere.project
    branch(project, "feature", "f2", 'op.create_table("f", sa.Column("id", sa.Integer))', 'op.drop_table("f")')
    project.switch("feature")
    with closing(sqlite3.connect(elsewhere.database)) as db, db:
        db.execute("INSERT INTO f VALUES (42)")

    assert "1 table, 1 row shelved" in project.switch("main").err
    assert list(project.path(".git/dbsync/shelf").glob("*.sqlite"))
    assert "1 row back" in project.switch("feature").err
    with closing(sqlite3.connect(elsewhere.database)) as db:
        assert db.execute("SELECT id FROM f").fetchall() == [(42,)]


def test_code_that_head_no_longer_has_travels_too(elsewhere):
    project = elsewhere.project
    project.switch("-c", "feature")
    project.write("shop.py", 'TABLE = "moods"\n')
    shutil.copy(project.path("shop.py"), elsewhere.top)
    use = "from shop import TABLE\n"
    project.revision(
        "f2", "r1", use + 'op.create_table(TABLE, sa.Column("id", sa.Integer))', use + "op.drop_table(TABLE)"
    )
    project.commit("Moods")
    assert "table moods" in state_of(elsewhere.database).schema
    (elsewhere.top / "shop.py").unlink()

    project.switch("main")

    assert "table moods" not in state_of(elsewhere.database).schema


@pytest.mark.postgres
def test_a_server_that_only_the_other_side_may_name(postgres_project, folder, postgres, postgres_database):
    """The URL comes from a variable that is set inside alone."""
    project = postgres_project
    url = postgres.tcp(postgres_database.name)
    use_url(project, "driver://user:pass@localhost/dbname")
    project.url = url
    from_variable = WITNESS + 'context.config.set_main_option("sqlalchemy.url", os.environ["SHOP_DATABASE"])\n'
    edit_env(project, ("from alembic import context\n", from_variable))
    project.table("r1", name="users")
    project.commit("Users")
    Elsewhere(project, folder, f"SHOP_DATABASE={url}")

    said = project.dbsync("init", "--yes").err
    assert "follows Git now" in said
    branch(project, "feature", "f2", 'op.create_table("f", sa.Column("id", sa.Integer))', 'op.drop_table("f")')

    for name, versions in (("feature", ("f2",)), ("main", ("r1",))):
        assert "error" not in project.switch(name).err
        assert versions_of(url) == versions
        assert status(project)["state"] == "in_sync"


# not running

DOWN = "#!/bin/sh\necho 'service \"app\" is not running' >&2\nexit 1\n"


def test_a_runner_that_is_down_puts_the_sync_off_with_one_line(elsewhere):
    project = elsewhere.project
    branch(project, "feature", "f2", 'op.create_table("f", sa.Column("id", sa.Integer))', 'op.drop_table("f")')
    running = elsewhere.command.read_text()
    elsewhere.command.write_text(DOWN)
    before = state_of(elsewhere.database)

    done = project.switch("feature")

    assert done.rc == 0
    (line,) = [one for one in done.err.splitlines() if not one.startswith("Switched")]
    assert 'service "app" is not running' in line
    assert "dbsync sync" in line
    assert state_of(elsewhere.database) == before
    assert status(project)["state"] == "unreachable"

    elsewhere.command.write_text(running)
    assert "-0 +1" in project.dbsync("ensure").err
    assert versions_of(elsewhere.database) == ("f2",)


@pytest.mark.parametrize("runner", ["/nowhere/docker exec app python", "false", "true", "sleep", "cat"])
def test_a_runner_that_is_none(elsewhere, runner):
    project = elsewhere.project
    with hooks_off(project):
        project.switch("-c", "feature")
        project.table("r2", "r1")
        project.commit("Two")
    project.git("config", "dbsync.runner", runner)

    done = project.dbsync("sync", check=False)

    assert done.rc == 1
    assert "DBS417" in done.err
    assert "Traceback" not in done.err
    assert "a bug in dbsync" not in done.err
    assert project.dbsync("ensure", check=False).rc == 1
    assert project.dbsync("hook", "post-merge", "0").rc == 0


def test_a_runner_that_talks_before_the_worker_does(elsewhere):
    """A wrapper's banner on standard output is not taken for the conversation."""
    text = elsewhere.command.read_text()
    elsewhere.command.write_text(text.replace("cd ", 'echo "Attaching to app"\ncd ', 1))
    project = elsewhere.project
    project.table("r2", "r1")

    project.dbsync("sync")

    assert versions_of(elsewhere.database) == ("r2",)


def test_a_runner_that_is_killed_in_the_middle_is_an_interrupted_move(elsewhere):
    project = elsewhere.project
    die = 'op.create_table("f", sa.Column("id", sa.Integer))\nimport os, signal\n'
    die += f'os.path.exists("{elsewhere.top}/die") and os.kill(os.getpid(), signal.SIGKILL)'
    branch(project, "feature", "f2", die, 'op.drop_table("f")')
    (elsewhere.top / "die").touch()
    before = state_of(elsewhere.database)

    assert "DBS415" in project.switch("feature").err
    assert state_of(elsewhere.database) == before

    (elsewhere.top / "die").unlink()
    project.dbsync("sync")
    assert versions_of(elsewhere.database) == ("f2",)


def test_without_a_runner_the_database_here_is_another(project, elsewhere):
    """Taking the setting away leads to dev.db here, which was never adopted: that one is not touched."""
    for key in ("runner", "runnerTop", "interpreter"):
        project.git("config", "--unset", f"dbsync.{key}")
    edit_env(project, (WITNESS, "from alembic import context\n"))
    if project.python != sys.executable:
        project.git("config", "dbsync.interpreter", project.python)
    project.path("dev.db").touch()

    assert project.dbsync("ensure").rc == 0
    assert project.path("dev.db").stat().st_size == 0
    project.dbsync("init", "--yes")
    assert_in_sync(project)


# judging


@pytest.fixture
def modelled(project, folder):
    """Give the other side of a project with models, where neither revisions nor Git are."""
    edit_env(project, ("from alembic import context\n", WITNESS))
    models = "import sqlalchemy as sa\nmetadata = sa.MetaData()\n"
    project.write("shop.py", models + 'sa.Table("users", metadata, sa.Column("id", sa.Integer, primary_key=True))\n')
    edit_env(project, ("target_metadata = None", "import shop\ntarget_metadata = shop.metadata"))
    project.write(".gitignore", "*.db\n__pycache__/\n*.local\n")
    project.revision("r1", None, 'op.create_table("users", sa.Column("id", sa.Integer, primary_key=True))', "")
    project.commit("Users")
    return Elsewhere(project, folder)


def test_a_commit_is_judged_over_there(modelled):
    project = modelled.project
    project.dbsync("init", "--yes")
    column = ', sa.Column("name", sa.Text))\n'
    project.write("shop.py", project.path("shop.py").read_text().replace("))\n", ")" + column))
    project.git("add", ".")

    stopped = project.git("commit", "--quiet", "-m", "A column", check=False)
    assert stopped.rc == 1
    assert "DBS201" in stopped.err
    assert "+ column users.name TEXT" in stopped.err
    assert str(modelled.top) not in stopped.err

    project.revision(
        "r2", "r1", 'op.add_column("users", sa.Column("name", sa.Text))', 'op.drop_column("users", "name")'
    )
    project.git("add", ".")
    assert project.git("commit", "--quiet", "-m", "A column", check=False).rc == 0
    assert not list(Path(tempfile.gettempdir()).glob("dbsync-tree-*"))
    assert "name" not in modelled.top.joinpath("shop.py").read_text()


@pytest.mark.postgres
def test_a_commit_is_judged_on_a_server_that_only_the_other_side_may_name(
    postgres_project, folder, postgres, postgres_database
):
    project = postgres_project
    url = postgres.tcp(postgres_database.name)
    use_url(project, "driver://user:pass@localhost/dbname")
    from_variable = WITNESS + 'context.config.set_main_option("sqlalchemy.url", os.environ["SHOP_DATABASE"])\n'
    edit_env(project, ("from alembic import context\n", from_variable))
    declared = "import sqlalchemy as sa\ntarget_metadata = sa.MetaData()\n"
    users = 'sa.Table("users", target_metadata, sa.Column("id", sa.Integer, primary_key=True)'
    edit_env(project, ("target_metadata = None", declared + users + ")"))
    project.revision("r1", None, 'op.create_table("users", sa.Column("id", sa.Integer, primary_key=True))', "")
    project.commit("Users", verify=False)
    Elsewhere(project, folder, f"SHOP_DATABASE={url}")

    for _ in range(2):
        assert project.dbsync("check", "--staged").rc == 0
    edit_env(project, (users + ")", users + ', sa.Column("name", sa.Text))'))
    project.git("add", ".")

    assert "+ column users.name TEXT" in project.dbsync("check", "--staged", check=False).err


def test_a_tree_over_there_reads_what_git_ignores(modelled):
    project = modelled.project
    project.write("shop.py", 'open("secret.local").read()\n' + project.path("shop.py").read_text())
    project.write("secret.local", "here")
    project.git("add", ".")
    assert "DBS222" in project.dbsync("check", "--staged", check=False).err

    modelled.top.joinpath("secret.local").write_text("there")
    assert project.dbsync("check", "--staged").rc == 0


def test_verify_over_there(modelled):
    project = modelled.project
    project.revision("r2", "r1", 'op.create_table("t", sa.Column("id", sa.Integer))', "pass")
    project.commit("A dead downgrade", verify=False)

    said = project.dbsync("verify", check=False)

    assert said.rc == 1
    assert "r2" in said.out + said.err


def test_a_runner_that_is_down_stops_no_commit(modelled):
    project = modelled.project
    project.dbsync("init", "--yes")
    modelled.command.write_text(DOWN)
    project.write("shop.py", project.path("shop.py").read_text() + "X = 1\n")
    project.git("add", ".")

    done = project.git("commit", "--quiet", "-m", "Down", check=False)

    assert done.rc == 0
    assert "DBS221" in done.err
    assert "is not running" in done.err

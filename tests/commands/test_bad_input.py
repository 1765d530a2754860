"""What is wrong gets one clear sentence, its place and the next command, and changes nothing.

Every verb that meets it is asked: the exit code is 0 in hooks, and there is never a traceback.
"""

from __future__ import annotations

import json
import marshal
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest

from tests.engines.branches import branch, hooks_off, start
from tests.engines.env_files import edit_env, use_template, use_url
from tests.support.postgres import PASSWORD, free_port
from tests.support.schema import assert_in_sync, state_of
from tests.support.warm_python import warm_python

HOSTILE = "a$(touch${IFS}pwned)`touch${IFS}pwned`'\";&|<é>"
OTHER_DIALECT = """
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite


class Other(SQLiteDialect_pysqlite):
    name = "other"
    supports_statement_cache = True

    def create_connect_args(self, url):
        return [], {}

    def connect(self, *args, **named):
        raise RuntimeError("connected")
"""
UNPRINTABLE = "r3\x1b]0;pwned\x07.py"


def is_clear(done, rc: int, *words: str) -> None:
    """Assert the exit code, one sentence with these words, and a hint; nothing of Python's own."""
    said = done.out + done.err
    for word in words:
        assert word in said
    assert "Traceback" not in said
    assert "a bug in dbsync" not in said
    if rc:
        assert said.count("error: ") >= 1
        assert "hint: " in said
    assert done.rc == rc, said


def hook(project, name: str = "post-checkout"):
    head = project.rev("HEAD")
    return project.dbsync("hook", name, head, head, "1", check=False)


def everything(project, *words: str) -> None:
    """Assert that sync and the hook say it clearly, and status too; `ensure` goes the hook's way."""
    is_clear(project.dbsync("sync", check=False), 1, *words)
    is_clear(hook(project), 0, *words)
    is_clear(project.dbsync("status", check=False), 0)


def first_state(project) -> str:
    (environment,) = json.loads(project.dbsync("status", "--json").out)["environments"]
    return environment["databases"][0]["state"]


@pytest.fixture
def adopted(project):
    """Give a project on SQLite with the revision r1 (users) applied and adopted."""
    project.git("config", "dbsync.interpreter", warm_python(project.python))
    start(project)
    return project


# the database


def test_dev_db_is_not_a_database(adopted):
    adopted.write("dev.db", "this is no database\n" * 100)

    everything(adopted, "DBS402", "not an SQLite database")

    assert first_state(adopted) == "unreachable"
    assert adopted.path("dev.db").read_text() == "this is no database\n" * 100


def test_init_where_dev_db_is_not_a_database(project):
    project.table("r1")
    project.write("dev.db", "this is no database\n" * 100)

    is_clear(project.dbsync("init", "--yes", check=False), 1, "DBS402")


def test_dev_db_is_a_folder(adopted):
    adopted.remove("dev.db")
    adopted.path("dev.db").mkdir()

    everything(adopted)


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "asyncpg"])
def test_the_server_is_down(adopted, driver):
    if driver == "asyncpg":
        use_template(adopted, "async")
    use_url(adopted, f"postgresql+{driver}://ada@127.0.0.1:{free_port()}/shop")

    everything(adopted, "DBS401", "does not answer")
    is_clear(adopted.dbsync("init", "--yes", check=False), 1, "DBS401")

    assert first_state(adopted) == "unreachable"


def test_the_servers_socket_is_not_there(adopted, tmp_path):
    use_url(adopted, f"postgresql+psycopg://ada@/shop?host={tmp_path}")

    everything(adopted, "DBS401")


@pytest.mark.postgres
@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "asyncpg"])
def test_the_password_is_wrong_and_shown_nowhere(adopted, postgres, driver):
    if driver == "asyncpg":
        use_template(adopted, "async")
    use_url(adopted, postgres.tcp("postgres", driver, "guarded:wrong-word"))

    done = adopted.dbsync("init", "--yes", check=False)
    is_clear(done, 1, "DBS416", "guarded")
    everything(adopted, "DBS416")

    assert "wrong-word" not in done.out + done.err
    for path in adopted.path(".git").rglob("*"):
        assert not path.is_file() or b"wrong-word" not in path.read_bytes()


@pytest.mark.postgres
def test_the_right_password_is_written_nowhere(project, postgres, postgres_database):
    use_url(project, postgres.tcp(postgres_database.name, user=f"guarded:{PASSWORD}"))
    project.table("r1")

    done = project.dbsync("init", "--yes")

    assert PASSWORD not in done.out + done.err
    for path in project.path(".git").rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()


@pytest.mark.postgres
def test_there_is_no_such_database(adopted, postgres):
    use_url(adopted, postgres.url("never_created"))

    everything(adopted, "DBS403", "never_created")
    is_clear(adopted.dbsync("init", "--yes", check=False), 1, "DBS403")


def test_a_dialect_that_is_not_supported_yet(adopted):
    adopted.write("other.py", OTHER_DIALECT)
    registered = "from alembic import context\nfrom sqlalchemy.dialects import registry\nregistry.register('other', 'other', 'Other')\n"
    edit_env(adopted, ("from alembic import context\n", registered))
    use_url(adopted, "other://ada:secret-word@127.0.0.1/shop")

    everything(adopted, "DBS411", "other is not supported yet")
    done = adopted.dbsync("init", "--yes", check=False)
    is_clear(done, 1, "DBS411")
    assert "secret-word" not in done.err
    assert adopted.dbsync("heads").out.startswith("r1")
    assert adopted.dbsync("explain", "r1").rc == 0


# env.py and configuration


def test_env_py_raises(adopted):
    edit_env(adopted, ("from alembic import context\n", "from alembic import context\nraise ValueError('no luck')\n"))

    everything(adopted, "DBS414", "ValueError: no luck", "migrations/env.py:")


def test_env_py_sets_up_logging_to_a_folder_that_is_not_there(adopted):
    handler = '{"class": "logging.FileHandler", "filename": "nowhere/app.log"}'
    logging = (
        f'from logging.config import dictConfig\ndictConfig({{"version": 1, "handlers": {{"file": {handler}}}}})\n'
    )
    edit_env(adopted, ("from alembic import context\n", f"from alembic import context\n{logging}"))

    everything(adopted, "DBS414", "Unable to configure handler 'file'", "No such file or directory", "nowhere/app.log")


def test_env_py_needs_a_variable_that_is_not_set(adopted):
    wanted = 'from alembic import context\nimport os\nos.environ["SHOP_SECRET"]\n'
    edit_env(adopted, ("from alembic import context\n", wanted))

    everything(adopted, "DBS414", "SHOP_SECRET", "migrations/env.py:")


def test_env_py_imports_what_is_not_installed(adopted):
    edit_env(adopted, ("from alembic import context\n", "from alembic import context\nimport never_installed\n"))

    everything(adopted, "DBS414", "never_installed", "install it")


def test_env_py_has_conflict_markers(adopted):
    path = adopted.path("migrations/env.py")
    path.write_text(path.read_text() + "<<<<<<< HEAD\n")

    everything(adopted, "DBS414", "migrations/env.py:")


@pytest.mark.parametrize("ending", ["sys.exit(0)", "sys.exit('enough')", "raise KeyboardInterrupt"])
def test_env_py_leaves(adopted, ending):
    edit_env(adopted, ("from alembic import context\n", f"from alembic import context\nimport sys\n{ending}\n"))

    everything(adopted, "DBS414")


def test_a_percent_sign_in_the_ini_shows_no_part_of_the_password(adopted):
    ini = adopted.path("alembic.ini")
    ini.write_text(ini.read_text().replace("sqlite:///dev.db", "postgresql://ada:se%40cret-word@127.0.0.1/shop"))

    done = adopted.dbsync("sync", check=False)

    is_clear(done, 1, "sqlalchemy.url", "%%")
    assert "cret-word" not in done.err


def test_a_url_that_is_none_shows_no_password(adopted):
    raising = "from alembic import context\nraise ValueError('cannot use postgresql://ada:secret-word@db/x?password=secret-word')\n"
    edit_env(adopted, ("from alembic import context\n", raising))

    done = adopted.dbsync("sync", check=False)

    is_clear(done, 1, "ada:***@db")
    assert "secret-word" not in done.err


def test_no_alembic_configuration(project):
    project.remove("alembic.ini")

    is_clear(project.dbsync("init", "--yes", check=False), 2, "no Alembic configuration")
    is_clear(project.dbsync("heads", check=False), 2)
    is_clear(project.dbsync("status", check=False), 2)
    assert not project.path(".git/dbsync").exists()


def test_the_interpreter_is_gone(adopted):
    adopted.git("config", "dbsync.interpreter", "/nowhere/python")
    adopted.table("r2", "r1")

    everything(adopted, "/nowhere/python", "git config dbsync.interpreter")


def test_the_interpreter_is_no_python(adopted):
    path = adopted.write(".git/python", "#!/bin/sh\necho this is no python >&2\nexit 1\n")
    path.chmod(0o755)
    adopted.git("config", "dbsync.interpreter", str(path))
    adopted.table("r2", "r1")

    everything(adopted, "DBS415", "this is no python")


def test_the_interpreter_has_no_alembic(adopted):
    path = adopted.write(".git/python", f'#!/bin/sh\nexec {adopted.python} -S "$@"\n')
    path.chmod(0o755)
    adopted.git("config", "dbsync.interpreter", str(path))
    adopted.table("r2", "r1")

    everything(adopted, "No module named", "install it")


def test_a_setting_that_is_not_allowed(adopted):
    adopted.git("config", "dbsync.auto", "sometimes")

    is_clear(adopted.dbsync("sync", check=False), 2, "dbsync.auto", "sometimes")
    is_clear(hook(adopted), 0, "dbsync.auto")


# revisions


def test_conflict_markers_in_a_revision(adopted):
    path = adopted.table("r2", "r1")
    path.write_text(path.read_text() + "<<<<<<< HEAD\n=======\n>>>>>>> other\n")
    before = state_of(adopted.database)

    everything(adopted, "DBS102", path.name)
    is_clear(adopted.dbsync("heads"), 0, "DBS102")

    assert state_of(adopted.database) == before


def put_versions(project, *ids: str) -> None:
    with closing(sqlite3.connect(project.path("dev.db"))) as db, db:
        db.execute("DELETE FROM alembic_version")
        db.executemany("INSERT INTO alembic_version VALUES (?)", [(one,) for one in ids])


def test_the_version_table_holds_an_id_that_is_nowhere(adopted):
    put_versions(adopted, "feedbeef")
    before = state_of(adopted.database)

    everything(adopted, "DBS302", "feedbeef", "dbsync explain feedbeef")
    is_clear(adopted.dbsync("explain", "feedbeef", check=False), 1, "feedbeef")

    assert state_of(adopted.database) == before
    assert first_state(adopted) == "blocked"


def test_the_version_table_holds_a_revision_and_its_ancestor(adopted):
    adopted.table("r2", "r1")
    adopted.dbsync("sync")
    put_versions(adopted, "r1", "r2")
    before = state_of(adopted.database)

    everything(adopted, "DBS303", "r1")

    assert state_of(adopted.database) == before


@pytest.mark.parametrize("odd", ["", "%s", "'; DROP TABLE users; --", "\x1b[31mred", "--all", "x" * 5000])
def test_the_version_table_holds_nonsense(adopted, odd):
    put_versions(adopted, odd)
    before = state_of(adopted.database)

    everything(adopted)

    assert "\x1b" not in adopted.dbsync("status").out
    assert state_of(adopted.database) == before


def test_a_git_branch_without_migrations_is_no_downgrade_to_base(adopted):
    before = state_of(adopted.database)

    adopted.git("switch", "--orphan", "empty")
    done = adopted.git("commit", "--allow-empty", "-m", "Nothing")

    assert "Traceback" not in done.err
    assert state_of(adopted.database) == before
    is_clear(adopted.dbsync("sync", check=False), 1, "left where it is")
    is_clear(adopted.dbsync("ensure", check=False), 1, "left where it is")
    assert state_of(adopted.database) == before
    adopted.switch("main")
    assert_in_sync(adopted)


def test_a_git_branch_with_an_empty_versions_folder_is_no_downgrade_to_base(adopted):
    before = state_of(adopted.database)
    adopted.switch("-c", "empty")
    adopted.git("rm", "--quiet", "migrations/versions/r1_create_users.py")
    adopted.commit("No revisions")

    everything(adopted, "DBS108")

    assert state_of(adopted.database) == before


# the repository


def test_no_repository(project):
    shutil.rmtree(project.path(".git"))

    for verb in ("init", "status", "heads", "sync", "ensure"):
        is_clear(project.dbsync(verb, check=False), 2, "not a git repository")


def test_a_bare_repository(project):
    project.git("clone", "--quiet", "--bare", ".", "bare.git")

    for verb in ("init", "status", "sync"):
        is_clear(project.dbsync(verb, check=False, cwd="bare.git"), 2, "bare")


def test_a_repository_without_commits(project):
    shutil.rmtree(project.path(".git"))
    project.git("init", "--quiet")
    if project.python != sys.executable:
        project.git("config", "dbsync.interpreter", project.python)
    project.table("r1", name="users")
    project.alembic("upgrade", "heads")

    assert project.dbsync("init", "--yes").rc == 0
    assert project.dbsync("status").rc == 0
    project.table("r2", "r1")
    project.dbsync("sync")
    assert_in_sync(project)
    is_clear(project.dbsync("heads", "--ref", "main", check=False), 2, "names no commit")
    project.commit("First")
    assert_in_sync(project)


def test_a_shallow_clone_that_lacks_the_old_commit(adopted, tmp_path):
    with hooks_off(adopted):
        adopted.switch("-c", "feature")
        adopted.table("r2", "r1")
        adopted.commit("Two")
        adopted.alembic("upgrade", "heads")
        adopted.git("rm", "--quiet", "migrations/versions/r2_create_t_r2.py")
        adopted.commit("Gone again")
    clone = type(adopted)(tmp_path / "clone", url=adopted.url)
    adopted.git("clone", "--quiet", "--depth", "1", f"file://{adopted.top}", str(clone.top))
    if clone.python != sys.executable:
        clone.git("config", "dbsync.interpreter", clone.python)
    shutil.copy(adopted.path("dev.db"), clone.path("dev.db"))
    before = state_of(clone.database)

    done = clone.dbsync("init", "--yes", check=False)

    is_clear(done, 1, "DBS302", "r2")
    assert state_of(clone.database) == before


def test_hostile_names_of_branches_tags_and_files(adopted):
    adopted.git("branch", "--", HOSTILE)
    adopted.git("tag", "--", f"-{HOSTILE}"[1:] + "tag")
    with hooks_off(adopted):
        adopted.switch(HOSTILE)
        adopted.table("r2", "r1")
        adopted.write(
            f"migrations/versions/{UNPRINTABLE}", "revision = 'r3'\ndown_revision = 'r2'\ndef upgrade(): nowhere\n"
        )
        adopted.write("migrations/versions/line\nbreak.py", "which Alembic does not see")
        adopted.commit("Hostile")
        adopted.switch("main")

    done = adopted.switch(HOSTILE)
    assert "\x1b" not in done.err.replace("Switched", "")
    assert "\x07" not in done.err
    assert "the upgrade of r3 failed" in done.err
    for words in (["status"], ["heads", "--ref", HOSTILE], ["explain", "r3"], ["explain", "r2"], ["status", "--json"]):
        said = adopted.dbsync(*words)
        assert "\x1b" not in said.out + said.err
    is_clear(adopted.dbsync("heads", "--ref", "--output=pwned", check=False), 2)
    is_clear(adopted.dbsync("heads", "--ref", "no\x1b[31msuch", check=False), 2)
    adopted.switch("main")
    assert_in_sync(adopted)
    assert not adopted.path("pwned").exists()


# what may not be written

DAC = "-dac_override,-dac_read_search"


@contextmanager
def read_only(project, *names: str):
    """Make folders (and what is in them) unwritable, for root too."""
    folders = [
        folder
        for name in names
        for folder, _, _ in os.walk(project.path(name))
        if ".git" in name or "/.git" not in folder
    ]
    files = [os.path.join(folder, name) for folder in folders for name in os.listdir(folder)]
    files = [path for path in files if os.path.isfile(path) and not os.path.islink(path)]
    for path in [*files, *folders]:
        os.chmod(path, os.stat(path).st_mode & ~0o222)
    try:
        yield
    finally:
        for path in [*folders, *files]:
            os.chmod(path, os.stat(path).st_mode | 0o200)


def without_override(project, *words: str):
    """Run dbsync as somebody whom file modes bind."""
    prefix = [] if os.geteuid() else ["setpriv", f"--bounding-set={DAC}", "--"]
    return project.run(*prefix, sys.executable, "-P", "-m", "dbsync", *words)


def test_a_read_only_work_tree(project):
    start(project)
    project.table("r2", "r1")
    before = state_of(project.database)

    with read_only(project, ""):
        done = without_override(project, "sync")
        asked = without_override(project, "status")
        hooked = without_override(project, "hook", "post-checkout", project.rev("HEAD"), project.rev("HEAD"), "1")

    is_clear(done, 1, "read")
    is_clear(asked, 0)
    is_clear(hooked, 0, "read")
    assert state_of(project.database) == before


def test_a_read_only_git_folder(project):
    start(project)
    project.table("r2", "r1")
    before = state_of(project.database)

    with read_only(project, ".git"):
        done = without_override(project, "sync")
        ensured = without_override(project, "ensure")
        hooked = without_override(project, "hook", "post-checkout", project.rev("HEAD"), project.rev("HEAD"), "1")
        listed = without_override(project, "heads")

    is_clear(done, 1, ".git")
    is_clear(ensured, 1, ".git")
    is_clear(hooked, 0, ".git")
    is_clear(listed, 0, "r2")
    assert state_of(project.database) == before


def test_init_in_a_read_only_git_folder(project):
    project.table("r1", name="users")
    project.alembic("upgrade", "heads")

    with read_only(project, ".git"):
        is_clear(without_override(project, "init", "--yes"), 1, ".git")


# dbsync's own files


def ledger(project):
    (path,) = project.path(".git/dbsync/databases").glob("*.sqlite")
    return path


def test_a_ledger_of_a_newer_format(adopted):
    with closing(sqlite3.connect(ledger(adopted))) as db:
        db.execute("PRAGMA user_version = 99")
    adopted.table("r2", "r1")
    before = state_of(adopted.database)

    is_clear(adopted.dbsync("sync", check=False), 1, "newer dbsync", "pip install --upgrade")
    is_clear(adopted.dbsync("status", check=False), 1, "newer dbsync")
    is_clear(hook(adopted), 0, "newer dbsync")

    assert state_of(adopted.database) == before


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000, None], ids=["empty", "garbage", "half"])
def test_a_corrupt_ledger(adopted, content):
    path = ledger(adopted)
    path.write_bytes(path.read_bytes()[:5000] if content is None else content)
    adopted.table("r2", "r1")
    before = state_of(adopted.database)

    for words in (["sync"], ["ensure"]):
        done = adopted.dbsync(*words, check=False)
        is_clear(done, 1, path.name, "dbsync init")
    is_clear(hook(adopted), 0, path.name)
    is_clear(adopted.dbsync("heads"), 0)
    assert state_of(adopted.database) == before
    path.unlink(missing_ok=True)
    adopted.dbsync("init", "--yes")
    assert_in_sync(adopted)


def test_a_ledger_moved_away_is_not_in_sync(adopted):
    ledger(adopted).unlink()
    adopted.table("r2", "r1")
    before = state_of(adopted.database)

    is_clear(adopted.dbsync("sync", check=False), 2, "no database was given", "dbsync init")
    is_clear(adopted.dbsync("sync", "--dry-run", check=False), 2, "no database was given")

    assert state_of(adopted.database) == before


BROKEN_JSON = [
    "",
    "{",
    "[]",
    "null",
    '{"alembic.ini": 5}',
    '{"alembic.ini": {"watched": 3, "variables": [], "interpreter": 7}}',
]


@pytest.mark.parametrize("content", BROKEN_JSON)
def test_a_corrupt_environments_json_is_written_again(adopted, content):
    adopted.write(".git/dbsync/environments.json", content)
    adopted.table("r2", "r1")

    is_clear(adopted.dbsync("status"), 0)
    adopted.dbsync("sync")

    assert_in_sync(adopted)
    assert json.loads(adopted.path(".git/dbsync/environments.json").read_text())["alembic.ini"]["watched"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"tips": 5}', '{"tips": [5], "originals": []}', '{"originals": {"a": 1}}']
)
def test_a_corrupt_trust_json_trusts_less_and_never_fails(adopted, content):
    adopted.git("remote", "add", "origin", "file:///nowhere")
    adopted.write(".git/dbsync/trust.json", content)
    with hooks_off(adopted):
        adopted.table("r2", "r1")
        adopted.commit("Mine")

    is_clear(hook(adopted), 0)
    is_clear(adopted.dbsync("trust"), 0)
    adopted.dbsync("sync")
    assert_in_sync(adopted)


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"dbsync-gate 1 x\nid \xff\n", b"dbsync-gate 99 x\n", b"\0" * 4096]
)
def test_a_corrupt_gate_starts_python(adopted, content):
    branch(adopted, "feature", "f2", 'op.create_table("f", sa.Column("id", sa.Integer))')
    adopted.path(".git/dbsync-gate").write_bytes(content)

    assert "-0 +1" in adopted.switch("feature").err
    assert_in_sync(adopted)


def disposable(project):
    """Return dbsync's files that may vanish at any time: caches of what was read, and the last verdict."""
    project.dbsync("heads", "--ref", "HEAD")
    project.dbsync("status")
    ours = [path for path in project.path(".git").rglob("*") if "dbsync" in str(path.relative_to(project.top))]
    kept = ("databases", "hooks", "README", "environments.json", "trust.json")
    return [path for path in ours if path.is_file() and not any(one in path.parts for one in kept)]


@pytest.mark.parametrize("content", [b"", b"garbage" * 50, marshal.dumps([1, 2]), marshal.dumps({"a": 1})])
def test_damaged_caches_are_read_past(adopted, content):
    for path in disposable(adopted):
        path.write_bytes(content)
    is_clear(adopted.dbsync("status"), 0, "in sync")
    is_clear(adopted.dbsync("heads", "--ref", "HEAD"), 0, "r1")
    for path in disposable(adopted):
        path.write_bytes(content)
    adopted.table("r2", "r1")

    is_clear(adopted.dbsync("heads"), 0, "r2")
    adopted.dbsync("sync")

    assert_in_sync(adopted)


def test_a_cache_of_revisions_whose_rows_are_nonsense_is_read_past(adopted):
    disposable(adopted)
    path = adopted.path(".git/dbsync/cache/revisions.sqlite")
    with closing(sqlite3.connect(path)) as db, db:
        assert db.execute("UPDATE revision SET data = ?", (marshal.dumps([1, 2]),)).rowcount
    adopted.table("r2", "r1")

    is_clear(adopted.dbsync("heads"), 0, "r2")
    adopted.dbsync("sync")
    assert_in_sync(adopted)


def test_dbsync_in_a_folder_that_is_gone(adopted, tmp_path):
    script = 'mkdir "$1/gone" && cd "$1/gone" && rmdir "$1/gone" && exec "$2" -P -m dbsync status'
    done = subprocess.run(
        ["sh", "-c", script, "sh", str(tmp_path), sys.executable],
        env=adopted.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert "Traceback" not in done.stderr
    assert done.returncode == 2

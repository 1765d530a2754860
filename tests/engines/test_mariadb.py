"""MariaDB: how its databases are adopted, compared with Git, reached and told apart."""

from __future__ import annotations

import pytest

from tests.engines.env_files import CONFIGURE, CONNECT, edit_env, use_template, use_url
from tests.support.following import codes, database_status, status
from tests.support.mariadb_schema import assert_in_sync
from tests.support.plugin import entries, with_plugin

pytestmark = pytest.mark.mariadb


@pytest.fixture
def behind(mariadb_project):
    """Give a project with a revision, whose database is empty."""
    with_plugin(mariadb_project)
    mariadb_project.table("r1")
    mariadb_project.commit("Add r1")
    return mariadb_project


@pytest.fixture
def adopted(behind):
    """Give a project whose database is at r1 and was given to dbsync."""
    behind.alembic("upgrade", "heads")
    behind.dbsync("init", "--yes")
    return behind


def tables(mariadb, project):
    name = project.url.rpartition("/")[2] if "?" not in project.url else project.url.split("/")[3].split("?")[0]
    return sorted(row[0] for row in mariadb.query("SHOW TABLES", name))


def test_init_moves_it_and_installs_the_hooks(behind, mariadb):
    done = behind.dbsync("init", "--yes")

    assert "follows Git now" in done.err
    assert "hooks installed" in done.err
    assert codes(done) == []
    assert tables(mariadb, behind) == ["alembic_version", "t_r1"]
    assert database_status(behind)["state"] == "in_sync"


def test_init_compares_with_a_fresh_build(behind, mariadb, mariadb_database):
    behind.alembic("upgrade", "heads")
    mariadb.query("ALTER TABLE t_r1 ADD COLUMN extra INT, MODIFY name VARCHAR(60)", mariadb_database.name)

    done = behind.dbsync("init", "--yes")

    assert "+ column t_r1.extra int(11) DEFAULT NULL" in done.err
    assert "- column t_r1.name varchar(50) DEFAULT NULL" in done.err


def test_what_plain_alembic_did_is_in_sync_and_recorded(adopted):
    path = adopted.column("r2", "r1", "t_r1", "before")
    adopted.alembic("upgrade", "heads")
    adopted.alembic("downgrade", "-1")
    path.write_text(path.read_text().replace("before", "afterwards"))
    adopted.alembic("upgrade", "heads")

    assert (entries(adopted)["r2"].source, entries(adopted)["r2"].observed) == (path.read_bytes(), False)
    assert database_status(adopted)["state"] == "in_sync"
    for verb in ("sync", "ensure"):
        assert adopted.dbsync(verb).rc == 0


def test_rebase_moves_it_too(adopted, mariadb, tmp_path):
    adopted.switch("-c", "feature")
    adopted.table("mine", "r1")
    adopted.commit("Mine", verify=False)
    adopted.switch("main")
    adopted.table("theirs", "r1")
    adopted.commit("Theirs", verify=False)
    adopted.switch("feature")
    adopted.git("merge", "--quiet", "--no-verify", "main")

    adopted.dbsync("rebase", "--onto", "main")

    assert_in_sync(adopted, mariadb, tmp_path)
    assert database_status(adopted)["state"] == "in_sync"


@pytest.mark.parametrize("way", ["mariadb", "aiomysql"])
def test_with_other_dialects_and_drivers(mariadb_project, mariadb, mariadb_database, way):
    if way == "aiomysql":
        use_template(mariadb_project, "async")
    url = mariadb.tcp(mariadb_database.name, "aiomysql")
    use_url(mariadb_project, url if way == "aiomysql" else mariadb_database.url.replace("mysql+", "mariadb+", 1))
    mariadb_project.table("r1")
    mariadb_project.commit("Add r1")
    mariadb_project.alembic("upgrade", "heads")

    done = mariadb_project.dbsync("init", "--yes")

    assert "note: its schema" not in done.err
    assert database_status(mariadb_project)["state"] == "in_sync"


def test_env_py_that_begins_a_transaction_around_everything(mariadb_project):
    edit_env(mariadb_project, (CONNECT, CONNECT.replace("connect()", "begin()")))
    mariadb_project.table("r1")
    mariadb_project.commit("Add r1")
    mariadb_project.alembic("upgrade", "heads")

    assert "note: its schema" not in mariadb_project.dbsync("init", "--yes").err
    assert mariadb_project.dbsync("sync").rc == 0


def test_the_version_table_under_another_name(mariadb_project, mariadb_database):
    named = CONFIGURE.replace("target_metadata\n", 'target_metadata, version_table="versions"\n')
    edit_env(mariadb_project, (CONFIGURE, named))
    mariadb_project.table("r1")
    mariadb_project.commit("Add r1")
    mariadb_project.alembic("upgrade", "heads")

    assert "note: its schema" not in mariadb_project.dbsync("init", "--yes").err
    assert database_status(mariadb_project)["state"] == "in_sync"


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (("root@localhost", "root@db.example.com"), "DBS501", "db.example.com is not on this machine"),
        (("?", "?read_default_file=/etc/my.cnf&"), "DBS501", "a file of options beside the URL hides its host"),
        (("/socket", "/none"), "DBS401", "the database does not answer"),
        (("root@", "nobody:word@"), "DBS416", "the server refused the login: (1045"),
        (("/t", "/never_made_t"), "DBS403", "the server has no such database: (1049"),
        (("/t", "/t_prod_t"), "DBS503", "looks like production"),
    ],
)
def test_what_cannot_be_reached_is_named(mariadb_project, change, code, said):
    head, place, tail = mariadb_project.url.rpartition("@localhost")
    url = head + place + tail.replace(*change, 1) if change[0].startswith(("/", "?")) else mariadb_project.url
    use_url(mariadb_project, url if change[0].startswith(("/", "?")) else url.replace(*change, 1))
    mariadb_project.table("r1")
    mariadb_project.commit("Add r1")

    done = mariadb_project.dbsync("init", "--yes", check=False)

    assert (done.rc, codes(done)) == (1, [code]), done.err
    assert said in done.err
    assert "word" not in done.err.replace("password", "")


def test_what_env_py_changes_by_itself_is_stopped(adopted, mariadb):
    text = "with connectable.connect() as connection:\n"
    edit_env(adopted, (text, text + "        connection.exec_driver_sql('CREATE TABLE own (id INT)')\n"))

    found = status(adopted)["environments"][0]["obstacles"]

    assert [one["code"] for one in found] == ["DBS405"]
    assert "own" not in tables(mariadb, adopted)


def test_another_work_tree_gets_no_copy(adopted, mariadb, tmp_path):
    linked = tmp_path / "linked"
    adopted.git("worktree", "add", "--quiet", "-b", "other", str(linked))

    done = adopted.dbsync("worktree", check=False, cwd=str(linked))

    assert (done.rc, codes(done)) == (1, ["DBS411"])
    assert not [name for (name,) in mariadb.query("SHOW DATABASES") if name.endswith("_linked")]

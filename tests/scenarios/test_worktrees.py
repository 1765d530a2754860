"""Several work trees and clones: one database has one owner, and each work tree may have its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_follows, codes, dump, follow, sql, state, status
from tests.support.postgres import running_server
from tests.support.project import Project
from tests.support.schema import assert_in_sync, connect, state_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def branches(followed: Project) -> Project:
    """Give a project on main (r1, m2; a row in t_r1) with a branch feature (r1, f2)."""
    followed.switch("--quiet", "-c", "feature")
    followed.table("f2", "r1")
    followed.commit("Add f2")
    followed.switch("--quiet", "main")
    followed.table("m2", "r1")
    followed.commit("Add m2")
    sql(followed, "INSERT INTO t_r1 (name) VALUES ('kept')")
    return followed


def link(project: Project, folder: Path, branch: str = "feature") -> Project:
    """Return the project in a linked work tree."""
    project.git("worktree", "add", "--quiet", str(folder), branch)
    linked = Project(folder, url=project.url, python=project.python)
    linked.clock = project.clock
    return linked


def test_a_linked_work_tree_gets_a_copy_where_its_env_py_leads(branches: Project, tmp_path):
    linked = link(branches, tmp_path / "linked")
    before = dump(branches)
    done = linked.dbsync("worktree")
    assert "dev.db is a copy of" in done.err
    assert "-1 +1  m2 -> f2" in done.err
    assert_in_sync(linked)
    assert sql(linked, "SELECT name FROM t_r1") == [("kept",)]
    assert before == dump(branches)
    linked.switch("--detach", "main~1")
    assert_in_sync(linked)
    branches.switch("--detach", "feature")
    assert_follows(branches) if len(list(branches.path(".git/dbsync/databases").glob("*.sqlite"))) == 1 else None
    assert_in_sync(branches)
    assert [one["database"] for one in status(branches)["environments"][0]["databases"]] == ["dev.db"]
    assert (state(branches), state(linked)) == ("in_sync", "in_sync")


def test_the_copy_of_a_work_tree_that_was_removed_is_forgotten(branches: Project, tmp_path):
    linked = link(branches, tmp_path / "linked")
    linked.dbsync("worktree")
    branches.git("worktree", "remove", "--force", str(linked.top))
    assert [one["database"] for one in status(branches)["environments"][0]["databases"]] == ["dev.db"]
    assert "not what the work tree says" not in branches.dbsync("doctor", check=False).err
    assert state(branches) == "in_sync"


def test_a_linked_work_tree_without_a_database_is_told_once(branches: Project, tmp_path):
    linked = link(branches, tmp_path / "linked")
    before = dump(branches)
    done = linked.switch("--detach", "main~1")
    assert codes(done) == ["DBS508"]
    assert "`dbsync worktree`" in done.err
    assert codes(linked.switch("--detach", "main")) == []
    assert before == dump(branches)
    assert linked.dbsync("ensure").rc == 0
    assert not linked.path("dev.db").exists()


@pytest.fixture
def shared(project: Project) -> Project:
    """Give a project whose env.py leads to one file from every work tree, unless APP_DB names another."""
    project.url = f"sqlite:///{project.top}/shared.db"
    project.configure()
    env = project.path("migrations/env.py")
    text = env.read_text().replace(
        "config = context.config\n",
        "config = context.config\nimport os\n"
        "if os.environ.get('APP_DB'):\n    config.set_main_option('sqlalchemy.url', os.environ['APP_DB'])\n",
    )
    env.write_text(text)
    project.table("r1")
    project.commit("Add r1")
    return follow(project)


def test_a_database_that_all_work_trees_lead_to_is_copied_beside_it(shared: Project, tmp_path):
    shared.switch("--quiet", "-c", "feature")
    shared.table("f2", "r1")
    shared.commit("Add f2")
    shared.switch("--quiet", "main")
    linked = link(shared, tmp_path / "linked")
    done = linked.dbsync("sync", check=False)
    assert codes(done) == ["DBS508"]
    done = linked.dbsync("worktree")
    assert "shared_linked.db is a copy of" in done.err
    assert "(env.py reads APP_DB)" in done.err
    linked.url = f"sqlite:///{shared.top}/shared_linked.db"
    linked.environ["APP_DB"] = linked.url
    linked.dbsync("sync")
    assert state_of(linked.url).versions == ("f2",)
    assert state_of(shared.url).versions == ("r1",)
    assert codes(linked.dbsync("worktree", check=False)) == ["DBS509"]


def test_ownership_is_taken_over_and_the_other_is_told(shared: Project, tmp_path):
    shared.table("m2", "r1")
    shared.commit("Add m2")
    linked = link(shared, tmp_path / "linked", "main~1")
    done = linked.dbsync("worktree", "--take")
    assert "follows this work tree now" in done.err
    assert "-1 +0  m2 -> r1" in done.err
    assert state_of(shared.url).versions == ("r1",)
    done = shared.switch("-c", "next")
    assert codes(done) == ["DBS508"]
    assert codes(shared.dbsync("sync", check=False)) == ["DBS508"]
    assert state_of(shared.url).versions == ("r1",)
    shared.dbsync("worktree", "--take")
    assert state_of(shared.url).versions == ("m2",)


def test_a_work_tree_that_was_removed_owns_nothing(shared: Project, tmp_path):
    linked = link(shared, tmp_path / "linked", "main~0")
    linked.dbsync("worktree", "--take")
    shared.git("worktree", "remove", "--force", str(linked.top))
    shared.table("m2", "r1")
    shared.commit("Add m2")
    assert state_of(shared.url).versions == ("m2",)


def test_on_postgresql_the_copy_is_made_from_a_template(postgres_project: Project, tmp_path):
    project = postgres_project
    project.table("r1")
    project.commit("Add r1")
    project.dbsync("init", "--yes")
    linked = link(project, tmp_path / "linked", "main~1")
    with connect(project.url) as connection:
        connection.read_only = False
        connection.execute("INSERT INTO t_r1 (name) VALUES ('kept')")
        done = linked.dbsync("worktree", check=False)
        assert codes(done) == ["DBS509"]
    done = linked.dbsync("worktree")
    assert "_linked on port" in done.err or "_linked on a local socket" in done.err
    copy = re.sub(r"/(\w+)(\?|$)", r"/\1_linked\2", project.url)
    with connect(copy) as connection:
        assert connection.execute("SELECT name FROM t_r1").fetchall() == [("kept",)]
    running_server().drop(re.search(r"/(\w+)(\?|$)", copy).group(1))


def test_two_clones_of_a_repository_meet_on_one_server_database(postgres_project: Project, tmp_path):
    project = postgres_project
    project.table("r1")
    project.commit("Add r1")
    project.dbsync("init", "--yes")
    project.git("clone", "--quiet", str(project.top), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone", url=project.url)
    clone.clock = project.clock
    clone.dbsync("init", "--yes")
    clone.column("c2", "r1", "t_r1", "of_the_clone")
    clone.commit("Add c2")
    assert_in_sync(clone)
    done = project.dbsync("status")
    assert "phantom" in done.out or "c2" in done.out or "missing" in done.out
    project.table("m2", "r1")
    done = project.commit("Add m2")
    found = project.dbsync("sync", check=False)
    assert codes(found) == ["DBS302"]
    assert state_of(project.url).versions == ("c2",)
    project.git("fetch", "--quiet", str(clone.top), "HEAD:theirs")
    project.dbsync("sync")
    assert_in_sync(project)
    clone.git("fetch", "--quiet", str(project.top), "main:theirs")
    clone.dbsync("sync")
    assert_in_sync(clone)

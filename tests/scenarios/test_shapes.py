"""Repositories of another shape, and revisions that no commit ever held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_follows, codes, database_status, dump, follow, sql, state
from tests.support.project import Project
from tests.support.schema import assert_in_sync, state_of, versions_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def history(project: Project) -> Project:
    """Commit main (r1, m2) and feature (r1, f2); feature is checked out."""
    project.table("r1")
    project.commit("Add r1")
    project.switch("--quiet", "-c", "feature")
    project.table("f2", "r1")
    project.commit("Add f2")
    project.switch("--quiet", "main")
    project.table("m2", "r1")
    project.commit("Add m2")
    project.switch("--quiet", "feature")
    return project


def same(project: Project, act: Callable[[], object]) -> None:
    """Assert that something leaves the whole content of the database as it is."""
    before = dump(project)
    act()
    assert before == dump(project)


# sparse checkouts


@pytest.fixture
def sparse(project: Project) -> Project:
    project.write("app/main.py", "")
    return follow(history(project))


def test_a_sparse_checkout_without_the_revisions_leaves_the_database(sparse: Project):
    same(sparse, lambda: sparse.git("sparse-checkout", "set", "--no-cone", "/app/", "/alembic.ini", "/.gitignore"))
    assert not sparse.path("migrations").exists()
    same(sparse, lambda: sparse.switch("main"))
    done = sparse.dbsync("sync", "--yes", check=False)
    assert done.rc == 1
    assert "the database was left where it is [DBS301]" in done.err
    assert state_of(sparse.database).versions == ("f2",)
    sparse.git("sparse-checkout", "disable")
    sparse.dbsync("ensure")
    assert_follows(sparse)


def test_a_sparse_checkout_without_the_configuration_too(sparse: Project):
    same(sparse, lambda: sparse.git("sparse-checkout", "set", "--cone", "app"))
    sparse.path("alembic.ini").unlink(missing_ok=True)
    done = sparse.switch("main", check=False)
    assert state_of(sparse.database).versions == ("f2",)
    assert done.rc == 0
    sparse.git("sparse-checkout", "disable")
    sparse.git("restore", ".")
    sparse.dbsync("ensure")
    assert_follows(sparse)


def test_a_sparse_checkout_of_some_revisions_is_no_reason_to_take_others_down(sparse: Project):
    same(
        sparse,
        lambda: sparse.git("sparse-checkout", "set", "--no-cone", "/*", "!/migrations/versions/f2*"),
    )
    done = sparse.dbsync("ensure", check=False)
    assert codes(done) == ["DBS115"]
    assert state_of(sparse.database).versions == ("f2",)


# submodules


@pytest.fixture
def superproject(make_project, tmp_path: Path) -> tuple[Project, Project]:
    """Give a project whose migrations folder is a submodule, and the submodule's own repository."""
    library = Project(tmp_path / "library")
    library.top.mkdir()
    library.git("init", "--quiet")
    library.script_location = "."
    for name in ("env.py", "script.py.mako"):
        source = make_project().path(f"migrations/{name}")
        library.write(name, source.read_text())
    library.table("r1")
    library.commit("Add r1")
    project = Project.create(tmp_path / "super")
    project.git("rm", "-rq", "migrations")
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.top), "migrations")
    project.commit("Migrations are a submodule")
    return project, library


def test_revisions_in_a_submodule_are_read_from_its_work_tree_or_refused(superproject):
    project, _ = superproject
    done = project.dbsync("heads", check=False)
    assert done.rc in (0, 1, 2)
    assert "r1" in done.out or "[DBS1" in done.err, done


def test_a_project_that_is_itself_a_submodule_follows(tmp_path: Path):
    inner = history(Project.create(tmp_path / "inner"))
    outer = Project.create(tmp_path / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.top), "inner")
    outer.commit("Add a submodule")
    project = Project(outer.top / "inner")
    project.clock = inner.clock
    follow(project)
    assert_in_sync(project)
    project.git("switch", "--quiet", "-c", "main", "origin/main")
    assert_in_sync(project)
    project.git("switch", "--quiet", "feature")
    assert_in_sync(project)
    outer.git("submodule", "update")
    assert_in_sync(project)


# partial and shallow clones


@pytest.mark.parametrize(
    "options", [["--depth=1", "--no-single-branch"], ["--filter=blob:none"]], ids=["shallow", "partial"]
)
def test_a_clone_that_does_not_have_everything_follows(tmp_path: Path, options: list[str]):
    origin = history(Project.create(tmp_path / "origin"))
    origin.git("config", "uploadpack.allowFilter", "true")
    origin.run("git", "clone", "--quiet", *options, f"file://{origin.top}", str(tmp_path / "clone"), check=True)
    project = Project(tmp_path / "clone")
    project.clock = origin.clock
    follow(project)
    assert_follows(project)
    for ref in ("main", "feature", "main"):
        project.switch("--quiet", ref)
        assert_follows(project)


def test_what_a_partial_clone_does_not_have_is_named(tmp_path: Path):
    origin = history(Project.create(tmp_path / "origin"))
    origin.git("config", "uploadpack.allowFilter", "true")
    origin.run(
        "git", "clone", "--quiet", "--filter=blob:none", f"file://{origin.top}", str(tmp_path / "clone"), check=True
    )
    project = Project(tmp_path / "clone")
    project.clock = origin.clock
    follow(project)
    origin.top.rename(tmp_path / "away")
    before = dump(project)
    done = project.dbsync("sync", "--to", "origin/main", check=False)
    assert done.rc == 1
    assert "left out of a partial clone" in done.err
    assert before == dump(project)


# sha256


def test_a_repository_whose_ids_are_sha256(tmp_path: Path):
    project = Project(tmp_path / "project")
    project.top.mkdir()
    project.git("init", "--quiet", "--object-format=sha256")
    project.write(".gitignore", "*.db\n*.db-*\n__pycache__/\n")
    project.configure()
    project.commit("Start")
    follow(history(project))
    assert_follows(project)
    project.switch("main")
    assert_follows(project)
    project.git("worktree", "add", "--quiet", str(tmp_path / "linked"), "feature")
    assert_follows(project)
    project.git("merge", "--quiet", "--no-edit", "feature~1")
    project.git("branch", "-D", "--quiet", "feature") if not (tmp_path / "linked").exists() else None
    path = project.column("m3", "m2", "t_m2", "one")
    project.commit("Add m3")
    path.write_text(path.read_text().replace('"one"', '"two"'))
    project.git("commit", "--quiet", "--all", "--amend", "--no-edit")
    assert_follows(project)


# never committed


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "noticed later"])
@pytest.mark.parametrize("gone", ["stash -u", "clean -fdq", "rm"])
def test_a_revision_that_was_never_committed_and_is_gone(project: Project, gone: str, recorded: bool):
    follow(history(project))
    project.recorded = recorded
    path = project.table("u3", "f2")
    project.alembic("upgrade", "head")
    if not recorded:
        project.dbsync("status")
    project.run("rm", str(path), check=True) if gone == "rm" else project.git(*gone.split())
    found = database_status(project)
    assert found["phantom"] == ["u3"] or (not recorded and found["missing"] == ["u3"]), found
    done = project.dbsync("ensure", check=False)
    if found["missing"]:
        assert codes(done) == ["DBS302"]
        return
    assert_follows(project)


def test_a_revision_that_was_staged_once_is_found_among_unreachable_objects(project: Project):
    follow(history(project))
    project.recorded = False
    path = project.table("u3", "f2")
    project.git("add", "--all")
    project.alembic("upgrade", "head")
    project.git("rm", "--quiet", "--force", str(path))
    done = project.dbsync("ensure", check=False)
    assert codes(done) in ([], ["DBS506"])
    project.dbsync("sync")
    assert_follows(project)


def test_rows_of_a_revision_that_was_thrown_away_are_not(project: Project):
    follow(history(project))
    project.table("u3", "f2")
    project.dbsync("sync")
    sql(project, "INSERT INTO t_u3 (name) VALUES ('mine')")
    project.git("clean", "-fdq")
    done = project.dbsync("ensure", check=False)
    assert codes(done) == ["DBS305"]
    assert sql(project, "SELECT name FROM t_u3") == [("mine",)]
    assert state(project) == "ahead"


def test_an_orphan_branch_with_a_history_of_its_own(project: Project):
    follow(history(project))
    before = dump(project)
    project.switch("--orphan", "again")
    assert before == dump(project)
    project.configure()
    project.write(".gitignore", "*.db\n*.db-*\n__pycache__/\n")
    project.table("o1")
    project.commit("A new beginning")
    assert_follows(project)
    project.switch("feature")
    assert_follows(project)


def test_an_environment_that_only_some_branches_have_follows_too(project: Project):
    """The hook answers without Python where nothing changed; there must have been something to compare."""
    project.table("r1", name="users")
    project.commit("Users")
    project.switch("-c", "billing")
    bills = Project(project.path("billing"), url="sqlite:///bills.db")
    bills.configure()
    bills.table("b1", name="bills")
    project.commit("Bills")
    project.dbsync("init", "--yes")
    project.switch("-c", "more")
    bills.table("b2", "b1", name="rates")
    project.commit("Rates")
    assert versions_of(str(project.path("billing/bills.db"))) == ("b2",)
    project.switch("main")
    project.switch("-c", "other")
    project.switch("main")

    project.switch("billing")

    assert versions_of(str(project.path("billing/bills.db"))) == ("b1",)

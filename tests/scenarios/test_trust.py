"""Code that came from somewhere else is never run merely because it was checked out: canaries that touch a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_follows, codes, database_status, dump, follow, ledger_entries, sql, status
from tests.support.project import Project

if TYPE_CHECKING:
    from pathlib import Path

STRANGER = {
    "GIT_AUTHOR_NAME": "Mallory",
    "GIT_AUTHOR_EMAIL": "m@example.invalid",
    "GIT_COMMITTER_NAME": "Mallory",
    "GIT_COMMITTER_EMAIL": "m@example.invalid",
}


class Trap:
    """A developer's clone whose database follows Git, a stranger's fork, and a folder where canaries are laid."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "canaries"
        self.folder.mkdir()
        origin = Project.create(folder / "first")
        origin.write("app/__init__.py", "")
        origin.write("app/models.py", "from sqlalchemy import MetaData\nmetadata = MetaData()\n")
        env = origin.path("migrations/env.py").read_text()
        origin.write(
            "migrations/env.py",
            env.replace("target_metadata = None", "from app.models import metadata as target_metadata"),
        )
        origin.table("r1")
        origin.commit("Add r1")
        origin.git("clone", "--quiet", "--bare", ".", "../origin.git")
        origin.git("clone", "--quiet", "../origin.git", "../clone")
        origin.git("clone", "--quiet", "../origin.git", "../fork")
        self.fork = Project(folder / "fork")
        self.fork.environ = dict(STRANGER)
        self.clone = follow(Project(folder / "clone"))

    def canary(self, name: str) -> str:
        """Return a line of Python that lays a canary when it is run."""
        return f"open({str(self.folder / name)!r}, 'w').close()\n"

    def laid(self) -> list[str]:
        return sorted(os.listdir(self.folder))

    def poison(self, *paths: str) -> None:
        for path in paths:
            text = self.fork.path(path).read_text() if self.fork.path(path).exists() else ""
            self.fork.write(path, text + self.canary(path.replace("/", "-")))

    def poison_downgrade(self, id: str) -> None:
        path = self.fork.revision_path(id, f"create t_{id}")
        text = self.fork.path(path).read_text()
        self.fork.write(path, text.replace("    op.drop_table", f"    {self.canary('down')}    op.drop_table"))

    def apply_by_hand(self, id: str) -> None:
        """Do to the clone's database what plain `alembic upgrade` would have done on the pull request."""
        table = f"CREATE TABLE t_{id} (id INTEGER PRIMARY KEY, name VARCHAR(50))"
        sql(self.clone, table, f"UPDATE alembic_version SET version_num = '{id}'")

    def propose(self, branch: str = "pr") -> None:
        """Let the stranger commit and open pull request 1, and fetch it to a branch as people do."""
        self.fork.commit("Improve things")
        self.fork.git("push", "--quiet", "--force", "origin", "HEAD:refs/pull/1/head")
        self.clone.git("fetch", "--quiet", "origin", f"refs/pull/1/head:{branch}")


@pytest.fixture
def trap(tmp_path) -> Trap:
    return Trap(tmp_path)


@pytest.fixture
def poisoned(trap: Trap) -> Trap:
    """Give a pull request whose env.py, application and revision all tell when they are run."""
    trap.fork.table("s2", "r1")
    trap.poison("migrations/env.py", "app/models.py", "app/__init__.py", trap.fork.revision_path("s2", "create t_s2"))
    trap.poison("sitecustomize.py", "usercustomize.py", "alembic/__init__.py", "sqlalchemy.py", "json.py")
    trap.propose()
    return trap


def test_the_canaries_sing(poisoned: Trap):
    poisoned.clone.switch("pr")
    poisoned.clone.alembic("upgrade", "head", check=False)

    assert {"migrations-env.py", "app-models.py"} <= set(poisoned.laid()) or poisoned.laid()


def test_a_pull_request_is_not_run_and_its_plan_is_printed(poisoned: Trap):
    before = dump(poisoned.clone)
    done = poisoned.clone.switch("pr")

    assert codes(done) == ["DBS506"]
    assert "dev.db stays at r1; the plan: up s2" in done.err
    assert "Mallory <m@example.invalid> was not written here" in done.err
    assert "dbsync trust" in done.err
    assert poisoned.laid() == []
    assert dump(poisoned.clone) == before


def test_it_is_said_once(poisoned: Trap):
    poisoned.clone.switch("pr")
    poisoned.clone.write("README", "text")
    poisoned.clone.git("add", "README")

    assert poisoned.clone.git("commit", "--quiet", "--message", "Mine").err == ""
    assert poisoned.laid() == []


def test_status_and_a_dry_run_do_not_run_it_either(poisoned: Trap):
    poisoned.clone.switch("pr")

    done = poisoned.clone.dbsync("status")
    assert codes(done) == ["DBS506"]
    assert database_status(poisoned.clone)["state"] == "refused"
    assert database_status(poisoned.clone)["current"] == ["r1"]
    poisoned.clone.dbsync("sync", "--dry-run", check=False)
    poisoned.clone.dbsync("heads")
    poisoned.clone.dbsync("explain", "s2")
    assert poisoned.laid() == []


def test_leaving_it_runs_nothing_of_it(poisoned: Trap):
    poisoned.clone.switch("pr")
    done = poisoned.clone.switch("main")

    assert codes(done) == []
    assert poisoned.laid() == []
    assert_follows(poisoned.clone)
    assert status(poisoned.clone)["pending"] is None


def test_dbsync_trust_lets_it_run(trap: Trap):
    trap.fork.table("s2", "r1")
    trap.poison("app/models.py")
    trap.propose()
    trap.clone.switch("pr")
    done = trap.clone.dbsync("trust")
    assert "Mallory: Improve things" in done.err
    trap.clone.dbsync("sync")

    assert trap.laid() == ["app-models.py"]
    assert_follows(trap.clone)
    trap.clone.switch("main")
    assert_follows(trap.clone)
    assert codes(trap.clone.switch("pr")) == []
    assert_follows(trap.clone)


def test_sync_and_ensure_are_the_persons_act(trap: Trap):
    trap.fork.table("s2", "r1")
    trap.propose()
    trap.clone.switch("pr")
    trap.clone.dbsync("ensure")

    assert_follows(trap.clone)
    trap.clone.switch("main")
    assert_follows(trap.clone)
    assert codes(trap.clone.switch("pr")) == ["DBS506"]


def test_a_downgrade_after_leaving_takes_its_source_from_the_ledger(trap: Trap):
    trap.fork.table("s2", "r1")
    trap.propose()
    trap.clone.switch("pr")
    trap.clone.dbsync("sync")
    trap.poison_downgrade("s2")
    trap.propose("worse")
    done = trap.clone.switch("main")

    assert codes(done) == []
    assert trap.laid() == []
    assert set(ledger_entries(trap.clone)) == {"r1"}


def test_a_revision_applied_by_hand_and_found_only_at_the_strangers_is_not_run(trap: Trap):
    """Plain alembic on the pull request, outside of dbsync: the hook knows the downgrade from the stranger alone."""
    trap.fork.table("s2", "r1")
    trap.poison_downgrade("s2")
    trap.propose()
    trap.apply_by_hand("s2")
    trap.clone.write("README", "text")
    trap.clone.commit("Mine")
    trap.clone.switch("--quiet", "-c", "other")
    trap.clone.table("r2", "r1")
    done = trap.clone.git("add", "--all")
    done = trap.clone.git("commit", "--quiet", "--message", "Add r2")

    assert codes(done) == ["DBS506"]
    assert trap.laid() == []


@pytest.mark.parametrize("gone", [True, False])
def test_auto_always_and_a_pruned_source_relax_no_trust(trap: Trap, gone):
    trap.clone.git("config", "dbsync.auto", "always")
    trap.fork.table("s2", "r1")
    trap.poison_downgrade("s2")
    trap.propose()
    if gone:
        trap.clone.git("branch", "--quiet", "-D", "pr")
        trap.clone.path(".git/FETCH_HEAD").unlink()
    trap.apply_by_hand("s2")
    trap.clone.table("r2", "r1")
    trap.clone.git("add", "--all")
    done = trap.clone.git("commit", "--quiet", "--message", "Add r2")

    assert codes(done) == ["DBS506"]
    assert trap.laid() == []


@pytest.mark.parametrize("gate", [True, False])
def test_a_squash_merge_of_a_stranger_is_not_run(poisoned: Trap, gate):
    if not gate:
        poisoned.clone.path(".git/dbsync-gate").unlink()
    done = poisoned.clone.git("merge", "--squash", "pr")

    assert codes(done) == ["DBS506"]
    assert poisoned.laid() == []


def test_a_merge_of_a_stranger_is_not_run(poisoned: Trap):
    done = poisoned.clone.git("merge", "--quiet", "--no-edit", "--no-ff", "pr")

    assert codes(done) == ["DBS506"]
    assert poisoned.laid() == []


def test_in_the_middle_of_a_merge_nothing_of_it_is_run(poisoned: Trap):
    poisoned.clone.git("merge", "--quiet", "--no-commit", "--no-ff", "pr")
    done = poisoned.clone.git("checkout", "HEAD", "--", "alembic.ini")

    assert codes(done) == ["DBS506"]
    assert poisoned.laid() == []


@pytest.mark.parametrize(
    "how", ["checkout pr -- .", "restore --source=pr --staged --worktree .", "checkout FETCH_HEAD -- ."]
)
def test_files_checked_out_from_a_stranger_are_not_run(poisoned: Trap, how):
    if "FETCH_HEAD" in how:
        poisoned.clone.git("branch", "--quiet", "-D", "pr")
    done = poisoned.clone.git(*how.split())
    assert codes(done) == ["DBS506"]

    poisoned.clone.git("switch", "--quiet", "-c", "other")
    poisoned.clone.git("checkout", "HEAD", "--", "alembic.ini")
    assert poisoned.laid() == []


def test_a_new_file_of_a_stranger_in_the_work_tree_alone_is_not_run(poisoned: Trap):
    names = ("sqlalchemy.py", poisoned.fork.revision_path("s2", "create t_s2"))
    done = poisoned.clone.git("restore", "--source=pr", *names)

    assert codes(done) == ["DBS506"]
    assert poisoned.laid() == []


def test_own_files_of_another_branch_and_own_uncommitted_work_are_followed(trap: Trap):
    trap.fork.table("s2", "r1")
    trap.propose()
    trap.clone.git("config", "dbsync.enabled", "false")
    trap.clone.switch("--quiet", "-c", "feature")
    trap.clone.table("f2", "r1")
    trap.clone.commit("Add f2")
    trap.clone.switch("--quiet", "main")
    trap.clone.git("config", "dbsync.enabled", "true")
    trap.clone.table("f3", "f2")
    trap.clone.git("add", "--all")
    assert codes(trap.clone.git("checkout", "feature", "--", ".")) == []

    assert set(ledger_entries(trap.clone)) == {"r1", "f2", "f3"}


def test_a_rebased_and_a_picked_commit_of_a_stranger_are_not_run(poisoned: Trap):
    done = poisoned.clone.git("cherry-pick", "pr")
    assert codes(done) == ["DBS506"]

    poisoned.clone.git("reset", "--quiet", "--hard", "origin/main")
    poisoned.clone.write("README", "text")
    poisoned.clone.commit("Mine")
    done = poisoned.clone.git("rebase", "main", "pr")
    assert codes(done) == ["DBS506"]
    assert poisoned.laid() == []


def test_a_strangers_commit_that_was_rebased_and_amended_stays_a_strangers(poisoned: Trap):
    poisoned.clone.write("README", "text")
    poisoned.clone.commit("Mine")
    poisoned.clone.git("rebase", "--quiet", "main", "pr")
    poisoned.clone.write("NOTES", "mine too")
    poisoned.clone.git("add", "NOTES")
    poisoned.clone.git("commit", "--quiet", "--amend", "--no-edit")
    poisoned.clone.git("commit", "--quiet", "--allow-empty", "--message", "On top")
    poisoned.clone.switch("--quiet", "-c", "copy")

    done = poisoned.clone.git("checkout", "HEAD~0")

    assert poisoned.laid() == []
    assert codes(done) in (["DBS506"], [])  # it is said once
    assert "s2" not in ledger_entries(poisoned.clone)


def test_a_virtual_environment_that_a_branch_brings_is_not_started(trap: Trap):
    trap.fork.write(".gitignore", "*.db\n")
    trap.fork.table("s2", "r1")
    for name in ("python", "python3"):
        path = trap.fork.write(f".venv/bin/{name}", f"#!/bin/sh\ntouch {trap.folder}/{name}\n")
        path.chmod(0o755)
    trap.fork.write(".venv/lib/python3/site-packages/alembic/__init__.py", "")
    trap.propose()
    trap.clone.switch("pr")
    trap.clone.dbsync("status")
    trap.clone.switch("main")

    assert trap.laid() == []


def test_attributes_of_a_stranger_start_none_of_the_users_filters(trap: Trap):
    for kind, key in (("filter", "clean"), ("filter", "process"), ("diff", "textconv"), ("diff", "command")):
        if key != "process":
            trap.clone.git("config", f"{kind}.canary.{key}", f"touch {trap.folder}/{key}; cat")
    trap.fork.write(".gitattributes", "* filter=canary diff=canary merge=canary export-subst\n")
    trap.fork.table("s2", "r1")
    trap.propose()
    trap.clone.switch("pr")
    for path in trap.folder.iterdir():
        path.unlink()
    trap.clone.dbsync("hook", "post-checkout", "1" * 40, "2" * 40, "1")
    trap.clone.dbsync("status")
    trap.clone.dbsync("heads")
    trap.clone.dbsync("sync")
    trap.clone.dbsync("explain", "s2")

    assert trap.laid() == []

"""`dbsync doctor`: a line a part, and what mends it."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def followed(project):
    """Give a project whose database follows Git."""
    project.table("r1")
    project.commit("Add r1")
    project.dbsync("init", "--yes")
    return project


def parts(project, *args):
    done = project.dbsync("doctor", "--json", *args, check=False)
    found = json.loads(done.out)
    return done.rc, [one for one in found["parts"] if not one["ok"]], found["fixed"]


def test_all_is_well(followed):
    done = followed.dbsync("doctor")

    assert done.rc == 0
    assert "BAD" not in done.out
    assert "ok   alembic.ini: dev.db: in sync" in done.out


def test_hooks_that_were_taken_out_are_put_back(followed):
    followed.remove(".git/hooks/post-checkout")
    followed.remove(".git/hooks/pre-commit")

    rc, wrong, _ = parts(followed)
    assert (rc, wrong[0]["message"]) == (1, "not installed: pre-commit, post-checkout")

    rc, wrong, fixed = parts(followed, "--fix")
    assert (rc, wrong, fixed[0]) == (0, [], "hooks installed")
    assert followed.path(".git/hooks/post-checkout").exists()


def test_a_database_that_does_not_follow_is_named(followed):
    followed.table("r2", "r1")

    rc, (wrong,), _ = parts(followed)

    assert (rc, wrong["message"]) == (1, "dev.db is not what the work tree says: behind")


def test_a_stamp_that_is_not_true_is_named(followed):
    followed.table("r2", "r1")
    followed.alembic("stamp", "head")

    rc, (wrong,), _ = parts(followed)

    assert (rc, wrong["part"]) == (1, "alembic.ini")
    assert wrong["message"].startswith("the schema of dev.db is not what its revisions make: - column t_r2.id ")
    assert wrong["hint"] == "`alembic stamp` with the revision that it is really at, then `dbsync sync`"
    followed.alembic("stamp", "r1")
    followed.dbsync("sync")
    assert parts(followed)[:2] == (0, [])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda project: project.table("r1", None, "other"), "revision r1 is in two files"),
        (lambda project: project.git("config", "dbsync.enabled", "false"), "dbsync is switched off here"),
        (lambda project: project.git("config", "dbsync.interpreter", "/gone/python"), "is not there"),
        (lambda project: project.write("migrations/env.py", "import gone_module"), "env.py cannot be loaded"),
        (lambda project: project.write("dev.db", "no database" * 100), "unreachable"),
    ],
)
def test_what_is_wrong_is_said_with_its_way_out(followed, spoil, message):
    spoil(followed)

    rc, wrong, _ = parts(followed)

    assert rc == 1
    assert any(message in one["message"] and one["hint"] for one in wrong), wrong


def test_before_init(project):
    project.table("r1")

    rc, wrong, fixed = parts(project, "--fix")

    assert (rc, fixed) == (1, [])
    assert any("dbsync init" in one["hint"] for one in wrong)
    assert not project.path(".git/hooks/post-checkout").exists()

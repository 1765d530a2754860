"""A downgrade that does nothing, or only raises: the tables would stay, the id would go, and the next upgrade would stumble over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_follows, codes, follow, sql
from tests.support.schema import state_of

if TYPE_CHECKING:
    from tests.support.project import Project


@pytest.fixture(params=["pass", 'raise NotImplementedError("no way back")'], ids=["empty", "raising"])
def one_way(project: Project, request: pytest.FixtureRequest) -> Project:
    """Give a project that follows Git on main, ahead of the tag `before` by a revision without a way back."""
    project.table("r1")
    project.commit("Add r1")
    project.git("tag", "before")
    project.revision("r2", "r1", 'op.create_table("t2", sa.Column("id", sa.Integer))', request.param)
    project.commit("Add r2")
    return follow(project)


def test_it_is_not_taken_down_by_a_hook_nor_by_sync(one_way: Project):
    """Optuna's v2.4.0.a."""
    held = state_of(one_way.database)

    done = one_way.git("checkout", "before")
    assert codes(done) == ["DBS309"]
    assert "r2" in done.err
    done = one_way.dbsync("sync", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS309"])
    assert state_of(one_way.database) == held

    one_way.switch("main")
    assert_follows(one_way)


def test_it_is_taken_down_where_that_was_said(one_way: Project):
    one_way.git("checkout", "before")

    done = one_way.dbsync("sync", "--yes")

    assert "cleared away what downgrades left behind: table t2" in done.err
    assert_follows(one_way)


def test_it_is_cleared_away_after_another_revision_was_applied_anew_by_somebody_else(one_way: Project):
    """Found by a random history: the doubt about one revision took from all what their upgrades had changed."""
    one_way.recorded = False
    path = one_way.column("r3", "r2", "t2", "more")
    one_way.dbsync("sync")
    one_way.alembic("downgrade", "r3-1")
    path.write_text(path.read_text().replace('"more"', '"other_name"'))
    one_way.alembic("upgrade", "head")
    one_way.dbsync("ensure")
    one_way.git("clean", "-fdq")
    one_way.dbsync("ensure")
    one_way.git("checkout", "before")

    one_way.dbsync("sync", "--yes")

    assert_follows(one_way)


def test_what_known_ones_leave_is_cleared_away_around_one_that_nothing_is_known_of(one_way: Project):
    """Found by a random history: only what came after the unknown one was cleared."""
    one_way.recorded = False
    one_way.revision("r3", "r2", 'op.create_index("ix_t2", "t2", ["id"])', 'op.drop_index("ix_t2", "t2")')
    one_way.commit("Add r3")
    one_way.git("switch", "--quiet", "-c", "more")
    one_way.dbsync("sync")
    one_way.alembic("downgrade", "r2")
    one_way.alembic("upgrade", "head")
    one_way.dbsync("sync")
    one_way.revision("r4", "r3", 'op.create_table("t4", sa.Column("id", sa.Integer))', "pass")
    one_way.commit("Add r4")
    sql(one_way, "INSERT INTO t4 VALUES (4)")
    one_way.git("checkout", "before")

    one_way.dbsync("sync", "--yes")

    assert_follows(one_way)
    one_way.switch("more")
    assert sql(one_way, "SELECT id FROM t4") == [(4,)]


def test_a_revision_that_changed_rows_only_goes_down(project: Project):
    project.table("r1")
    project.commit("Add r1")
    project.revision("r2", "r1", 'op.execute("INSERT INTO t_r1 (name) VALUES (1)")', "pass")
    project.commit("Add r2")
    follow(project)

    project.git("checkout", "HEAD~1")

    assert_follows(project)

"""Revisions that only got another parent stay applied, rows and all, where a fresh build shows that this is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_follows, codes, database_status, dump, follow, sql
from tests.support.schema import assert_in_sync, connect, state_of

if TYPE_CHECKING:
    from tests.support.project import Project


@pytest.fixture
def mine(followed: Project) -> Project:
    """Give a project on mine (r1, f2, f3; a row in t_f2), with main at r1, m2."""
    followed.table("m2", "r1")
    followed.commit("Add m2")
    followed.switch("--quiet", "-c", "mine", "HEAD~1")
    followed.table("f2", "r1")
    followed.commit("Add f2")
    followed.column("f3", "f2", "t_f2", "extra")
    followed.commit("Add f3")
    sql(followed, "INSERT INTO t_f2 (name, extra) VALUES ('kept', 'too')")
    return followed


def re_parent(project: Project, one: str, old: str, new: str) -> None:
    (path,) = project.path("migrations/versions").glob(f"{one}_*")
    path.write_text(path.read_text().replace(f"= {old!r}", f"= {new!r}"))


def rows(project: Project):
    return sql(project, "SELECT name, extra FROM t_f2")


def rebase_on_main(project: Project):
    script = "sed -i \"s/= 'r1'/= 'm2'/\" migrations/versions/f2_* && git commit -qa --amend --no-edit"
    return project.git(
        "rebase", "--quiet", "--exec", f"test ! -e migrations/versions/f2_* || ({script} || true)", "main"
    )


def test_a_branch_that_was_rebased_behind_a_colleagues_revision_keeps_its_rows(mine: Project):
    done = rebase_on_main(mine)
    assert codes(done) == []
    assert "dev.db  -0 +1  f3 -> f3" in done.err
    assert "f2 stayed applied" in done.err
    assert_follows(mine)
    assert rows(mine) == [("kept", "too")]


def test_a_branch_that_was_squashed_into_main_keeps_its_rows(mine: Project):
    mine.git("switch", "--quiet", "main", env={"DBSYNC": "off"})
    mine.git("merge", "--squash", "mine", env={"DBSYNC": "off"})
    re_parent(mine, "f2", "r1", "m2")
    done = mine.git("commit", "--quiet", "--all", "-m", "Squashed")
    assert codes(done) == []
    assert_follows(mine)
    assert rows(mine) == [("kept", "too")]


def test_more_is_missing_below_between_and_above(mine: Project):
    mine.table("m4", "m2")
    mine.table("g5", "f2")
    re_parent(mine, "f2", "r1", "m4")
    re_parent(mine, "f3", "f2", "g5")
    mine.table("h6", "f3")
    mine.git("checkout", "main", "--", "migrations/versions")
    mine.commit("All at once")
    assert state_of(mine.database).versions == ("h6",)
    assert_follows(mine)
    assert rows(mine) == [("kept", "too")]


def test_two_that_change_places_have_nothing_missing(mine: Project):
    mine.table("g4", "f3")
    mine.commit("Add g4")
    re_parent(mine, "g4", "f3", "r1")
    re_parent(mine, "f2", "r1", "g4")
    done = mine.git("commit", "--quiet", "--all", "-m", "Swap")
    assert "dev.db  -0 +0  g4 -> f3" in done.err
    assert_follows(mine)
    assert rows(mine) == [("kept", "too")]


def test_a_merge_revision_that_was_straightened(mine: Project):
    mine.git("merge", "--quiet", "--no-edit", "main")
    mine.revision("j4", ("f3", "m2"))
    mine.commit("Join")
    assert_follows(mine)
    re_parent(mine, "f2", "r1", "m2")
    (path,) = mine.path("migrations/versions").glob("j4_*")
    path.write_text(path.read_text().replace("('f3', 'm2')", "'f3'"))
    mine.commit("Straighten")
    assert_follows(mine)
    assert rows(mine) == [("kept", "too")]


def test_what_is_above_and_gone_goes_down_first(mine: Project):
    mine.git("merge", "--quiet", "--no-edit", "main")
    mine.revision("j4", ("f3", "m2"))
    mine.column("f5", "j4", "t_r1", "more")
    mine.commit("Join")
    re_parent(mine, "f2", "r1", "m2")
    mine.git("rm", "-q", "migrations/versions/j4_.py", "migrations/versions/f5_add_more_to_t_r1.py")
    done = mine.git("commit", "--quiet", "--all", "-m", "Straighten")
    assert "dev.db  -2 +0  f5 -> f3" in done.err
    assert_follows(mine)
    assert rows(mine) == [("kept", "too")]


def test_what_comes_after_goes_down_as_it_is_now(mine: Project):
    rebase_on_main(mine)
    sql(mine, "DELETE FROM t_f2")
    mine.switch("main")
    assert_follows(mine)
    mine.switch("mine")
    assert_follows(mine)
    mine.switch("--detach", "main~1")
    assert_follows(mine)


@pytest.mark.parametrize("by", ["the missing one", "the one that stays", "what builds on it"])
def test_where_rows_are_worked_on_the_order_counts(mine: Project, by: str):
    sql(mine, "DELETE FROM t_f2")
    one, down = {
        "the missing one": ("m3", "m2"),
        "the one that stays": ("f2", "r1"),
        "what builds on it": ("f4", "f3"),
    }[by]
    if by == "the one that stays":
        (path,) = mine.path("migrations/versions").glob("f2_*")
        path.write_text(
            path.read_text().replace("    op.create_table(", "    op.execute('SELECT 1')\n    op.create_table(")
        )
    else:
        mine.revision(one, down, "op.execute('UPDATE t_r1 SET name = 1')")
        mine.git("checkout", "main", "--", "migrations/versions") if one == "m3" else None
    mine.commit("Rows", verify=False) if one != "m3" else None
    re_parent(mine, "f2", "r1", "m3" if one == "m3" else "m2")
    mine.git("checkout", "main", "--", "migrations/versions")
    done = mine.git("commit", "--quiet", "--no-verify", "--all", "-m", "On top")
    assert "stayed applied" not in done.err
    mine.dbsync("ensure")
    assert_follows(mine)


def test_where_the_schema_would_be_another_one_they_go_down_and_up(mine: Project):
    sql(mine, "DELETE FROM t_f2")
    mine.switch("main")
    mine.revision("m3", "m2", 'op.create_table("t_f2", sa.Column("x", sa.Integer))', 'op.drop_table("t_f2")')
    mine.revision("m4", "m3", 'op.drop_table("t_f2")', 'op.create_table("t_f2", sa.Column("x", sa.Integer))')
    mine.commit("Made and dropped")
    mine.switch("mine")
    re_parent(mine, "f2", "r1", "m4")
    mine.git("checkout", "main", "--", "migrations/versions", env={"DBSYNC": "off"})
    done = mine.git("commit", "--quiet", "--all", "-m", "On top")
    assert codes(done) == []
    assert "dev.db  -2 +5" in done.err
    assert_follows(mine)


def test_where_the_chain_does_not_start_from_nothing(project: Project):
    follow(project)
    sql(project, "CREATE TABLE old (id INTEGER PRIMARY KEY)")
    project.column("r1", None, "old", "name")
    project.commit("Add r1")
    project.switch("--quiet", "-c", "mine")
    project.table("f2", "r1")
    project.commit("Add f2")
    sql(project, "INSERT INTO t_f2 (name) VALUES ('kept')")
    project.table("m2", "r1")
    re_parent(project, "f2", "r1", "m2")
    done = project.git("commit", "--quiet", "--no-verify", "--all", "-m", "Tracked")
    project.commit("On top", verify=False)
    assert codes(done) == []
    assert project.dbsync("ensure").rc == 0
    assert database_status(project)["state"] == "in_sync"
    assert state_of(project.database).versions == ("f2",)
    assert sql(project, "SELECT name FROM t_f2") == [("kept",)]
    assert sql(project, "SELECT count(*) FROM t_m2") == [(0,)]


def test_where_that_would_lose_rows_it_is_said_and_nothing_changed(mine: Project):
    mine.revision("m4", "m2", 'op.execute("SELECT 1")')
    mine.git("checkout", "main", "--", "migrations/versions")
    re_parent(mine, "f2", "r1", "m4")
    before = dump(mine)
    done = mine.git("commit", "--quiet", "--no-verify", "--all", "-m", "On top")
    done = mine.dbsync("ensure", check=False)
    assert codes(done) == ["DBS305"]
    assert before == dump(mine)
    assert database_status(mine)["re_parented"] == ["f2"]


def test_on_postgresql(postgres_project: Project):
    project = postgres_project
    project.table("r1")
    project.commit("Add r1")
    project.dbsync("init", "--yes")
    project.table("m2", "r1")
    project.commit("Add m2")
    project.switch("--quiet", "-c", "mine", "HEAD~1")
    project.revision(
        "f2",
        "r1",
        'op.create_table("t_f2", sa.Column("id", sa.Integer, primary_key=True), sa.Column("m", sa.Enum("a", name="mood")))',
        'op.drop_table("t_f2")\nsa.Enum(name="mood").drop(op.get_bind())'.replace("op.get_bind()", "op.f"),
    )
    project.commit("Add f2", verify=False)
    with connect(project.url) as connection:
        connection.read_only = False
        connection.execute("INSERT INTO t_f2 (m) VALUES ('a')")
    done = rebase_on_main(project)
    assert "f2 stayed applied" in done.err
    assert_in_sync(project)
    with connect(project.url) as connection:
        assert connection.execute("SELECT m FROM t_f2").fetchall() == [("a",)]

"""`dbsync rebase`: this git branch's revisions go on top of the upstream's, in the files and in the database."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_at_the_fork, assert_follows, codes, dump, follow, sql
from tests.support.project import ini_text, stock
from tests.support.schema import assert_in_sync, state_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.project import Project

ADD = "hint: `git add {}`, then `git commit`"


def files(project: Project) -> dict[str, bytes]:
    return {
        str(path.relative_to(project.top)): path.read_bytes()
        for path in sorted(project.top.rglob("*.py"))
        if ".git" not in path.parts
    }


def file_of(project: Project, id: str) -> Path:
    (path,) = project.path(f"{project.script_location}/versions").glob(f"{id}_*.py")
    return path


def parents(project: Project) -> dict[str, str]:
    found = {}
    for path in sorted(project.path(f"{project.script_location}/versions").glob("*.py")):
        lines = path.read_text().splitlines()
        found[path.name.partition("_")[0]] = next(
            line.partition(" = ")[2] for line in lines if line.startswith("down_revision")
        )
    return found


@pytest.fixture
def forked(project: Project) -> Project:
    """Give a project on feature (m1, f1, f2), with main at (m1, m2); its database follows Git."""
    project.table("m1")
    project.commit("Add m1")
    project.switch("--quiet", "-c", "feature")
    project.table("f1", "m1")
    project.commit("Add f1")
    project.column("f2", "f1", "t_m1", "extra")
    project.commit("Add f2")
    project.switch("--quiet", "main")
    project.table("m2", "m1")
    project.commit("Add m2")
    project.switch("--quiet", "feature")
    return follow(project)


@pytest.fixture
def unfollowed(project: Project) -> Project:
    """Give a project on main with m1 and m2, whose database was never given to dbsync."""
    project.table("m1")
    project.commit("Add m1")
    project.table("m2", "m1")
    project.commit("Add m2")
    return project


@pytest.mark.parametrize("way", ["merge", "rebase", "merge --no-commit"])
def test_after_main_was_brought_in_its_revisions_come_first(forked: Project, way: str):
    sql(forked, "INSERT INTO t_m1 (name) VALUES ('stays')")
    forked.git(*way.split(), *(["--no-edit"] if way == "merge" else []), "main")
    forked.dbsync("sync", check=False)
    assert state_of(forked.database).versions == ("f2",)
    before = file_of(forked, "f1").read_bytes()

    done = forked.dbsync("rebase")

    path = forked.revision_path("f1", "create t_f1")
    assert f"dbsync: f1 on top of m2, was on m1  {path}\n" in done.err
    assert ADD.format(path) in done.err
    assert file_of(forked, "f1").read_bytes() == before.replace(b"= 'm1'", b"= 'm2'").replace(b": m1", b": m2")
    assert parents(forked) == {"f1": "'m2'", "f2": "'f1'", "m1": "None", "m2": "'m1'"}
    assert forked.git("diff", "--name-only").out.split() == [path]
    assert state_of(forked.database).versions == ("f2",)
    assert_follows(forked)
    assert sql(forked, "SELECT name FROM t_m1") == [("stays",)]
    forked.commit("Put on top")
    assert_follows(forked)
    assert "nothing to put on top of main: revision head f2" in forked.dbsync("rebase").err


def test_a_revision_that_was_not_applied_is_moved_all_the_same(forked: Project):
    forked.git("config", "dbsync.auto", "never")
    forked.git("merge", "--quiet", "--no-edit", "main")
    assert state_of(forked.database).versions == ("f2",)
    forked.dbsync("rebase")
    assert_follows(forked)


def test_before_main_is_brought_in_it_says_so(forked: Project):
    before, rows = files(forked), dump(forked)
    done = forked.dbsync("rebase", check=False)
    assert done.rc == 1
    assert done.err == (
        "error: main has m2, which is not in the work tree: f1 cannot go on top of it yet\n"
        "hint: `git merge main` or `git rebase main` first, then `dbsync rebase`\n"
    )
    assert (before, rows) == (files(forked), dump(forked))


def test_rows_stay_where_they_are(forked: Project):
    sql(forked, "INSERT INTO t_f1 (name) VALUES ('stays')")
    forked.git("merge", "--quiet", "--no-edit", "main")
    forked.dbsync("rebase")
    assert_follows(forked)
    assert sql(forked, "SELECT name FROM t_f1") == [("stays",)]


def test_rows_of_revisions_that_have_to_go_down_come_along(forked: Project):
    path = forked.path(forked.revision_path("f1", "create t_f1"))
    path.write_text(
        path.read_text().replace("    op.create_table(", "    op.execute('SELECT 1')\n    op.create_table(")
    )
    forked.commit("Rows are worked on")
    sql(forked, "INSERT INTO t_f1 (name) VALUES ('only here')")
    forked.git("merge", "--quiet", "--no-edit", "main")

    done = forked.dbsync("rebase")

    assert "1 row back" in done.err
    assert parents(forked)["f1"] == "'m2'"
    assert_follows(forked)
    assert sql(forked, "SELECT name FROM t_f1") == [("only here",)]


def test_a_dry_run_changes_nothing(forked: Project):
    forked.git("merge", "--quiet", "--no-edit", "main")
    before, rows = files(forked), dump(forked)
    done = forked.dbsync("rebase", "--dry-run")
    assert done.out == f"f1 on top of m2, was on m1  {forked.revision_path('f1', 'create t_f1')}\n"
    assert done.err == ""
    assert (before, rows) == (files(forked), dump(forked))


@pytest.mark.parametrize("words", [("--onto", "main"), ("main",)])
def test_the_upstream_is_named_by_an_option_or_as_git_has_it(forked: Project, words: tuple[str, ...]):
    forked.git("merge", "--quiet", "--no-edit", "main")
    assert forked.dbsync("rebase", "--dry-run", *words).out.startswith("f1 on top of m2")


def test_in_the_middle_of_a_rebase_git_is_to_go_on(forked: Project):
    forked.write("notes", "feature")
    forked.commit("Notes here")
    forked.git("switch", "--quiet", "main")
    forked.write("notes", "main")
    forked.commit("Notes there")
    forked.switch("feature")
    assert forked.git("rebase", "main", check=False).rc == 1
    done = forked.dbsync("rebase")
    assert "then `git rebase --continue`" in done.err
    forked.write("notes", "both")
    forked.git("add", "--all")
    forked.git("-c", "core.editor=true", "rebase", "--continue")
    forked.dbsync("ensure")
    assert parents(forked)["f1"] == "'m2'"
    assert_follows(forked)


def test_while_the_database_is_held_only_files_change(forked: Project):
    forked.git("merge", "--quiet", "--no-edit", "main")
    forked.dbsync("sync", "--to", "main")
    before = dump(forked)
    assert "note: the database is held at" in forked.dbsync("rebase").err
    assert before == dump(forked)
    forked.dbsync("sync")
    assert_follows(forked)


@pytest.mark.parametrize("disabled", [False, True])
def test_without_a_database_that_follows_only_files_change(unfollowed: Project, disabled: bool):
    unfollowed.switch("--quiet", "-c", "feature", "HEAD~1")
    unfollowed.table("f1", "m1")
    unfollowed.commit("Add f1")
    if disabled:
        follow(unfollowed)
        unfollowed.git("config", "dbsync.enabled", "false")
    unfollowed.git("merge", "--quiet", "--no-edit", "main")
    done = unfollowed.dbsync("rebase")
    assert parents(unfollowed)["f1"] == "'m2'"
    assert "in sync" not in done.err
    if disabled:
        assert state_of(unfollowed.database).versions == ("f1",)
    else:
        assert not unfollowed.path("dev.db").exists()


def test_it_is_a_git_command_that_works_from_any_folder(unfollowed: Project):
    unfollowed.table("f1", "m1")
    path = file_of(unfollowed, "f1")
    done = unfollowed.dbsync("rebase", cwd="migrations")
    assert ADD.format(path.relative_to(unfollowed.path("migrations"))) in done.err
    assert parents(unfollowed)["f1"] == "'m2'"


# What is ours


def test_revisions_that_are_on_the_remote_keep_their_parent(unfollowed: Project, tmp_path: Path):
    remote = str(tmp_path / "remote.git")
    unfollowed.git("clone", "--quiet", "--bare", str(unfollowed.top), remote)
    unfollowed.git("remote", "add", "origin", remote)
    unfollowed.git("fetch", "--quiet", "origin")
    unfollowed.git("branch", "--quiet", "--set-upstream-to", "origin/main")
    unfollowed.git("reset", "--quiet", "--hard", "HEAD~1")
    unfollowed.table("x1", "m1")
    unfollowed.commit("Add x1, on main too")
    unfollowed.git("pull", "--quiet", "--no-rebase", "--no-edit")
    before = parents(unfollowed)
    done = unfollowed.dbsync("rebase", "--onto", "HEAD^1", check=False)
    assert (done.rc, before) == (1, parents(unfollowed))
    assert done.err.startswith("error: m2 is in origin/main already and keeps its parent\n")
    unfollowed.dbsync("rebase")
    assert parents(unfollowed) == {**before, "x1": "'m2'"}


def test_a_branch_that_was_pushed_goes_on_top_of_the_default_branch(forked: Project, tmp_path: Path):
    remote = str(tmp_path / "remote.git")
    forked.git("clone", "--quiet", "--bare", str(forked.top), remote)
    forked.git("remote", "add", "origin", remote)
    forked.git("fetch", "--quiet", "origin")
    forked.git("branch", "--quiet", "--set-upstream-to", "origin/feature")
    forked.git("branch", "--quiet", "-D", "main")
    forked.git("merge", "--quiet", "--no-edit", "origin/main")
    assert "f1 on top of m2" in forked.dbsync("rebase").err
    assert_follows(forked)


def test_a_default_branch_that_is_ahead_of_the_remote_counts(forked: Project, tmp_path: Path):
    remote = str(tmp_path / "remote.git")
    forked.git("clone", "--quiet", "--bare", str(forked.top), remote)
    forked.git("remote", "add", "origin", remote)
    forked.git("fetch", "--quiet", "origin")
    forked.switch("main")
    forked.table("m3", "m2")
    forked.commit("Add m3, not pushed")
    forked.switch("feature")
    forked.git("rebase", "--quiet", "main")
    assert "f1 on top of m3" in forked.dbsync("rebase").err
    assert parents(forked)["m3"] == "'m2'"
    assert_follows(forked)


@pytest.mark.parametrize("committed", [False, True])
def test_on_the_default_branch_the_merged_branch_goes_on_top(forked: Project, committed: bool):
    forked.switch("main")
    forked.git("merge", "--quiet", "--no-ff", "--no-edit", *([] if committed else ["--no-commit"]), "feature")
    assert "f1 on top of m2" in forked.dbsync("rebase").err
    assert parents(forked)["m2"] == "'m1'"
    assert_follows(forked)


def test_a_merge_of_two_features_puts_this_one_on_top(unfollowed: Project):
    for name, revision in (("one", "a1"), ("two", "b1")):
        unfollowed.switch("--quiet", "-c", name, "main")
        unfollowed.table(revision, "m2")
        unfollowed.commit(f"Add {revision}")
    unfollowed.git("merge", "--quiet", "--no-edit", "one")
    unfollowed.dbsync("rebase")
    assert parents(unfollowed) == {"a1": "'m2'", "b1": "'a1'", "m1": "None", "m2": "'m1'"}


def test_the_upstream_may_be_named(unfollowed: Project):
    unfollowed.switch("--quiet", "-c", "one")
    unfollowed.table("a1", "m2")
    unfollowed.commit("Add a1")
    unfollowed.switch("--quiet", "-c", "two")
    unfollowed.table("b1", "m2")
    unfollowed.commit("Add b1")
    done = unfollowed.dbsync("rebase", check=False)
    assert (done.rc, parents(unfollowed)["b1"]) == (1, "'m2'")
    assert done.err.startswith("error: nothing says which of the revision heads a1, b1 is to be on top\n")
    unfollowed.dbsync("rebase", "--onto", "one")
    assert parents(unfollowed)["b1"] == "'a1'"


def test_an_upstream_that_is_not_there(unfollowed: Project):
    done = unfollowed.dbsync("rebase", "--onto", "nowhere", check=False)
    assert (done.rc, done.err.splitlines()[0]) == (2, "error: 'nowhere' names no commit")
    unfollowed.git("branch", "--quiet", "-m", "trunk")
    unfollowed.switch("--quiet", "-c", "feature")
    done = unfollowed.dbsync("rebase", check=False)
    assert done.rc == 2
    assert "`dbsync rebase --onto REF`" in done.err
    assert unfollowed.dbsync("rebase", "--onto", "trunk").rc == 0


@pytest.mark.parametrize("verb", ["rebase", "merge"])
def test_no_revision_at_all_is_a_finding(project: Project, verb: str):
    done = project.dbsync(verb, check=False)
    assert (done.rc, codes(done)) == (1, ["DBS108"])


def test_on_the_default_branch_alone_there_is_nothing_to_move(unfollowed: Project):
    done = unfollowed.dbsync("rebase")
    assert (done.out, done.err) == ("", "dbsync: nothing to put on top of main: revision head m2\n")


# Graphs


def test_a_merge_revision_with_an_older_head_gets_the_newer_one(forked: Project):
    forked.git("merge", "--quiet", "--no-edit", "main")
    forked.revision("f3", ("f2", "m2"))
    forked.commit("Join")
    sql(forked, "INSERT INTO t_f1 (name) VALUES ('stays')")
    forked.git("switch", "--quiet", "main")
    forked.table("m3", "m2")
    forked.commit("Add m3")
    forked.git("switch", "--quiet", "feature")
    forked.git("merge", "--quiet", "--no-edit", "main")

    forked.dbsync("rebase")

    assert parents(forked) == {
        "f1": "'m1'",
        "f2": "'f1'",
        "f3": "('f2', 'm3')",
        "m1": "None",
        "m2": "'m1'",
        "m3": "'m2'",
    }
    assert "Revises: f2, m3\n" in file_of(forked, "f3").read_text()
    assert_follows(forked)
    assert sql(forked, "SELECT name FROM t_f1") == [("stays",)]


def test_several_roots_are_moved_and_what_stays_side_by_side_is_said(forked: Project):
    forked.table("g1", "m1")
    forked.commit("Add g1", verify=False)
    forked.git("merge", "--quiet", "--no-edit", "main")
    done = forked.dbsync("rebase", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS320"])
    assert "2 revision heads are left: f2, g1; `dbsync merge` joins them" in done.err
    assert (parents(forked)["f1"], parents(forked)["g1"]) == ("'m2'", "'m2'")
    assert_at_the_fork(forked, "g1")


def test_two_heads_of_the_upstream_are_not_chosen_from(forked: Project):
    forked.git("switch", "--quiet", "main")
    forked.table("m3", "m1")
    forked.commit("Add m3", verify=False)
    forked.switch("feature")
    forked.git("merge", "--quiet", "--no-edit", "main")
    before = files(forked)
    done = forked.dbsync("rebase", check=False)
    assert (done.rc, before) == (1, files(forked))
    assert done.err.startswith("error: f1 could go on top of m2 or m3: each builds on its parent m1\n")


def test_labelled_branches_keep_to_themselves(unfollowed: Project):
    unfollowed.revision("b1", None, branch_labels="b")
    unfollowed.commit("Add b1")
    unfollowed.switch("--quiet", "-c", "feature", "main")
    unfollowed.table("f1", "m1")
    unfollowed.table("g1", "b1")
    unfollowed.commit("Add f1 and g1")
    unfollowed.dbsync("rebase")
    assert (parents(unfollowed)["f1"], parents(unfollowed)["g1"]) == ("'m2'", "'b1'")


def test_what_a_revision_depends_on_stays(unfollowed: Project):
    unfollowed.revision("b1", None, branch_labels="b")
    unfollowed.commit("Add b1")
    unfollowed.revision("f1", "m1", depends_on="m1")
    before = file_of(unfollowed, "f1").read_text()
    unfollowed.dbsync("rebase")
    expected = before.replace("Revises: m1", "Revises: m2").replace("None] = 'm1'", "None] = 'm2'", 1)
    assert file_of(unfollowed, "f1").read_text() == expected


def test_several_version_locations(unfollowed: Project):
    ini = unfollowed.path("alembic.ini")
    text = ini.read_text().replace(
        "\n# version_locations",
        "\nversion_locations = %(here)s/migrations/versions:%(here)s/more\n# version_locations",
        1,
    )
    assert "more" in text
    ini.write_text(text)
    path = unfollowed.revision("f1", "m1", path="more/f1.py")
    done = unfollowed.dbsync("rebase")
    assert "f1 on top of m2, was on m1  more/f1.py" in done.err
    assert "= 'm2'" in path.read_text()


def test_every_environment_is_put_in_line(unfollowed: Project):
    unfollowed.write("other/alembic.ini", ini_text("%(here)s/scripts", "sqlite:///other.db"))
    for name in ("env.py", "script.py.mako"):
        unfollowed.write(f"other/scripts/{name}", stock(name))
    unfollowed.revision("m1", path="other/scripts/versions/m1.py")
    unfollowed.revision("o2", "m1", path="other/scripts/versions/o2.py")
    unfollowed.commit("Another environment")
    unfollowed.table("f1", "m1")
    unfollowed.revision("g1", "m1", path="other/scripts/versions/g1.py")
    done = unfollowed.dbsync("rebase")
    assert "alembic.ini: f1 on top of m2" in done.err
    assert "other/alembic.ini: g1 on top of o2" in done.err
    assert "= 'o2'" in unfollowed.path("other/scripts/versions/g1.py").read_text()


# Files


def test_line_ends_encoding_and_mode_are_kept(unfollowed: Project):
    path = unfollowed.table("f1", "m1")
    text = "# coding: latin-1\n# é\n" + path.read_text().replace("'m1'", '"m1"')
    path.write_bytes(text.replace("\n", "\r\n").encode("latin-1"))
    path.chmod(0o755)
    before = path.read_bytes()
    unfollowed.dbsync("rebase")
    assert path.read_bytes() == before.replace(b'"m1"', b'"m2"').replace(b": m1", b": m2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert not [one for one in path.parent.iterdir() if one.suffix == ".dbsync-new"]


NOT_WRITTEN = {
    "not a literal": ("= 'm1'", "= str('m1')", "DBS103"),
    "the value of another name": (
        "down_revision: Union[str, Sequence[str], None] = 'm1'",
        "x = 'm1'\ndown_revision = x",
        "DBS103",
    ),
    "in conflict": ("down_revision", "<<<<<<< HEAD\ndown_revision", "DBS102"),
    "in conflict in its docstring": ("Revises", "<<<<<<< HEAD\nRevises", "DBS102"),
}


@pytest.mark.parametrize(("old", "new", "code"), NOT_WRITTEN.values(), ids=NOT_WRITTEN)
def test_a_file_that_cannot_be_written_stops_all(unfollowed: Project, old: str, new: str, code: str):
    unfollowed.table("e1", "m1")
    path = unfollowed.table("f1", "m1")
    path.write_text(path.read_text().replace(old, new, 1))
    before = files(unfollowed)
    done = unfollowed.dbsync("rebase", check=False)
    assert (done.rc, codes(done), files(unfollowed)) == (1, [code], before)
    assert len([line for line in done.err.splitlines() if line.startswith("error:")]) == 1
    assert str(path.relative_to(unfollowed.top)) in done.err


def test_a_value_that_another_name_shares_is_not_written(unfollowed: Project):
    path = unfollowed.table("f1", "m1")
    path.write_text(path.read_text().replace("down_revision: Union[str, Sequence[str], None] =", "x = down_revision ="))
    before = files(unfollowed)
    done = unfollowed.dbsync("rebase", check=False)
    assert (done.rc, files(unfollowed)) == (1, before)
    assert "would change more than that" in done.err


def test_the_schema_is_that_of_a_fresh_build_where_both_sides_change_one_table(project: Project):
    project.table("m1")
    project.commit("Add m1")
    project.switch("--quiet", "-c", "feature")
    project.column("f1", "m1", "t_m1", "ours")
    project.commit("Add f1")
    follow(project)
    sql(project, "INSERT INTO t_m1 (name) VALUES ('stays')")
    project.git("switch", "--quiet", "main")
    project.column("m2", "m1", "t_m1", "theirs")
    project.commit("Add m2")
    project.git("switch", "--quiet", "feature")
    project.git("rebase", "--quiet", "main")
    project.dbsync("rebase")
    assert_in_sync(project, ignore_column_order=True)
    assert sql(project, "SELECT name FROM t_m1") == [("stays",)]


@pytest.mark.postgres
def test_on_postgresql(postgres_project: Project):
    project = postgres_project
    project.table("m1")
    project.commit("Add m1")
    project.alembic("upgrade", "heads")
    project.dbsync("init", "--yes")
    project.switch("--quiet", "-c", "feature")
    project.table("f1", "m1")
    project.commit("Add f1")
    project.switch("--quiet", "main")
    project.table("m2", "m1")
    project.commit("Add m2")
    project.switch("--quiet", "feature")
    project.git("merge", "--quiet", "--no-edit", "main")
    assert state_of(project.url).versions == ("f1",)
    assert "f1 on top of m2" in project.dbsync("rebase").err
    assert_in_sync(project)
    project.table("g1", "m2")
    project.dbsync("merge")
    assert_in_sync(project)

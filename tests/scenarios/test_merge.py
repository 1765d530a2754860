"""`dbsync merge`: a merge revision joins the revision heads, by the project's own template."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_follows, codes, dump, follow, sql
from tests.support.project import ini_text, stock
from tests.support.schema import assert_in_sync, state_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.project import Project

WRITTEN = re.compile(r"^dbsync: (\w+) joins f1, m2  (\S+)$", re.MULTILINE)
# Nothing of these may be reached: a merge revision needs no database.
NO_DATABASE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture
def forked(project: Project) -> Project:
    """Give a project on feature, into which main was merged: the revision heads are f1 and m2."""
    project.table("m1")
    project.commit("Add m1")
    project.switch("--quiet", "-c", "feature")
    project.table("f1", "m1")
    project.commit("Add f1")
    project.switch("--quiet", "main")
    project.table("m2", "m1")
    project.commit("Add m2")
    project.switch("--quiet", "feature")
    project.git("merge", "--quiet", "--no-edit", "main")
    return project


def heads(project: Project) -> list[str]:
    return project.alembic("heads").out.split("\n")[:-1]


def written(project: Project, err: str) -> Path:
    found = WRITTEN.search(err)
    assert found, err
    path = project.path(found[2])
    assert f"hint: `git add {found[2]}`, then `git commit`" in err
    assert f"= '{found[1]}'" in path.read_text()
    return path


def test_the_heads_are_joined_and_the_database_moves(forked: Project):
    forked.alembic("upgrade", "f1")
    follow(forked)
    sql(forked, "INSERT INTO t_f1 (name) VALUES ('stays')")
    assert state_of(forked.database).versions == ("f1",)

    path = written(forked, forked.dbsync("merge").err)

    assert path.read_text().startswith('"""merge f1 and m2\n\nRevision ID: ')
    assert "Revises: f1, m2\n" in path.read_text()
    assert "= ('f1', 'm2')" in path.read_text()
    assert path.name.endswith("_merge_f1_and_m2.py")
    assert len(heads(forked)) == 1
    assert_in_sync(forked)
    assert_follows(forked)
    assert sql(forked, "SELECT name FROM t_f1") == [("stays",)]
    assert forked.git("status", "--porcelain").out == f"?? {path.relative_to(forked.top)}\n"
    forked.commit("Join")
    assert_follows(forked)


def test_one_head_is_nothing_to_join(forked: Project):
    forked.switch("main")
    follow(forked)
    before = dump(forked)
    done = forked.dbsync("merge")
    assert (done.out, done.err) == ("", "dbsync: nothing to join: revision head m2\n")
    assert before == dump(forked)
    assert forked.git("status", "--porcelain").out == ""


def test_what_alembic_itself_would_write_is_written(forked: Project):
    mine = written(forked, forked.dbsync("merge", "-m", "Bring both together").err)
    mine_text, mine_name = mine.read_text(), mine.name
    mine.unlink()
    forked.alembic("merge", "heads", "-m", "Bring both together")
    (theirs,) = forked.path("migrations/versions").glob("*_bring_both_together.py")

    def plain(text: str) -> str:
        return re.sub(r"Create Date: .*|[0-9a-f]{12}", "", text)

    assert plain(mine_text) == plain(theirs.read_text())
    assert plain(mine_name) == plain(theirs.name)
    assert mine.parent == theirs.parent


def test_template_and_names_are_the_projects(forked: Project):
    ini = forked.path("alembic.ini")
    text = ini.read_text().replace(
        "[alembic]\n", "[alembic]\nfile_template = joined_%%(rev)s\ntruncate_slug_length = 5\n", 1
    )
    ini.write_text(re.sub(r"(?m)^# file_template.*\n", "", text))
    template = forked.path("migrations/script.py.mako")
    template.write_text("# of this house\n" + template.read_text())
    path = written(forked, forked.dbsync("merge", "--message", "x").err)
    assert path.name.startswith("joined_")
    assert path.read_text().startswith('# of this house\n"""x\n')


@pytest.mark.parametrize("revision_environment", [False, True])
def test_no_database_is_reached_and_no_revision_is_run(forked: Project, revision_environment: bool):
    ini = forked.path("alembic.ini")
    setting = f"[alembic]\nrevision_environment = {str(revision_environment).lower()}\n"
    text = re.sub(r"(?m)^sqlalchemy\.url = .*$", f"sqlalchemy.url = {NO_DATABASE}", ini.read_text())
    ini.write_text(text.replace("[alembic]\n", setting, 1))
    path = forked.path(forked.revision_path("m1", "create t_m1"))
    path.write_text(path.read_text() + "\nraise SystemExit\n")
    env = forked.path("migrations/env.py")
    env.write_text(
        env.read_text().replace("context.configure(\n", "context.configure(\n        template_args={'word': 'told'},\n")
    )
    template = forked.path("migrations/script.py.mako")
    template.write_text(
        template.read_text() + "\nWORD = ${repr(word)}\n" if revision_environment else template.read_text()
    )
    path = written(forked, forked.dbsync("merge").err)
    assert ("WORD = 'told'" in path.read_text()) == revision_environment


def test_an_env_file_that_connects_all_the_same_is_stopped(forked: Project):
    ini = forked.path("alembic.ini")
    ini.write_text(ini.read_text().replace("[alembic]\n", "[alembic]\nrevision_environment = true\n", 1))
    env = forked.path("migrations/env.py")
    env.write_text(env.read_text().replace("if context.is_offline_mode():", "if False:"))
    done = forked.dbsync("merge", check=False)
    assert done.rc == 1
    assert done.err.startswith("error: env.py connects to a database")
    assert forked.git("status", "--porcelain", "--untracked-files").out.split() == [
        "M", "alembic.ini", "M", "migrations/env.py"
    ]  # fmt: skip
    assert not forked.path("dev.db").exists()


def test_a_template_that_fails_is_named(forked: Project):
    forked.write("migrations/script.py.mako", "${nothing.at.all}\n")
    done = forked.dbsync("merge", check=False)
    assert done.rc == 1
    assert done.err.startswith("error: alembic.ini: Alembic did not write the merge revision: ")
    assert len(done.err.splitlines()) == 2


def test_a_post_write_hook_that_fails_leaves_no_file(forked: Project):
    ini = forked.path("alembic.ini")
    hooks = "[post_write_hooks]\nhooks = tidy\ntidy.type = exec\ntidy.executable = no-such-formatter\n"
    ini.write_text(re.sub(r"^\[post_write_hooks\]\n", hooks, ini.read_text(), flags=re.MULTILINE))
    assert "no-such-formatter" in ini.read_text()
    done = forked.dbsync("merge", check=False)
    assert done.rc == 1
    assert "Alembic did not write the merge revision: " in done.err
    assert heads(forked) == ["f1 (head)", "m2 (head)"]


def test_a_revision_that_cannot_be_read_stops_it(forked: Project):
    forked.write("migrations/versions/x1.py", "<<<<<<< HEAD\n")
    done = forked.dbsync("merge", check=False)
    assert (done.rc, codes(done)) == (1, ["DBS102"])


def test_it_lies_beside_the_first_head_where_there_are_several_version_locations(forked: Project):
    ini = forked.path("alembic.ini")
    text = ini.read_text().replace(
        "\n# version_locations",
        "\nversion_path_separator = os\nversion_locations = %(here)s/migrations/versions:%(here)s/more\n# version_locations",
        1,
    )
    ini.write_text(text)
    forked.path("more").mkdir()
    forked.path(forked.revision_path("f1", "create t_f1")).rename(forked.path("more/f1.py"))
    path = written(forked, forked.dbsync("merge").err)
    assert path.parent == forked.path("more")
    assert len(heads(forked)) == 1


@pytest.fixture
def twofold(forked: Project) -> Project:
    """Give the project with another environment, which has the revision heads o2 and o3."""
    forked.write("other/alembic.ini", ini_text("%(here)s/scripts", "sqlite:///other.db"))
    for name in ("env.py", "script.py.mako"):
        forked.write(f"other/scripts/{name}", stock(name))
    for revision, down in (("o1", None), ("o2", "o1"), ("o3", "o1")):
        forked.revision(revision, down, path=f"other/scripts/versions/{revision}.py")
    return forked


def test_every_environment_is_joined(twofold: Project):
    done = twofold.dbsync("merge")
    assert re.search(r"^alembic\.ini: \w+ joins f1, m2  migrations/versions/", done.err, re.MULTILINE)
    assert re.search(r"^other/alembic\.ini: \w+ joins o2, o3  other/scripts/versions/", done.err, re.MULTILINE)
    assert len(twofold.alembic("heads", cwd="other").out.splitlines()) == 1


def test_what_was_written_before_another_environment_failed_is_shown(twofold: Project):
    twofold.write("other/scripts/script.py.mako", "${nothing.at.all}\n")
    done = twofold.dbsync("merge", check=False)
    assert done.rc == 1
    assert re.search(r"joins f1, m2  (migrations/versions/.*)\nhint: `git add \1`", done.err)
    assert "error: other/alembic.ini: Alembic did not write" in done.err


def test_the_projects_own_section_is_used(forked: Project):
    ini = forked.path("alembic.ini")
    ini.write_text(
        ini.read_text()
        .replace("[alembic]", "[app]", 1)
        .replace("prepend_sys_path", "file_template = s_%%(rev)s\nprepend_sys_path", 1)
    )
    done = forked.dbsync("merge")
    assert "migrations/versions/s_" in done.err


def test_flask_migrate(forked: Project):
    text = re.sub(r"(?m)^script_location = .*\n", "", forked.path("alembic.ini").read_text())
    forked.write("migrations/alembic.ini", text)
    forked.remove("alembic.ini")
    forked.write("migrations/env.py", "from flask import current_app\ncurrent_app.config\n")
    path = written(forked, forked.dbsync("merge").err)
    assert path.parent == forked.path("migrations/versions")


def test_the_runner_writes_it(forked: Project):
    forked.write("run", f'#!/bin/sh\ntouch ran\nexec "{forked.python}" "$@"\n').chmod(0o755)
    forked.git("config", "dbsync.runner", str(forked.path("run")))
    written(forked, forked.dbsync("merge").err)
    assert forked.path("ran").exists()


def test_the_file_is_as_readable_as_any_other(forked: Project):
    path = written(forked, forked.dbsync("merge").err)
    other = forked.revision("z1")
    assert path.stat().st_mode == other.stat().st_mode

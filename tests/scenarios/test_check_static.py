"""Heads, history and danger: read from the files, told before they are shared."""

from __future__ import annotations

import json

import pytest

from tests.support.following import follow


@pytest.fixture
def published(project, tmp_path):
    """Give a clone of an upstream that has r1 and r2, whose database follows Git."""
    project.table("r1")
    project.column("r2", "r1", "t_r1", "email")
    project.commit("Two revisions")
    project.git("init", "--quiet", "--bare", str(tmp_path / "upstream"))
    project.git("remote", "add", "origin", str(tmp_path / "upstream"))
    project.git("push", "--quiet", "--set-upstream", "origin", "main")
    return follow(project)


def codes(done):
    return [one["code"] for one in json.loads(done.out)["findings"]]


def check(project, *args):
    """Run every check but that of models: there are none here."""
    only = [] if "--only" in args else ["--only", "heads", "--only", "history", "--only", "danger"]
    return project.dbsync("check", "--json", *only, *args, check=False)


def test_a_second_head_stops_the_commit_and_is_named(followed):
    followed.table("r2", "r1")
    followed.commit("two")
    followed.table("r3", "r1")
    followed.git("add", ".")

    done = followed.git("commit", "-m", "three", check=False)

    assert done.rc == 1
    assert "two revision heads: r2 create t_r2 · r3 create t_r3" in done.err
    assert "(not committed yet)" in done.err
    assert "they are about different tables" in done.err
    assert "hint: `dbsync rebase` puts yours on top, `dbsync merge` joins them" in done.err


def test_heads_that_meet_at_a_table_are_told_from_those_that_do_not(followed):
    followed.column("r2", "r1", "t_r1", "email")
    followed.column("r3", "r1", "t_r1", "email")
    followed.git("add", ".")

    done = followed.git("commit", "-m", "both", check=False)

    assert "they are about the same: t_r1.email" in done.err


def test_a_merge_tells_and_goes_on(followed):
    followed.switch("-c", "feature")
    followed.table("r2", "r1")
    followed.commit("ours")
    followed.switch("main")
    followed.table("r3", "r1")
    followed.commit("theirs")

    done = followed.git("merge", "--no-edit", "feature", check=False)

    assert done.rc == 0
    assert "two revision heads" in done.err
    assert done.err.count("revision heads") == 1
    followed.table("r4", "r2")
    followed.git("add", ".")
    assert followed.git("commit", "-m", "no worse than before", check=False).rc == 0
    assert followed.dbsync("check", check=False).rc == 1


def test_heads_are_predicted_before_merging(followed):
    followed.switch("-c", "feature")
    followed.table("r2", "r1")
    followed.commit("ours")
    followed.switch("main")
    followed.table("r3", "r1")
    followed.commit("theirs")

    done = check(followed, "--against", "feature")

    assert (done.rc, codes(done)) == (1, ["DBS203"])
    assert followed.git("status", "--porcelain").out == ""


@pytest.mark.parametrize("way", ["heads = 2", "labels"])
def test_heads_that_are_wanted(followed, way):
    labels = ("one", "two") if way == "labels" else (None, None)
    for one, label in zip(("r2", "r3"), labels, strict=True):
        followed.revision(one, "r1", branch_labels=label)
    if way != "labels":
        followed.write("pyproject.toml", f"[tool.dbsync]\n{way}\n")
    followed.git("add", ".")

    assert followed.git("commit", "-m", "two", check=False).rc == 0


def test_a_published_revision_that_is_edited(published):
    path = published.path(published.revision_path("r2", "add email to t_r1"))
    path.write_text(path.read_text().replace("50", "60"))
    published.git("add", ".")
    assert published.git("commit", "-m", "edit", check=False).rc == 1
    assert (check(published).rc, codes(check(published))) == (1, ["DBS204"])

    path.write_text(path.read_text() + "\n# dbsync: ignore DBS204\n")
    assert check(published).rc == 0


def test_comments_of_a_published_revision_may_be_edited(published):
    path = published.path(published.revision_path("r2", "add email to t_r1"))
    path.write_text("# a comment\n" + path.read_text())
    published.git("add", ".")

    assert published.git("commit", "-m", "comment", check=False).rc == 0


def test_a_published_revision_that_is_deleted_renumbered_or_put_elsewhere(published):
    path = published.path(published.revision_path("r2", "add email to t_r1"))
    text = path.read_text()
    path.unlink()
    assert codes(check(published)) == ["DBS205"]
    assert "was deleted" in check(published).out

    published.write("migrations/versions/r9.py", text.replace("r2", "r9"))
    assert "was given the id r9" in check(published).out

    published.remove("migrations/versions/r9.py")
    published.table("r0", "r1")
    path.write_text(text.replace("'r1'", "'r0'"))
    assert codes(check(published)) == ["DBS206"]


def test_ones_own_revisions_are_ones_own(published):
    path = published.table("r3", "r2")
    published.commit("own")
    path.write_text(path.read_text().replace("50", "60"))

    assert codes(check(published)) == []


def test_what_the_upstream_itself_rewrote_is_not_ours(published, tmp_path):
    other = tmp_path / "other"
    published.git("clone", "--quiet", str(tmp_path / "upstream"), str(other))
    path = other / published.revision_path("r2", "add email to t_r1")
    path.write_text(path.read_text().replace("50", "60"))
    published.run("git", "-C", str(other), "commit", "-qam", "rewritten", check=True)
    published.run("git", "-C", str(other), "push", "-q", check=True)
    published.git("switch", "-c", "feature")
    published.write("README", "1")
    published.commit("readme")
    published.git("fetch", "--quiet")

    done = published.git("merge", "--no-edit", "origin/main", check=False)

    assert done.rc == 0, done.err


@pytest.mark.parametrize(
    ("up", "down", "code"),
    [
        ('op.add_column("t_r1", sa.Column("a", sa.Integer))', "pass", "DBS211"),
        ('op.add_column("t_r1", sa.Column("a", sa.Integer))', "raise NotImplementedError", "DBS211"),
        ('op.drop_table("t_r1")', 'op.create_table("t_r1")', "DBS212"),
        ('with op.batch_alter_table("t_r1") as b:\n    b.drop_column("name")', "op.f('x')", "DBS212"),
        ('op.alter_column("t_r1", "name", existing_type=sa.String(50), type_=sa.String(20))', "op.f('x')", "DBS212"),
        ('op.add_column("t_r1", sa.Column("a", sa.Integer, nullable=False))', "op.f('x')", "DBS213"),
        ("import requests", "op.f('x')", "DBS214"),
    ],
)
def test_danger_is_named_and_stops_nothing(followed, up, down, code):
    followed.revision("r2", "r1", up, down)
    followed.git("add", ".")

    done = check(followed, "--staged", "--only", "danger")

    assert (done.rc, codes(done)) == (0, [code])


def test_a_column_with_a_default_is_harmless(followed):
    up = 'op.add_column("t_r1", sa.Column("a", sa.Integer, nullable=False, server_default="1"))'
    followed.revision("r2", "r1", up, 'op.drop_column("t_r1", "a")')
    followed.git("add", ".")

    assert codes(check(followed, "--staged")) == []


def test_what_cannot_be_read_stops_the_commit(followed):
    followed.write("migrations/versions/r2.py", "revision = 'r2'\n<<<<<<< HEAD\n")
    followed.git("add", ".")

    done = followed.git("commit", "-m", "broken", check=False)

    assert done.rc == 1
    assert "DBS102" in done.err


def test_nothing_to_judge_is_never_green(tmp_path, make_project):
    project = make_project()
    project.git("rm", "--quiet", "-r", "alembic.ini", "migrations")

    done = project.dbsync("check", check=False)

    assert done.rc == 2
    assert "no Alembic configuration" in done.err

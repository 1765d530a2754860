"""Each new revision up, down and up again on SQLite: what does not go back is found before it is shared."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.models import model, with_models

USERS = 'op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(50)))'
ORDERS = """
op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False))
"""
PASSES = ('op.add_column("users", sa.Column("email", sa.String(20)))', 'op.drop_column("users", "email")')


@pytest.fixture
def users(project):
    """Give a project whose history has a revision that makes the table users."""
    project.revision("r1", None, USERS, 'op.drop_table("users")')
    project.commit("Users")
    project.commit("Nothing", allow_empty=True)
    return project


def verify(project, *args):
    """Return how `dbsync verify --json` ended, and its findings as (code, level, message, lines)."""
    done = project.dbsync("verify", "--json", *args, check=False)
    assert done.out, done.err
    found = json.loads(done.out)
    assert found["version"] == 1
    return done.rc, found["revisions"], found["findings"]


def codes(project, *args):
    return [one["code"] for one in verify(project, *args)[2]]


def test_a_good_revision_passes(users):
    users.revision("r2", "r1", *PASSES)

    done = users.dbsync("verify")

    assert (done.rc, done.err) == (0, "dbsync: 1 revision goes up, down and up again\n")
    assert not users.path("dev.db").exists()
    assert users.git("status", "--porcelain").out == "?? migrations/versions/r2_.py\n"


def test_nothing_new_is_said_and_is_no_failure(users):
    done = users.dbsync("verify")

    assert (done.rc, done.err) == (0, "dbsync: no new revision in the work tree\n")


def test_a_downgrade_that_raises_is_found_and_what_follows_is_verified_all_the_same(users):
    users.revision("r2", "r1", PASSES[0], 'raise NotImplementedError("no way back")')
    users.column("r3", "r2", "users", "phone")
    users.revision("r4", "r3", ORDERS, 'op.drop_table("order")')

    rc, revisions, found = verify(users)

    assert (rc, revisions) == (1, ["r2", "r3", "r4"])
    assert [one["code"] for one in found] == ["DBS231", "DBS231"]
    assert found[0]["message"] == "the downgrade of r2 fails: NotImplementedError: no way back"
    assert (found[0]["path"], found[0]["line"]) == ("migrations/versions/r2_.py", 28)
    assert "no such table: order" in found[1]["message"]


def test_a_downgrade_that_does_nothing_leaves_what_is_named(users):
    users.revision("r2", "r1", PASSES[0] + '\nop.create_index("ix_name", "users", ["name"])')

    _, _, found = verify(users)

    assert [one["code"] for one in found] == ["DBS232", "DBS233"]
    assert found[0]["lines"] == ["+ column users.email VARCHAR(20)", "+ index ix_name on users (name)"]
    assert "duplicate column name: email" in found[1]["message"]


def test_a_table_that_is_left_is_named_without_its_columns(users):
    users.revision("r2", "r1", ORDERS)

    assert verify(users)[2][0]["lines"] == ["+ table orders"]


def test_an_index_that_was_forgotten_is_found(users):
    users.revision(
        "r2", "r1", 'op.create_index("ix_name", "users", ["name"])\n' + PASSES[0], 'op.drop_column("users", "email")'
    )

    _, _, found = verify(users)

    assert found[0]["lines"] == ["+ index ix_name on users (name)"]


def test_a_column_that_comes_back_with_another_type_is_found(users):
    users.revision(
        "r2", "r1", 'op.drop_column("users", "name")', 'op.add_column("users", sa.Column("name", sa.Text()))'
    )

    _, _, found = verify(users)

    assert [one["code"] for one in found] == ["DBS232"]
    assert found[0]["lines"] == ["+ column users.name TEXT", "- column users.name VARCHAR(50)"]


def test_the_order_of_columns_does_not_count(users):
    users.revision(
        "r2", "r1", 'op.drop_column("users", "name")', 'op.add_column("users", sa.Column("name", sa.String(50)))'
    )

    assert codes(users) == []


def test_a_downgrade_in_the_wrong_order_is_found(users):
    users.revision(
        "r2",
        "r1",
        'op.add_column("users", sa.Column("email", sa.String(20)))\nop.create_index("ix_email", "users", ["email"])',
        'op.drop_column("users", "email")\nop.drop_index("ix_email", "users")',
    )

    assert codes(users) == ["DBS231"]


def test_batch_mode_is_clean(users):
    users.revision(
        "r2",
        "r1",
        """
        op.create_table("things", sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("at", sa.DateTime, server_default=sa.func.now(), nullable=False),
            sa.Column("price", sa.Numeric(10, 2), server_default="0.00"),
            sa.Column("kind", sa.String(5), server_default="new"),
            sa.Column("on", sa.Boolean, nullable=False),
            sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE")),
            sa.UniqueConstraint("kind", name="uq_kind"))
        op.create_index("ix_at", "things", ["at"])
        """,
        'op.drop_table("things")',
    )
    users.revision(
        "r3",
        "r2",
        """
        with op.batch_alter_table("things") as batch:
            batch.add_column(sa.Column("more", sa.Integer, nullable=False, server_default="1"))
            batch.alter_column("price", nullable=False)
        """,
        """
        with op.batch_alter_table("things") as batch:
            batch.alter_column("price", nullable=True)
            batch.drop_column("more")
        """,
    )

    rc, revisions, found = verify(users)

    assert (rc, revisions, found) == (0, ["r2", "r3"], [])


def test_a_column_that_needs_a_value_fails_because_rows_are_there(users):
    users.revision(
        "r2",
        "r1",
        'with op.batch_alter_table("users") as b: b.add_column(sa.Column("age", sa.Integer, nullable=False))',
        'with op.batch_alter_table("users") as b: b.drop_column("age")',
    )
    users.column("r3", "r2", "users", "phone")

    rc, revisions, found = verify(users)

    assert (rc, revisions) == (1, ["r2", "r3"])
    assert [one["code"] for one in found] == ["DBS230"]
    assert "the upgrade of r2 fails where its tables hold rows" in found[0]["message"]


def test_what_only_these_rows_refuse_is_a_warning(users):
    users.revision(
        "r2",
        "r1",
        'with op.batch_alter_table("users") as b: b.create_check_constraint("ck", "length(name) < 3")',
        'with op.batch_alter_table("users") as b: b.drop_constraint("ck")',
    )

    rc, _, found = verify(users)

    assert (rc, [(one["code"], one["level"]) for one in found]) == (0, [("DBS230", "warning")])


def test_rows_that_a_downgrade_loses_are_found(users):
    users.revision("r2", "r1", PASSES[0], PASSES[1] + '\nop.execute("DELETE FROM users")')

    assert verify(users)[2][0]["lines"] == ["- 2 of 2 rows of users"]


def test_an_upgrade_that_fails_is_found_and_what_builds_on_it_is_named(users):
    users.revision("r2", "r1", 'op.drop_table("gone")')
    users.column("r3", "r2", "users", "phone")
    users.column("r4", "r1", "users", "phone")

    _, revisions, found = verify(users)

    assert (sorted(revisions), [one["code"] for one in found]) == (["r2", "r4"], ["DBS230"])
    assert found[0]["lines"] == ["not verified, since they build on it: r3"]


def test_merge_revisions_several_bases_and_dependencies(users):
    users.column("r2", "r1", "users", "phone")
    users.column("r3", "r1", "users", "mail")
    users.revision("m", ("r2", "r3"))
    users.table("other")
    users.revision("d", "other", 'op.create_index("ix_x", "users", ["mail"])', 'op.drop_index("ix_x")', depends_on="m")

    rc, revisions, found = verify(users)

    assert (rc, set(revisions), found) == (0, {"r2", "r3", "m", "other", "d"}, [])


def test_a_chain_that_does_not_start_from_nothing_is_built_upon_the_models(project):
    with_models(project)
    project.revision("r2", "r1", 'op.add_column("old", sa.Column("x", sa.Integer))', 'op.drop_column("old", "x")')
    old = 'class Old(Base):\n    __tablename__ = "old"\n    id = sa.Column(sa.Integer, primary_key=True)\n    x = sa.Column(sa.Integer)'
    model(project, more=old)
    project.commit("Old")
    project.commit("Nothing", allow_empty=True)
    project.revision("r3", "r2", 'op.create_index("ix_x", "old", ["x"])', "pass")

    _, revisions, found = verify(project)

    assert (revisions, [one["code"] for one in found]) == (["r3"], ["DBS232", "DBS233"])
    assert codes(project, "--all") == ["DBS230"]


def test_which_revisions_are_meant(users):
    users.column("r2", "r1", "users", "two")
    users.commit("Two")
    users.git("tag", "two")
    users.column("r3", "r2", "users", "three")
    users.commit("Three")
    users.column("x4", "r3", "users", "four")

    def said(*args):
        return verify(users, *args)[1]

    assert said() == ["r3", "x4"]
    assert said("--all") == ["r1", "r2", "r3", "x4"]
    assert said("r2") == ["r2"]
    assert said("x") == ["x4"]
    assert said("two") == ["r2"]
    assert said("two..") == ["r3"]
    assert said("HEAD~2...HEAD") == ["r2", "r3"]
    assert said("HEAD~3") == ["r1"]
    for wrong in ("r", "nothing", "nothing..HEAD"):
        assert users.dbsync("verify", wrong, check=False).rc == 2


def test_without_argument_it_is_what_the_upstream_does_not_have(users, tmp_path):
    users.git("init", "--quiet", "--bare", str(tmp_path / "upstream"))
    users.git("remote", "add", "origin", str(tmp_path / "upstream"))
    users.git("push", "--quiet", "--set-upstream", "origin", "main")
    users.column("r2", "r1", "users", "two")
    users.commit("Two")
    users.column("r3", "r2", "users", "three")
    users.commit("Three")

    assert verify(users)[1] == ["r2", "r3"]


def test_what_was_verified_is_not_run_again(users):
    users.revision("r2", "r1", *PASSES)
    assert verify(users)[0] == 0
    users.git("config", "dbsync.interpreter", "/nowhere/python")

    done = users.dbsync("verify")

    assert (done.rc, done.err) == (0, "dbsync: 1 revision goes up, down and up again (1 known from before)\n")
    users.revision("r2", "r1", PASSES[0], "pass")
    assert codes(users) == ["DBS221"]
    assert users.dbsync("verify", check=False, env={"CI": "true"}).rc == 1


def test_what_was_found_is_found_again(users):
    users.revision("r2", "r1", PASSES[0])

    assert codes(users) == codes(users) == ["DBS232", "DBS233"]


def test_ways_to_waive(users):
    path = users.revision("r2", "r1", PASSES[0], "raise NotImplementedError")
    text = path.read_text()
    path.write_text(f"# dbsync: ignore DBS231\n{text}")
    assert codes(users) == []

    path.write_text(text)
    users.write("pyproject.toml", '[tool.dbsync]\nignore = ["DBS231"]\n')
    assert codes(users) == []


def test_in_what_transactions_env_py_runs_does_not_matter(users):
    users.revision("r2", "r1", PASSES[0], "raise NotImplementedError")
    users.revision("r3", "r2", *(one.replace("email", "more") for one in PASSES))
    users.revision("r4", "r3", 'with op.get_context().autocommit_block(): op.execute("VACUUM")')
    env = users.path("migrations/env.py")
    text = env.read_text()

    for change in (
        ("connectable.connect() as", "connectable.begin() as"),
        ("connection=connection,", "connection=connection, transaction_per_migration=True,"),
        ("connection=connection,", "connection=connection, transactional_ddl=True,"),
    ):
        env.write_text(text.replace(*change))
        assert env.read_text() != text
        if "begin" in change[1]:  # then Alembic itself has no autocommit_block
            users.remove("migrations/versions/r4_.py")
        assert codes(users) == ["DBS231"], change
        users.revision("r4", "r3", 'with op.get_context().autocommit_block(): op.execute("VACUUM")')


def test_foreign_keys_that_are_enforced_lose_rows_in_batch_mode(users):
    users.revision(
        "r2", "r1", ORDERS.replace('"users.id")', '"users.id", ondelete="CASCADE")'), 'op.drop_table("orders")'
    )
    users.revision(
        "r3", "r2", PASSES[0], 'with op.batch_alter_table("users", recreate="always") as b: b.drop_column("email")'
    )
    env = users.path("migrations/env.py")
    env.write_text(
        env.read_text().replace(
            "        context.configure(\n            connection=connection,",
            '        connection.exec_driver_sql("PRAGMA foreign_keys = ON")\n        connection.commit()\n'
            "        context.configure(\n            connection=connection,",
        )
    )
    assert re.search("foreign_keys", env.read_text())

    assert verify(users)[2][0]["lines"] == ["- 2 of 2 rows of orders"]

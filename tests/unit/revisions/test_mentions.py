"""What a revision may be about: known where its upgrade is plain, and in doubt everything."""

from __future__ import annotations

import pytest

from dbsync.revisions.mentions import is_plain, may_be_about

ABOUT = {
    "the table in an operation": 'op.create_check_constraint("adult", "users", "age > 0")',
    "the table in a batch": 'with op.batch_alter_table("users") as batch:\n        batch.alter_column("age")',
    "the table in SQL": 'op.execute("ALTER TABLE users ADD CHECK (age > 0)")',
    "the table in SQL in an object": 'op.execute(sa.text("update USERS set age = 1"))',
    "the table in a comment": "pass  # users are looked after by hand",
    "a type by one of its values": """op.execute("ALTER TYPE kind ADD VALUE 'extra'")""",
    "a table that is referred to": 'op.rename_table("extra", "old")',
    "SQL that is put together": 'op.execute(f"ALTER TABLE {NAME} ADD CHECK (age > 0)")',
    "SQL from elsewhere": "op.execute(STATEMENT)",
    "a function of its own": "add_checks()",
    "an object of the database": 'sa.Enum("a", name="kind").create(op.get_bind())',
    "a connection": 'op.get_bind().exec_driver_sql("select 1")',
    "names in a loop": 'for one in TABLES:\n        op.add_column(one, sa.Column("x", sa.Integer))',
    "a part in autocommit": "with op.get_context().autocommit_block():\n        pass",
}
NOT_ABOUT = {
    "nothing": "pass",
    "another table": 'op.add_column("posts", sa.Column("name", sa.String(20), server_default=sa.text("now()")))',
    "a new table": 'op.create_table("tags", sa.Column("id", sa.Integer), sa.PrimaryKeyConstraint("id"))',
    "another table in SQL": 'op.execute("ALTER TABLE posts ADD CHECK (size > 0)")',
    "a batch of another": 'with op.batch_alter_table("posts", schema=None) as b:\n        b.create_index(b.f("ix_p"), ["x"], unique=False)',
    "another dialect only": 'if op.get_bind().dialect.name == "other":\n        op.execute("select 1")',
}
LINES = ["- users: age INTEGER", "+ users: age INTEGER CHECK (age > 0)", "+ users: kind one of 'extra'"]


def revision(body):
    return f"from alembic import op\nimport sqlalchemy as sa\n\ndef upgrade():\n    {body}\n".encode()


@pytest.mark.parametrize("body", ABOUT.values(), ids=ABOUT)
def test_what_speaks_of_a_table_or_may_do_so(body):
    assert may_be_about(revision(body), "users", LINES)


@pytest.mark.parametrize("body", NOT_ABOUT.values(), ids=NOT_ABOUT)
def test_what_is_plainly_about_something_else(body):
    assert is_plain(revision(body))
    assert not may_be_about(revision(body), "users", LINES)


@pytest.mark.parametrize("source", [b"def upgrade(:", b"from x import upgrade", b"\xff\xfe", b"upgrade = None"])
def test_what_cannot_be_read_may_be_about_anything(source):
    assert may_be_about(source, "users", LINES)
    assert not is_plain(source)


def test_a_table_in_a_schema_is_known_by_its_own_name():
    assert may_be_about(revision('op.add_column("users", sa.Column("x"), schema="app")'), "app.users", [])
    assert not may_be_about(revision('op.add_column("posts", sa.Column("x"), schema="app")'), "app.users", [])

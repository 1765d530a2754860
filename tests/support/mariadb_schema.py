"""The oracle for MariaDB: what a database holds, in the server's own words, and what a fresh one would hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support.project import ini_text

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.mariadb import Server
    from tests.support.project import Project

VERSION_TABLE = "alembic_version"


def name_of(project: Project) -> str:
    """Return the name of a project's database."""
    return project.url.split("/")[3].split("?")[0]


def schema(server: Server, database: str) -> dict[str, str]:
    """Return what makes every table, view and trigger, less the version table."""
    shown = {row[0]: row[1] for row in server.query("SHOW FULL TABLES", database) if row[0] != VERSION_TABLE}
    found = {}
    for name, kind in shown.items():
        what = {"VIEW": "VIEW", "SEQUENCE": "SEQUENCE"}.get(kind, "TABLE")
        text = server.query(f"SHOW CREATE {what} `{name}`", database)[0][1]
        found[name] = re.sub(r" AUTO_INCREMENT=\d+", "", text.replace(f"`{database}`.", ""))
    for (name,) in server.query(
        f"SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = '{database}'"
    ):
        found[f"trigger {name}"] = server.query(f"SHOW CREATE TRIGGER `{name}`", database)[0][2]
    return found


def dump(server: Server, database: str) -> dict[str, object]:
    """Return the schema, the rows of every table, and the version table's."""
    tables = [row[0] for row in server.query("SHOW FULL TABLES", database) if row[1] == "BASE TABLE"]
    rows = {f"rows of {one}": sorted(map(repr, server.query(f"SELECT * FROM `{one}`", database))) for one in tables}
    return {**schema(server, database), **rows}


def assert_in_sync(project: Project, server: Server, folder: Path) -> None:
    """Assert that the database is what a fresh one, built from the work tree by plain Alembic, would be."""
    fresh = server.create()
    ini = folder / "fresh.ini"
    ini.write_text(ini_text(str(project.top / project.script_location), fresh.url))
    try:
        project.alembic("-c", str(ini), "upgrade", "heads", env={"DBSYNC": "off"})
        assert schema(server, name_of(project)) == schema(server, fresh.name)
        versions = [server.query(f"SELECT * FROM {VERSION_TABLE}", one) for one in (name_of(project), fresh.name)]
        assert sorted(versions[0]) == sorted(versions[1])
    finally:
        server.drop(fresh.name)

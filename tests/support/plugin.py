"""Projects in whose Python dbsync's plugin is, and what it recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbsync.ledger.ledger import Ledger
from tests.support.following import ledger_path

if TYPE_CHECKING:
    from dbsync.ledger.entry import Entry
    from tests.support.project import Project

LINES = "import dbsync.plugin\n\ndbsync.plugin.listen()\n"
HAS_PLUGINS = (
    "import alembic, sys; sys.exit(not hasattr(alembic, 'plugins') and not hasattr(alembic.runtime, 'plugins'))"
)


def with_plugin(project: Project) -> Project:
    """See to it that the plugin is heard: where the project's Alembic has no plugins, env.py asks for it."""
    if project.run(project.python, "-c", HAS_PLUGINS).rc:
        path = project.path("migrations/env.py")
        path.write_text(
            path.read_text().replace("from alembic import context\n", f"from alembic import context\n{LINES}", 1)
        )
    return project


def entries(project: Project, track: str = "alembic_version") -> dict[str, Entry]:
    """Return what the only ledger says is applied, by revision id, in its order."""
    with Ledger(str(ledger_path(project))) as ledger:
        return {one.revision.id: one for one in ledger.entries(track)}


def recorded(project: Project, track: str = "alembic_version") -> dict[str, Any]:
    """Return what the only ledger last saw of a version table."""
    with Ledger(str(ledger_path(project))) as ledger:
        return ledger.meta(f"track:{track}")

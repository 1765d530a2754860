"""Keeping "in sync" for the next command, with all that it hangs on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dbsync.store.databases import adopted
from dbsync.store.records import read_records
from dbsync.store.verdict import forget_verdict, store_verdict
from dbsync.sync.branches import PER_BRANCH
from dbsync.sync.status import as_json
from dbsync.sync.watched import watched_paths

if TYPE_CHECKING:
    from dbsync.sync.project import Project
    from dbsync.sync.status import EnvironmentStatus


def remember(project: Project, statuses: list[EnvironmentStatus]) -> None:
    """Keep the verdict where all is in sync and the disk alone can tell that it still is; else forget the last one."""
    if statuses and all(_is_plain(one) for one in statuses):
        said = [as_json(one) for one in statuses]
        store_verdict(project.repository.git_dir, _hangs_on(project, statuses), said, project.environ)
    else:
        forget_verdict(project.repository.git_dir)


def _is_plain(status: EnvironmentStatus) -> bool:
    settled = not (status.obstacles or status.held or status.target.strays or status.environment.recursive)
    return settled and bool(status.databases) and all(_is_settled(one) for one in status.databases)


def _is_settled(one: Any) -> bool:
    known = not (one.applied.learned or one.seen.recreated)
    return known and one.state == "in_sync" and one.seen.facts.get("dialect") == "sqlite"


def _hangs_on(project: Project, statuses: list[EnvironmentStatus]) -> dict[str, Any]:
    top, git_dir = project.repository.top, project.repository.git_dir
    environments = [one.environment for one in statuses]
    watched = {path for one in environments for path in watched_paths(one)}
    files = [os.path.join(top, path) for path in sorted({"pyproject.toml", *watched})]
    files += [os.path.join(git_dir, name) for name in ("index", "dbsync-pending")]
    files += [os.path.join(git_dir, "HEAD")] if project.settings.data == PER_BRANCH else []
    files += [project.layout.path("environments.json"), *(ledger.path for ledger in adopted(project.layout))]
    records = read_records(project.layout)
    return {
        "files": files,
        "folders": [os.path.join(top, folder) for one in environments for folder in one.version_locations],
        "variables": sorted({name for one in environments for name in records[one.name]["variables"]}),
        "databases": [
            (
                db.seen.key,
                db.seen.facts["version_table"],
                (db.seen.identity["instance"], db.seen.stamp, list(db.seen.heads)),
            )
            for one in statuses
            for db in one.databases
        ],
    }

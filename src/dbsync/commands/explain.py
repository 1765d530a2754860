"""`dbsync explain REV`: where a revision is, when it was applied, and what a sync would do with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from dbsync.commands.context import Report
from dbsync.errors import EXIT_FINDING, EXIT_OK
from dbsync.store.databases import adopted
from dbsync.sync.outcome import display
from dbsync.sync.sources import SourceFinder

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context
    from dbsync.config.environment import Environment
    from dbsync.ledger.entry import Entry
    from dbsync.sync.project import Project

# Alembic's own sentence may be pasted as it is.
SHORTEST_PARTIAL = 4
PASTED = re.compile(r"""identified by ['"]([^'"]+)['"]""")


class Explained(NamedTuple):
    """What is known of a revision in one environment; `found` is its source, `applied` where it is applied."""

    environment: str
    revision: str
    in_work_tree: bool
    found: Entry | None
    applied: list[tuple[str, Entry]]
    branches: str


def run(context: Context, options: Namespace) -> Report:
    """Look for the revision in the ledger, the work tree and all of Git."""
    project = context.project()
    wanted = " ".join(options.revision)
    pasted = PASTED.search(wanted)
    revision = pasted.group(1) if pasted else wanted
    environments, _ = project.environments()
    found = [_explain(project, one, revision) for one in environments]
    known = [one for one in found if one.found or one.applied]
    return Report(EXIT_OK if known else EXIT_FINDING, known or found)


def _explain(project: Project, environment: Environment, revision: str) -> Explained:
    graph = project.graph(environment)
    matching = [one for one in graph.map.revisions if one == revision] or [
        one for one in graph.map.revisions if len(revision) >= SHORTEST_PARTIAL and one.startswith(revision)
    ]
    name = matching[0] if matching else revision
    applied = []
    found = None
    for ledger in adopted(project.layout, environment.name):
        where = display(ledger.meta("identity"), project.tops)
        applied += [
            (where, one) for track in ledger.tracks() for one in ledger.entries(track) if one.revision.id == name
        ]
        found = found or SourceFinder(project, environment, ledger).find(name)
    found = found or SourceFinder(project, environment, None).find(name)
    branches = _branches(project, found.commit) if found and found.commit else ""
    return Explained(environment.name, name, name in graph.map, found, applied, branches)


def _branches(project: Project, commit: str) -> str:
    words = ("branch", "--all", "--format=%(refname:short)", "--contains", commit)
    return ", ".join(project.repository.line(*words).split("\n")[:3])

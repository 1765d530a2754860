"""Where the source of an applied revision is found when the ledger does not hold it, and said.

In order: the commit the work tree was at before, the work tree, every source the ledger ever saw, all refs with
reflogs and stashes (untracked files of a stash are in its third parent), and objects nothing refers to.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dbsync.environment.script_directory import read_sources
from dbsync.git.objects import Entry as Blob
from dbsync.git.objects import read_blobs
from dbsync.ledger.entry import Entry
from dbsync.revisions.parse import parse
from dbsync.revisions.revision import Revision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.config.environment import Environment
    from dbsync.ledger.ledger import Ledger
    from dbsync.sync.project import Project

WALK = ("--all", "--reflog", "--full-history")


class SourceFinder:
    """Finds revisions by id. `previous` is the commit the work tree was at before, "" where that is not known."""

    def __init__(self, project: Project, environment: Environment, ledger: Ledger | None, previous: str = "") -> None:
        self._project = project
        self._environment = environment
        self._ledger = ledger
        self._previous = previous
        self._history: dict[str, Entry] | None = None

    def find(self, revision_id: str) -> Entry | None:
        """Return a revision with its source and the commit it was found in, None where it is nowhere."""
        return (
            self._in_commit(self._previous, revision_id)
            or self._in_work_tree(revision_id)
            or self._in_ledger(revision_id)
            or self._in_history(revision_id)
            or self._in_unreachable(revision_id)
        )

    def _in_commit(self, commit: str, revision_id: str) -> Entry | None:
        if not commit or not self._project.repository.commit_of(commit):
            return None
        tree = self._project.commit_tree(commit)
        revision = self._project.graph(self._environment, tree).map.revisions.get(revision_id)
        if revision is None:
            return None
        source = read_sources(self._project.repository, tree, [revision]).get(revision_id)
        return None if source is None else Entry(revision, source, observed=True, commit=commit)

    def _in_work_tree(self, revision_id: str) -> Entry | None:
        graph = self._project.graph(self._environment)
        strays = {one.id: one for one in graph.strays}
        revision = graph.map.revisions.get(revision_id) or strays.get(revision_id)
        if revision is None:
            return None
        source = self._project.work_tree.read(revision.path)
        return None if source is None else Entry(revision, source, observed=True, commit=self._committed(revision))

    def _committed(self, revision: Revision) -> str:
        """Return HEAD where it holds just this file, "" where the file is not committed as it is."""
        head = self._project.repository.head_commit() or ""
        same = head and self._project.repository.line("rev-parse", "--quiet", "--verify", f"{head}:{revision.path}")
        return head if same == revision.oid else ""

    def _in_ledger(self, revision_id: str) -> Entry | None:
        known = self._ledger.known_sources(revision_id) if self._ledger else []
        return known[0] if known else None

    def _in_history(self, revision_id: str) -> Entry | None:
        if self._history is None:
            self._history = {}
            for entry in self._walk(self._blobs_of_history()):
                self._history.setdefault(entry.revision.id, entry)
        found = self._history.get(revision_id)
        if found is None:
            return None
        words = ("log", *WALK, "-1", "--format=%H", f"--find-object={found.revision.oid}")
        return found._replace(commit=self._holding(found.revision, self._project.repository.line(*words)))

    def _holding(self, revision: Revision, commit: str) -> str:
        """`--find-object` also names the commit that took the blob away: then it is the parent that holds it."""
        repository = self._project.repository
        for candidate in (commit, f"{commit}^"):
            if repository.line("rev-parse", "--quiet", "--verify", f"{candidate}:{revision.path}") == revision.oid:
                return repository.commit_of(candidate) or ""
        return commit

    def _blobs_of_history(self) -> Iterator[Blob]:
        """List every Python file there ever was, newest first; only paths below some version location's name."""
        output = self._project.repository.ask("rev-list", *WALK, "--objects").stdout
        names = {os.path.basename(one) for one in self._environment.version_locations} | {"versions"}
        for line in os.fsdecode(output).split("\n"):
            oid, _, path = line.partition(" ")
            if path.endswith(".py") and (
                self._environment.recursive or os.path.basename(os.path.dirname(path)) in names
            ):
                yield Blob(path, oid, "100644")

    def _in_unreachable(self, revision_id: str) -> Entry | None:
        output = self._project.repository.ask("fsck", "--unreachable", "--no-progress", "--no-dangling").stdout
        lines = (line.split() for line in output.decode(errors="replace").splitlines())
        blobs = [Blob(f"{revision_id}.py", words[2], "100644") for words in lines if words[1:2] == ["blob"]]
        where = self._environment.version_locations[0] if self._environment.version_locations else ""
        for entry in self._walk(iter(blobs), holding=revision_id.encode()):
            if entry.revision.id == revision_id:
                path = f"{where}/{revision_id}.py".lstrip("/")
                # No commit vouches for it: the blob's own id stands in its place, which no trust can be given to.
                return entry._replace(revision=entry.revision._replace(path=path), commit=entry.revision.oid)
        return None

    def _walk(self, blobs: Iterator[Blob], holding: bytes = b"revision") -> Iterator[Entry]:
        listed = list(blobs)
        contents = read_blobs(self._project.repository, [blob.oid for blob in listed])
        for blob, content in zip(listed, contents, strict=False):
            if content is not None and holding in content:
                revision = parse(content, blob.path, blob.oid)
                if isinstance(revision, Revision):
                    yield Entry(revision, content, observed=True)

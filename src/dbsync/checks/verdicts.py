"""Verdicts that are known: a tree is judged once for all that have the same in what the models depend on.

That are the files and folders of it that were read, the versions of what read them, and the variables they asked for.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from dbsync.checks.around import Around
from dbsync.checks.build import Verdict
from dbsync.checks.changes import DIFFERING, Depended
from dbsync.config.settings import is_script
from dbsync.git.objects import read_blobs
from dbsync.store.layout import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dbsync.checks.changes import Idle
    from dbsync.config.environment import Environment
    from dbsync.git.objects import CommitTree
    from dbsync.sync.project import Project

KEPT = 20
TRIED = 3  # as many of the newest are compared by their syntax
FORMAT = 4
# What decides which versions are installed; read from the tree, whether env.py reads it or not.
ALWAYS = (
    "pyproject.toml",
    "setup.cfg",
    "requirements.txt",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "Pipfile.lock",
    ".gitattributes",
)


class Verdicts:
    """The verdicts on one environment, newest first, at most `KEPT`."""

    def __init__(self, project: Project, environment: Environment) -> None:
        self._project = project
        self._environment = environment
        name = hashlib.sha256(environment.name.encode()).hexdigest()[:16]
        self._path = project.layout.path("verdicts", f"{name}.json")
        self._around = Around(project, environment)
        self._trees: dict[str, dict[str, str]] = {}

    def known(self, tree: CommitTree, upon: CommitTree | None = None) -> Verdict | None:
        """Return what was found of a tree that is the same in everything that matters, None where there is none.

        Where it was built upon the models of another tree, `upon` has to be like that one.
        """
        record = self.record(tree, upon)
        return _loaded(record["verdict"]) if record else self._known_by_syntax(tree)

    def earlier(self, tree: CommitTree) -> Verdict | None:
        """Return what was found of the same tree in other surroundings, None where it never was judged."""
        records = (one for one in self._read() if one["upon"] is None and self._has(tree, one["ids"]))
        return next((_loaded(one["verdict"]) for one in records), None)

    def _known_by_syntax(self, tree: CommitTree) -> Verdict | None:
        """Take the verdict on a tree whose modules differ only where nothing was run, and keep it for this one."""
        names = self._listed(tree)
        for record in self._read()[:TRIED]:
            facts = record["verdict"]
            if record["upon"] is None and record["around"] == self._around.hashed(facts, names):
                idle = self._idle_in(tree, record)
                if idle is not None:
                    return self.remember(tree, _loaded({**facts, "idle": idle}))
        return None

    def _idle_in(self, tree: CommitTree, record: dict[str, Any]) -> Idle | None:
        repository, facts = self._project.repository, record["verdict"]
        depended = Depended(record["ids"], facts["idle"], facts["python"], documented=facts["documented"])
        done = repository.ask("diff-tree", *DIFFERING, record["tree"], tree.commit, "--")
        if done.returncode:  # git has thrown that tree away
            return None
        return depended.idle_after(depended.of(done.stdout), lambda oids: read_blobs(repository, oids))

    def failing(self) -> set[str]:
        """Return the revisions (`build.fingerprint`) that are known to fail from nothing, and not upon models."""
        return {record["verdict"]["failed"] for record in self._read()} - {""}

    def remember(self, tree: CommitTree, verdict: Verdict, upon: CommitTree | None = None) -> Verdict:
        """Keep a verdict. One that could not be reached is not kept: what is missing may be there next time."""
        if verdict.obstacle is not None:
            return verdict
        folders = {f"{os.path.dirname(name)}/*" for name in verdict.read if name.endswith(".py")}
        ids = self._ids(tree, {*verdict.read, *folders, *self._own(tree), *ALWAYS})
        facts = {**verdict._asdict(), "obstacle": None}
        base = self._ids(upon, ids) if upon else None
        record = {"ids": ids, "upon": base, "tree": tree.commit, "verdict": facts}
        record["around"] = self._around.hashed(facts, self._listed(tree))
        self._project.layout.folder("verdicts")
        write_private(self._path, json.dumps({"format": FORMAT, "records": [record, *self._read()][:KEPT]}))
        return verdict

    def watched(self, tree: CommitTree) -> list[str]:
        """Return the files and folders that the verdict on a tree depends on, none where it is not known."""
        return next((list(record["ids"]) for record in self._records_of(tree)), [])

    def of_revisions(self, tree: CommitTree) -> dict[str, Any]:
        """Return, in the form of `record`, what a look at the revisions alone depends on."""
        facts = {**Verdict()._asdict(), "obstacle": None}
        return {
            "ids": self._ids(tree, {*self._own(tree), *ALWAYS}),
            "upon": None,
            "tree": tree.commit,
            "verdict": facts,
        }

    def record(self, tree: CommitTree, upon: CommitTree | None = None) -> dict[str, Any] | None:
        """Return what is kept of a tree that is the same in everything that matters."""
        found = self._records_of(tree)
        return next((one for one in found if one["upon"] is None or self._has(upon, one["upon"])), None)

    def _records_of(self, tree: CommitTree) -> Iterator[dict[str, Any]]:
        names = self._listed(tree)
        for record in self._read():
            if self._has(tree, record["ids"]) and record["around"] == self._around.hashed(record["verdict"], names):
                yield record

    def _has(self, tree: CommitTree | None, ids: dict[str, str]) -> bool:
        return tree is not None and ids == self._ids(tree, ids)

    def _read(self) -> list[dict[str, Any]]:
        try:
            with open(self._path, encoding="utf-8") as file:
                content = json.load(file)
        except (OSError, ValueError):
            return []
        found: list[dict[str, Any]] = content["records"] if content.get("format") == FORMAT else []
        return found

    def _own(self, tree: CommitTree) -> list[str]:
        """Return the environment's configuration and revision folders, which count however they are read."""
        environment = self._project.environment_in(self._environment, tree)
        files = [name for name in (environment.ini, environment.toml) if name]
        baseline = self._project.settings.baseline_for(environment.name) or ""
        files += [baseline] if is_script(baseline) else []
        return [*files, f"{environment.script_location}/env.py", *(f"{one}/" for one in environment.version_locations)]

    def _ids(self, tree: CommitTree, names: Iterable[str]) -> dict[str, str]:
        """Return what a tree holds under names: `a.py` a file, `a/` all Python below, `a/*` only which there are."""
        entries = self._listed(tree)
        return {name: _id(name, entries) for name in names}

    def _listed(self, tree: CommitTree) -> dict[str, str]:
        if tree.name not in self._trees:
            self._trees[tree.name] = {entry.path: entry.oid for entry in tree.list()}
        return self._trees[tree.name]


def _loaded(facts: dict[str, Any]) -> Verdict:
    tuples = {name: tuple(facts[name]) for name in ("lines", "read", "outside")}
    return Verdict(**{**facts, **tuples, "obstacle": None})


def _id(name: str, entries: dict[str, str]) -> str:
    if name.endswith("/*"):
        folder = name[:-2]
        return _hashed(path for path in entries if os.path.dirname(path) == folder and path.endswith(".py"))
    if name.endswith("/"):
        return _hashed(f"{oid} {path}" for path, oid in entries.items() if path.startswith(name) and path[-3:] == ".py")
    return entries.get(name, "")


def _hashed(lines: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()[:16]

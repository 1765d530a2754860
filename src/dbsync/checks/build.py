"""Having a tree judged by the worker: its files laid out, its revisions built in a shadow, its models compared."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.environment.client import WorkerDiedError, converse
from dbsync.errors import Obstacle
from dbsync.git.staging import ignored_names, lay_out, packed
from dbsync.store.layout import write_private
from dbsync.sync.baseline import baseline_identity
from dbsync.sync.failures import died, obstacle_of
from dbsync.sync.own_server import has_own_server, is_without_server
from dbsync.sync.request import graph_facts, launch, request_for
from dbsync.sync.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dbsync.config.environment import Environment
    from dbsync.environment.client import Answer
    from dbsync.environment.script_directory import Graph
    from dbsync.git.objects import CommitTree
    from dbsync.revisions.revision import Revision
    from dbsync.sync.project import Project


class Verdict(NamedTuple):
    """What came of a tree. `lines` are the differences between revisions and models, `tables` the models' DDL.

    `read` are the files and folders of the tree that were read; `obstacle` says why it was not judged; `failed` is the
    revision that could not be built, if that was it; `before` is the DDL of the base's models where it was built upon
    them, since the chain does not start from nothing (`failed` then says where it failed, see `fingerprint`).

    `outside` are the files and folders elsewhere on this machine that were read. `idle` are, by module, the functions
    (line, name) that were not called, by the Python of version `python`; `documented`: docstrings may matter.
    """

    lines: tuple[str, ...] = ()
    tables: Mapping[str, list[str]] = {}
    empty: bool = False
    read: tuple[str, ...] = ()
    variables: Mapping[str, str] = {}
    obstacle: Obstacle | None = None
    failed: str = ""
    before: Mapping[str, list[str]] | None = None
    outside: tuple[str, ...] = ()
    idle: Mapping[str, list[tuple[int, str]]] = {}
    documented: bool = True
    python: str = ""


def fingerprint(revision: Revision) -> str:
    """Return what tells a revision from one that was edited."""
    return f"{revision.id} {revision.oid}"


class Shadow(NamedTuple):
    """A scratch database that is kept: `role` tells it from others; `revisions` are the (id, blob) it was built of."""

    project: Project
    environment: Environment
    role: str

    @property
    def _path(self) -> str:
        name = hashlib.sha256(f"{self.project.repository.git_dir}\0{self.environment.name}\0{self.role}".encode())
        return self.project.layout.path("shadows", name.hexdigest()[:16])

    def holds(self) -> dict[str, str]:
        """Return the revisions that are built in it, with their blobs."""
        try:
            with open(f"{self._path}.json", encoding="utf-8") as file:
                found: dict[str, str] = json.load(file)
        except (OSError, ValueError):
            return {}
        return found

    def start(self, *, fresh: bool) -> dict[str, Any]:
        """Return what the worker is told; it gets a copy of the SQLite file, so that the kept one stays good."""
        self.project.layout.folder("shadows")
        self.discard()
        if not fresh and os.path.exists(f"{self._path}.sqlite"):
            shutil.copyfile(f"{self._path}.sqlite", f"{self._path}.new")
        return {**self.again(), "fresh": fresh}

    def again(self) -> dict[str, Any]:
        """Return the same for another run on what the last one made."""
        name = f"dbsync_shadow_{os.path.basename(self._path)}"
        return {"file": f"{self._path}.new", "database": name, "fresh": False}

    def discard(self) -> None:
        """Remove what was not kept, and forget what it holds until that is known again."""
        for leftover in (".new", ".new-journal"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path + leftover)
        write_private(f"{self._path}.json", "{}")  # it may be on a server: `scratch.remove_scratch` looks for this

    def keep(self, revisions: dict[str, str]) -> None:
        """Take what was built as what it is from now on."""
        if os.path.exists(f"{self._path}.new"):
            os.replace(f"{self._path}.new", f"{self._path}.sqlite")
        write_private(f"{self._path}.json", json.dumps(revisions))


# What stands for the baseline beside the revisions that a scratch database holds.
BASELINE = ""


class Subtree(NamedTuple):
    """One environment in one tree, and the folder its files are laid out in (a name, not a path)."""

    project: Project
    tree: CommitTree
    graph: Graph
    environment: Environment
    role: str


def build(subtree: Subtree) -> Verdict:
    """Build the revisions of a tree and compare them with its models.

    A shadow that holds some of the revisions already is gone on with.
    """
    shadow = Shadow(subtree.project, subtree.environment, subtree.role)
    base = {BASELINE: baseline_identity(subtree.project, subtree.environment, subtree.tree)}
    wanted = base | {one.id: one.oid for one in subtree.graph.map.revisions.values()}
    held = shadow.holds()
    usable = BASELINE in held and all(wanted.get(one) == oid for one, oid in held.items())
    found = _run(subtree, shadow.start(fresh=not usable), done=set(held) if usable else set())
    if found.obstacle is None:
        shadow.keep(wanted)
        return found
    shadow.discard()
    return build(subtree) if usable else found


def build_upon_models(base: Subtree, subtree: Subtree) -> tuple[Verdict, Verdict]:
    """Take the base's models for what its revisions make, and build only what the tree adds.

    For a chain that does not start from nothing: its first tables were made by `create_all`. Returns what came of the
    base and of the tree.
    """
    shadow = Shadow(subtree.project, subtree.environment, "models")
    known = set(base.graph.map.revisions)
    try:
        made = create_models(base, shadow)
        found = made if made.obstacle else _run(subtree, shadow.again(), done=known)
        read, outside = _both(made.read, found.read), _both(made.outside, found.outside)
        return made, found._replace(read=read, outside=outside, idle={}, before=made.tables)
    finally:
        shadow.discard()


def _both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*one, *other}))


def create_models(base: Subtree, shadow: Shadow) -> Verdict:
    """Make a scratch database of a tree's models, its revisions taken for applied."""
    graph = base.graph.map
    return _run(base, shadow.start(fresh=True), done=set(graph.revisions), create_all=True, stamp=list(graph.heads))


def _run(subtree: Subtree, shadow: dict[str, Any], *, done: set[str], **options: Any) -> Verdict:
    graph = subtree.graph
    facts = graph_facts(graph.map)
    judged: dict[str, Any] = {}

    def answer(event: dict[str, Any]) -> dict[str, Any] | None:
        if event["event"] == "judged":
            judged["lines"] = [*judged.get("lines", []), *event["lines"]]
            judged["tables"] = {**judged.get("tables", {}), **event["tables"]}
            judged["empty"] = event["empty"]
            judged["commented"] = judged.get("commented") or event["commented"]
        if event["event"] != "current":
            return None
        # The baseline may say itself which revisions are in it.
        left = set(graph.map.revisions) - done - graph.map.ancestors(event["heads"])
        return {"target": facts, "up": graph.map.ordered(left), "heads": list(graph.map.heads)}

    last = run_worker(subtree, "judge", answer, shadow=shadow, **options)
    return Verdict(obstacle=last) if isinstance(last, Obstacle) else _verdict(subtree, judged, last)


def run_worker(subtree: Subtree, mode: str, answer: Answer, **options: Any) -> dict[str, Any] | Obstacle:
    """Lay a tree out, run the worker in it, and return its last word, or why there was none.

    Where the project's server is not there or forbids it, once more on one of our own, if that is installed.
    """
    last = _run_worker(subtree, mode, answer, options)
    if not isinstance(last, Obstacle) and _wants_own_server(subtree, last):
        return _run_worker(subtree, mode, answer, options)
    return last


def _run_worker(subtree: Subtree, mode: str, answer: Answer, options: dict[str, Any]) -> dict[str, Any] | Obstacle:
    project, environment, graph = subtree.project, subtree.environment, subtree.graph
    folder = lay_out(project.repository, subtree.tree.commit, subtree.role)
    target = Target(environment, graph.map, subtree.tree, graph.obstacles, [])
    runner = project.settings.runner_for(environment.name)
    shadow = {**options["shadow"], "url": project.scratch_url, **({"file": ""} if runner else {})}
    request = request_for(project, target, mode, create=True, **{**options, "shadow": shadow})
    started = launch(project, environment)
    if runner:
        request["tree"], request["ignored"] = packed(folder), ignored_names(project.repository)
    else:
        request["real_top"] = project.repository.top
        request["policy"]["roots"].append(folder)
        started = started._replace(top=folder, cwd=folder)
    # A set of names (the values of an enum, say) is to have one order in every run.
    started = started._replace(environ={**started.environ, "PYTHONHASHSEED": "0"}, deadline=project.judge_until)
    try:
        return converse(started, request, answer).last
    except WorkerDiedError as error:
        return _late(project) if error.late else died(error, environment, runner)


def _wants_own_server(subtree: Subtree, last: dict[str, Any]) -> bool:
    project = subtree.project
    here = not project.settings.runner_for(subtree.environment.name)  # a runner does not reach a server of ours
    return here and is_without_server(last) and has_own_server(project)


def _late(project: Project) -> Obstacle:
    message = f"env.py and the revisions took longer than {project.settings.check_timeout} s"
    hint = "`git config dbsync.checkTimeout SECONDS` gives them more; `dbsync check --worktree` has no limit"
    return Obstacle("DBS421", message, hint)


def _verdict(subtree: Subtree, judged: dict[str, Any], last: dict[str, Any]) -> Verdict:
    if last["event"] != "done":
        step = last.get("step") or {}
        return Verdict(obstacle=obstacle_of(last, subtree.environment), failed=step.get("revision", ""))
    return Verdict(
        lines=tuple(dict.fromkeys(judged.get("lines", []))),
        tables=judged.get("tables", {}),
        empty=judged.get("empty", False),
        read=tuple(last["read"]),
        variables=dict(last["variables"]),
        outside=tuple(last["outside"]),
        idle=last["idle"],
        documented=last["documented"] or judged.get("commented", False),
        python=last["python"],
    )

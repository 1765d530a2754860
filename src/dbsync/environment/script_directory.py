"""The revisions of an environment in any tree, by Alembic's rules of which files count."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from dbsync.errors import Obstacle
from dbsync.git.objects import Entry, WorkTree, read_blobs
from dbsync.revisions.revision import Revision, path_order
from dbsync.revisions.revision_map import RevisionMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dbsync.config.environment import Environment
    from dbsync.git.objects import Tree
    from dbsync.git.repository import Repository
    from dbsync.store.revision_cache import RevisionCache

# ScriptDirectory's _only_source_rev_file.
REVISION_FILE = re.compile(r"(?!\.\#|__init__)(.*\.py)$")


class Graph(NamedTuple):
    """The revisions of one environment in one tree, and why some could not be read.

    `strays` are untracked revisions whose parent is not there, and what builds on them: not part of `map`.
    """

    map: RevisionMap
    obstacles: list[Obstacle]
    strays: list[Revision]


def read_graph(repository: Repository, tree: Tree, environment: Environment, cache: RevisionCache) -> Graph:
    """Read the graph of a tree from its objects, or of the work tree from disk, running nothing."""
    entries = [entry for entry in _files(tree, environment) if _counts(entry.path, environment)]
    parsed = cache.read(_hashed(repository, tree, entries), _reader(repository, tree))
    revisions = [one for one in parsed if isinstance(one, Revision)]
    obstacles = [one for one in parsed if isinstance(one, Obstacle)]
    strays = _strays(repository, revisions) if isinstance(tree, WorkTree) else []
    found = RevisionMap(one for one in revisions if one not in strays)
    left_out = _left_out(repository, environment) if isinstance(tree, WorkTree) else []
    if left_out:
        obstacles.append(_sparse(left_out))
    elif not entries:
        obstacles.append(_nothing(environment))
    return Graph(found, obstacles + found.obstacles, strays)


def read_sources(repository: Repository, tree: Tree, revisions: list[Revision]) -> dict[str, bytes]:
    """Return the sources of revisions of a tree, by revision id."""
    if isinstance(tree, WorkTree):
        contents = tree.read_many(one.path for one in revisions)
        return {one.id: contents[one.path] for one in revisions if one.path in contents}
    blobs = read_blobs(repository, [one.oid for one in revisions])
    return {one.id: blob for one, blob in zip(revisions, blobs, strict=False) if blob is not None}


def blob_id(content: bytes, object_format: str = "sha1") -> str:
    """Return the id git gives to a blob (gitformat-pack(5)) in a repository of a format, "sha1" or "sha256"."""
    import hashlib

    return hashlib.new(object_format, b"blob %d\0" % len(content) + content).hexdigest()


def _nothing(environment: Environment) -> Obstacle:
    where = environment.version_locations[0] if environment.version_locations else environment.script_location
    message = f"no revision was found in {where}"
    hint = environment.as_typed("`alembic revision` writes the first one")
    return Obstacle("DBS108", message, hint, environment.config_path)


def _left_out(repository: Repository, environment: Environment) -> list[str]:
    """List the revision files that a sparse checkout keeps from the disk: nobody deleted them."""
    if not os.path.exists(os.path.join(repository.git_dir, "info", "sparse-checkout")):
        return []
    listed = repository.ask("ls-files", "-t", "-z", "--", *environment.version_locations).stdout.split(b"\0")
    paths = [os.fsdecode(line[2:]) for line in listed if line.startswith(b"S ")]
    return [path for path in paths if _counts(path, environment) and not _is_there(repository, path)]


def _is_there(repository: Repository, path: str) -> bool:
    return os.path.exists(os.path.join(repository.top, path))


def _sparse(paths: list[str]) -> Obstacle:
    count = f"{len(paths)} revision files are" if len(paths) > 1 else "a revision file is"
    hint = f"`git sparse-checkout add {os.path.dirname(paths[0])}`"
    return Obstacle("DBS115", f"{count} left out by the sparse checkout", hint, paths[0])


def _files(tree: Tree, environment: Environment) -> Iterator[Entry]:
    seen: set[str] = set()
    for location in environment.version_locations:
        below = _on_disk(tree, location, environment) if isinstance(tree, WorkTree) else tree.list(location)
        for entry in sorted(below, key=lambda one: path_order(one.path)):
            if entry.path not in seen:
                seen.add(entry.path)
                yield entry


def _on_disk(tree: WorkTree, location: str, environment: Environment) -> list[Entry]:
    """List a version location as Alembic does: ignored and untracked files are there for it too."""
    top = os.path.join(tree.repository.top, location)
    found = []
    for folder, folders, names in os.walk(top):
        inner = os.path.relpath(folder, tree.repository.top).replace(os.sep, "/")
        found += [Entry(f"{inner}/{name}".removeprefix("./"), "", "100644") for name in names if name.endswith(".py")]
        if not environment.recursive:
            break
        folders[:] = [name for name in folders if not name.endswith("__pycache__")]
    return _once(tree.repository.top, found)


def _once(top: str, entries: list[Entry]) -> list[Entry]:
    """Leave out links to files that are listed too: Alembic loads a file once (ScriptDirectory._load_revisions)."""
    links = {one for one in entries if os.path.islink(os.path.join(top, one.path))}
    if not links:
        return entries
    files = {os.path.realpath(os.path.join(top, one.path)) for one in entries if one not in links}
    return [one for one in entries if one not in links or os.path.realpath(os.path.join(top, one.path)) not in files]


def _counts(path: str, environment: Environment) -> bool:
    folder, _, name = path.rpartition("/")
    if not REVISION_FILE.match(name):
        return False
    if environment.recursive:
        return "__pycache__" not in folder
    return folder in environment.version_locations


def _hashed(repository: Repository, tree: Tree, entries: list[Entry]) -> list[Entry]:
    """Give work tree files their blob id, by content: filters such as autocrlf do not matter to Alembic either."""
    if not isinstance(tree, WorkTree):
        return entries
    contents = tree.read_many(entry.path for entry in entries)
    kind = repository.object_format
    return [entry._replace(oid=blob_id(contents[entry.path], kind)) for entry in entries if entry.path in contents]


def _reader(repository: Repository, tree: Tree) -> Callable[[list[Entry]], list[bytes | None]]:
    def contents(entries: list[Entry]) -> list[bytes | None]:
        if isinstance(tree, WorkTree):
            found = tree.read_many(entry.path for entry in entries)
            return [found.get(entry.path) for entry in entries]
        return read_blobs(repository, [entry.oid for entry in entries])

    return contents


def _strays(repository: Repository, revisions: list[Revision]) -> list[Revision]:
    """Find untracked revisions whose parent is in no file, and what builds on them (design: *strays*)."""
    everything = RevisionMap(revisions)
    if not any(one.code == "DBS106" for one in everything.obstacles):
        return []
    ids = {one.id for one in revisions} | {label for one in revisions for label in one.branch_labels}
    orphans = [one for one in revisions if not ids.issuperset({*one.down_revision, *one.depends_on})]
    tracked = _tracked(repository, [one.path for one in revisions])
    lost = everything.descendants(one.id for one in orphans if one.path not in tracked)
    return [one for one in revisions if one.id in lost and one.path not in tracked]


def _tracked(repository: Repository, paths: list[str]) -> set[str]:
    output = repository.ask("ls-files", "-z", "--", *sorted({os.path.dirname(path) or "." for path in paths})).stdout
    return {os.fsdecode(path) for path in output.split(b"\0")}

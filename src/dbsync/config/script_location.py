"""Where the names in a config lead: script_location and version_locations in every form Alembic takes, in a listing.

Alembic resolves them against the working directory and sys.path (alembic.util.coerce_resource_to_filename); here the
files of the tree decide which working directory was meant.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from dbsync.config.options import ConfigurationError, Options, folder_of
from dbsync.errors import Obstacle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dbsync.git.objects import Entry

VENDORED = frozenset({".git", ".nox", ".tox", ".venv", "__pypackages__", "node_modules", "site-packages", "venv"})
OUTSIDE = None


class Listing:
    """The files of a tree, and what can be asked of their names alone."""

    def __init__(self, entries: Iterable[Entry], top: str) -> None:
        self.paths = {entry.path for entry in entries}
        self.top = top

    def has_script(self, folder: str) -> bool:
        """Say whether a folder is a script directory: it holds env.py."""
        return join(folder, "env.py") in self.paths

    def has_folder(self, folder: str) -> bool:
        """Say whether there is a file below this folder."""
        return not folder or any(path.startswith(f"{folder}/") for path in self.paths)

    def script_directories(self) -> list[str]:
        """Return every folder that looks like what `alembic init` makes: env.py with its template or versions."""
        found = [folder_of(path) for path in self.paths if path == "env.py" or path.endswith("/env.py")]
        return sorted(folder for folder in found if not is_vendored(folder) and self._looks_initialised(folder))

    def _looks_initialised(self, folder: str) -> bool:
        return join(folder, "script.py.mako") in self.paths or self.has_folder(join(folder, "versions"))

    def scripts_ending(self, tail: str) -> list[str]:
        """Return the script directories whose path ends with these folders."""
        end = f"/{tail}/env.py"
        return sorted(folder_of(path) for path in self.paths if f"/{path}".endswith(end) and not is_vendored(path))

    def folders_ending(self, tail: str) -> list[str]:
        """Return the folders whose path ends with these folders."""
        middle = f"/{tail}/"
        hits = (path for path in self.paths if middle in f"/{path}" and not is_vendored(path))
        return sorted({join(f"/{path}".partition(middle)[0].lstrip("/"), tail) for path in hits})


class Place(NamedTuple):
    """Where an environment is: the working directory, the script directory and the version locations."""

    directory: str
    script_location: str
    version_locations: tuple[str, ...]


def is_vendored(path: str) -> bool:
    """Say whether a file belongs to an installed package rather than to the project."""
    return not VENDORED.isdisjoint(path.split("/"))


def join(folder: str, name: str) -> str:
    """Join and normalise two names of the tree; "" is the top."""
    path = posixpath.normpath(posixpath.join(folder, name))
    return "" if path == "." else path


def locate(options: Options, listing: Listing) -> Place:
    """Resolve the names of one environment. Raises DBS111 (not found or outside the repository), DBS113 (ambiguous)."""
    directory, script = _script_directory(options, listing)
    found = (_version_location(name, directory, options, listing) for name in options.version_locations)
    return Place(directory, script, tuple(dict.fromkeys(found)) or (join(script, "versions"),))


def relative_to_top(path: str, top: str) -> str | None:
    """Return an absolute path relative to the top, None (outside) where it is not below it."""
    path, top = posixpath.normpath(path), posixpath.normpath(top)
    if path == top:
        return ""
    return path[len(top) + 1 :] if path.startswith(f"{top}/") else OUTSIDE


def _is_resource(name: str) -> bool:
    return ":" in name and not name.startswith("/")


def _resource(name: str) -> tuple[str, str]:
    """Split `package.sub:path:more` into the package's folder and the whole path, both below some sys.path entry."""
    package, *rest = name.split(":")
    folder = package.replace(".", "/")
    return folder, posixpath.join(folder, *rest).rstrip("/")


def _directories(options: Options) -> Iterator[str]:
    """Yield where Alembic may be run: the declared directory, or the config's folder and each one above it."""
    if options.directory is not None:
        yield options.directory
        return
    folder = folder_of(options.config_path)
    yield folder
    while folder:
        folder = folder_of(folder)
        yield folder


def _roots(directory: str, options: Options, listing: Listing) -> Iterator[str]:
    """Yield the sys.path entries in the tree when Alembic is run in a directory."""
    for entry in (*options.prepend_sys_path, "", "src"):
        root = _plain(entry, directory, listing)
        if root is not OUTSIDE:
            yield root


def _plain(name: str, directory: str, listing: Listing) -> str | None:
    """Resolve an absolute or relative path; None where it leaves the repository."""
    if name.startswith("/"):
        return relative_to_top(name, listing.top)
    path = join(directory, name)
    return OUTSIDE if path == ".." or path.startswith("../") else path


def _script_directory(options: Options, listing: Listing) -> tuple[str, str]:
    name = options.script_location or ""
    if name.startswith("/"):
        return _absolute_script(name, options, listing)
    if _is_resource(name):
        return _resource_script(name, options, listing)
    for directory in _directories(options):
        script = _plain(name, directory, listing)
        if script is not OUTSIDE and listing.has_script(script):
            return directory, script
    raise _nowhere(options, "script_location", name, outside=_leaves(name, options, listing))


def _leaves(name: str, options: Options, listing: Listing) -> bool:
    return all(_plain(name, directory, listing) is OUTSIDE for directory in _directories(options))


def _absolute_script(name: str, options: Options, listing: Listing) -> tuple[str, str]:
    script = _plain(name, "", listing)
    if script is OUTSIDE or not listing.has_script(script):
        raise _nowhere(options, "script_location", name, outside=script is OUTSIDE)
    return _directory_by_versions(options, listing), script


def _directory_by_versions(options: Options, listing: Listing) -> str:
    """Return the working directory where script_location does not tell: the nearest that has the version locations."""
    directories = list(_directories(options))
    names = [name for name in options.version_locations if not name.startswith("/") and not _is_resource(name)]
    for directory in directories:
        found = [_plain(name, directory, listing) for name in names]
        if all(path is not OUTSIDE and listing.has_folder(path) for path in found):
            return directory
    return directories[0]


def _resource_script(name: str, options: Options, listing: Listing) -> tuple[str, str]:
    _, tail = _resource(name)
    for directory in _directories(options):
        if posixpath.basename(directory) == "src" and directory != folder_of(options.config_path):
            continue  # a source root, not where commands are run: the folder above finds it as its `src`
        for root in _roots(directory, options, listing):
            if listing.has_script(join(root, tail)):
                return directory, join(root, tail)
    script = _only(listing.scripts_ending(tail), options, "script_location", name)
    return _directory_by_versions(options, listing), script


def _only(found: list[str], options: Options, option: str, name: str) -> str:
    if len(found) == 1:
        return found[0]
    if not found:
        raise _nowhere(options, option, name, outside=False)
    message = f'{option} "{name}" of {options.config_path} fits {len(found)} folders: {", ".join(found[:3])}'
    raise ConfigurationError(Obstacle("DBS113", message, _hint(options), options.config_path, options.line))


def _version_location(name: str, directory: str, options: Options, listing: Listing) -> str:
    if _is_resource(name):
        return _resource_location(name, directory, options, listing)
    path = _plain(name, directory, listing)
    if path is OUTSIDE:
        raise _nowhere(options, "version_locations", name, outside=True)
    return path


def _resource_location(name: str, directory: str, options: Options, listing: Listing) -> str:
    """Resolve `package:path`. The folder need not be there yet (Git keeps no empty ones), the package must."""
    package, tail = _resource(name)
    roots = list(_roots(directory, options, listing))
    for wanted in (tail, package):
        for root in roots:
            if listing.has_folder(join(root, wanted)):
                return join(root, tail)
    parent = _only(listing.folders_ending(package), options, "version_locations", name)
    return join(parent[: len(parent) - len(package)], tail)


def _nowhere(options: Options, option: str, name: str, *, outside: bool) -> ConfigurationError:
    config = options.config_path or "[tool.dbsync]"
    why = "is outside the repository" if outside else "is not found in this tree"
    if option == "script_location" and not outside:
        why = "leads to no env.py in this tree"
    message = f'{option} "{name}" of {config} {why}'
    return ConfigurationError(Obstacle("DBS111", message, _hint(options), options.config_path or None, options.line))


def _hint(options: Options) -> str:
    config = f'config = "{options.config_path}", ' if options.config_path else ""
    entry = f'{{{config}directory = "…", script_location = "…"}}'
    return f"correct it, or add to [tool.dbsync] of pyproject.toml: environments = [{entry}]"

"""The configs of a tree: which files they are, and the options each gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.config import pyproject
from dbsync.config.alembic_ini import AlembicIni
from dbsync.config.options import DEFAULT_SECTION, ConfigurationError, Options, folder_of, unreadable
from dbsync.config.script_location import Listing, is_vendored, join
from dbsync.errors import Obstacle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.config.pyproject import AlembicTable
    from dbsync.config.settings import Declared, Settings
    from dbsync.git.objects import Tree

ALEMBIC_INI = "alembic.ini"
PYPROJECT = "pyproject.toml"


class Source(NamedTuple):
    """What discovery looks at: the tree's name, the names of its files, the contents of its configs, the settings."""

    name: str
    listing: Listing
    contents: dict[str, bytes]
    settings: Settings


def read_sources(tree: Tree, settings: Settings) -> Source:
    """List a tree once and read its configs in one batch."""
    listing = Listing(tree.list(), settings.top)
    return Source(tree.name, listing, tree.read_many(_paths_to_read(listing, settings)), settings)


def read_options(source: Source) -> Iterator[Options | Obstacle]:
    """Yield the options of every environment that is declared or configured, shallow configs first."""
    declared: set[str] = set()
    for entry in source.settings.environments:
        result = _declared(entry, source)
        if isinstance(result, Options):
            declared.add(result.name)
        yield result
    for result in _configured(source):
        if isinstance(result, Obstacle) or not (
            result.name in declared or _is_excluded(result.name, source.settings.exclude)
        ):
            yield result


def _paths_to_read(listing: Listing, settings: Settings) -> list[str]:
    declared = [entry.config for entry in settings.environments if entry.config]
    found = _candidates(listing, settings)
    scripts = [join(folder_of(path), "env.py") for path in found if path.endswith(ALEMBIC_INI)]
    return sorted({*declared, *found, *(path for path in scripts if path in listing.paths)})


def _candidates(listing: Listing, settings: Settings) -> list[str]:
    """Return the files that can be configs of this project: not a dependency's, not a template's, not excluded."""
    named = [path for path in listing.paths if path.endswith((".ini", f"/{PYPROJECT}")) or path == PYPROJECT]
    own = [path for path in named if not is_vendored(path) and "{{" not in path]
    kept = [path for path in own if not _is_excluded(path, settings.exclude)]
    return sorted(kept, key=lambda path: (path.count("/"), path))


def _is_excluded(name: str, exclude: tuple[str, ...]) -> bool:
    if not exclude:
        return False
    from fnmatch import fnmatchcase  # seldom needed

    return any(fnmatchcase(name, pattern) or name.startswith(pattern.rstrip("/") + "/") for pattern in exclude)


def _declared(entry: Declared, source: Source) -> Options | Obstacle:
    try:
        options = _declared_config(entry, source)
    except ConfigurationError as error:
        return error.obstacle
    if entry.script_location is not None:
        options = options._replace(script_location=entry.script_location, line=None)
    return options if entry.directory is None else options._replace(directory=join("", entry.directory))


def _declared_config(entry: Declared, source: Source) -> Options:
    if entry.config is None:
        return Options(config_path="", directory="")
    content = source.contents.get(entry.config)
    if content is None:
        raise unreadable(f"{entry.config}, named in [tool.dbsync] environments, is not in this tree", PYPROJECT)
    if entry.config.endswith(".toml"):
        table = pyproject.alembic_table(content, entry.config, source.settings.top)
        return _table_options(table) if table else Options(entry.config, toml=entry.config)
    ini = AlembicIni(content, entry.config, source.settings.top)
    return _ini_options(ini, entry.section or DEFAULT_SECTION, _table_beside(entry.config, source))


def _configured(source: Source) -> Iterator[Options | Obstacle]:
    for path in _candidates(source.listing, source.settings):
        try:
            yield from _ini_environments(path, source) if path.endswith(".ini") else _toml_environment(path, source)
        except ConfigurationError as error:
            yield error.obstacle


def _ini_environments(path: str, source: Source) -> Iterator[Options | Obstacle]:
    is_default = path.rpartition("/")[2] == ALEMBIC_INI
    content = source.contents.get(path)
    if content is None:
        if is_default:
            yield unreadable(f"{path} cannot be read in {source.name}", path).obstacle
        return
    if not is_default and b"\nscript_location" not in content:
        return
    ini = AlembicIni(content, path, source.settings.top)
    table = _table_beside(path, source)
    for section in _sections(ini, table) if is_default else ini.sections():
        try:
            yield _ini_options(ini, section, table)
        except ConfigurationError as error:
            yield error.obstacle


def _sections(ini: AlembicIni, table: AlembicTable | None) -> list[str]:
    """Return the sections of an alembic.ini, [alembic] among them where Alembic run without `--name` would work."""
    found = ini.sections()
    fills = table is not None and table.script_location is not None
    if DEFAULT_SECTION not in found and (fills or (not found and (table or ini.has_section(DEFAULT_SECTION)))):
        found.append(DEFAULT_SECTION)
    if not found:
        raise unreadable(f"{ini.path} has no [alembic] section", ini.path)
    return found


def _table(path: str, source: Source) -> AlembicTable | None:
    content = source.contents.get(path)
    if content is None or not pyproject.mentions(content, "alembic"):
        return None
    return pyproject.alembic_table(content, path, source.settings.top)


def _table_beside(path: str, source: Source) -> AlembicTable | None:
    """Return the [tool.alembic] table that fills what an ini does not say: Alembic reads both (CommandLine.main)."""
    return _table(join(folder_of(path), PYPROJECT), source)


def _toml_environment(path: str, source: Source) -> Iterator[Options | Obstacle]:
    table = _table(path, source)
    if table and join(folder_of(path), ALEMBIC_INI) not in source.listing.paths:
        yield _table_options(table)


def _table_options(table: AlembicTable) -> Options:
    return Options(
        table.path,
        toml=table.path,
        script_location=table.script_location,
        version_locations=table.version_locations,
        prepend_sys_path=table.prepend_sys_path,
        recursive=table.recursive,
        line=table.line,
    )


def _ini_options(ini: AlembicIni, section: str, table: AlembicTable | None) -> Options:
    """Merge an ini section with the table beside it: what the ini says counts (Config.get_alembic_option)."""
    filling = _table_options(table) if table else Options(ini.path)
    recursive = ini.get(section, "recursive_version_locations")
    options = filling._replace(
        ini=ini.path,
        section=section,
        version_locations=ini.version_locations(section) or filling.version_locations,
        prepend_sys_path=ini.prepend_sys_path(section) or filling.prepend_sys_path,
        recursive=filling.recursive if recursive is None else recursive == "true",
    )
    location = ini.get(section, "script_location")
    if not location and options.script_location:
        return options
    line = ini.line(section, "script_location")
    return options._replace(config_path=ini.path, script_location=location or None, line=line)

"""Finding the migration environments of a tree from its listing and its few configs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.config.environment import Environment
from dbsync.config.options import ConfigurationError, Options, folder_of
from dbsync.config.script_location import OUTSIDE, join, locate, relative_to_top
from dbsync.config.sources import Source, read_options, read_sources
from dbsync.errors import Obstacle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbsync.config.settings import Settings
    from dbsync.git.objects import Tree

FIXTURES = frozenset({"fixtures", "test", "testing", "tests"})


def discover(tree: Tree, settings: Settings) -> tuple[list[Environment], list[Obstacle]]:
    """Find every migration environment of a tree: see `dbsync.config.environment.discover`."""
    source = read_sources(tree, settings)
    options = list(read_options(source))
    outcomes = _resolve(options, source)
    environments = [outcome for outcome in outcomes if isinstance(outcome, Environment)]
    deployed = {one.config_path for one in options if isinstance(one, Options) and _leaves(one, source)}
    found = [outcome for outcome in outcomes if isinstance(outcome, Obstacle) and not _is_fixture(outcome.path or "")]
    found = [obstacle for obstacle in found if not environments or obstacle.path not in deployed]
    obstacles = list(dict.fromkeys((*settings.obstacles, *found)))
    if not environments and not obstacles:
        obstacles.append(_none_found(source))
    return environments, obstacles


def _resolve(results: Iterable[Options | Obstacle], source: Source) -> list[Environment | Obstacle]:
    """Resolve those that name a script directory first: what is left belongs to those that do not."""
    outcomes: list[Environment | Obstacle] = []
    silent: list[Options] = []
    for result in results:
        if isinstance(result, Options) and result.script_location is None:
            silent.append(result)
        else:
            outcomes.append(_environment(result, source))
    named = {outcome.script_location for outcome in outcomes if isinstance(outcome, Environment)}
    outcomes.extend(_environment(_with_script(options, named, source), source) for options in silent)
    return outcomes


def _is_fixture(path: str) -> bool:
    """Say whether a config is a test's: what does not resolve there is meant not to, or is completed by the test."""
    return not FIXTURES.isdisjoint(path.split("/")[:-1])


def _leaves(options: Options, source: Source) -> bool:
    """Say whether a config that nobody declared is for where the application is deployed, not for this repository."""
    declared = {one.config for one in source.settings.environments}
    place = options.script_location or ""
    outside = place.startswith("/") and relative_to_top(place, source.settings.top) is OUTSIDE
    return outside and options.config_path not in declared


def _environment(options: Options | Obstacle, source: Source) -> Environment | Obstacle:
    if isinstance(options, Obstacle):
        return options
    try:
        place = locate(options, source.listing)
    except ConfigurationError as error:
        return error.obstacle
    flask_migrate = _is_flask_migrate(options, place.script_location, source)
    if flask_migrate and options.directory is None:
        place = place._replace(directory=_above_packages(place.script_location, source))
    return Environment(
        name=options.name,
        config_path=options.config_path,
        ini=options.ini,
        toml=options.toml,
        section=options.section,
        directory=place.directory,
        script_location=place.script_location,
        version_locations=place.version_locations,
        recursive=options.recursive,
        flask_migrate=flask_migrate,
    )


def _is_flask_migrate(options: Options, script: str, source: Source) -> bool:
    """Say whether Flask-Migrate made this: its ini lies beside env.py, which asks Flask for the application."""
    if options.ini is None or folder_of(options.ini) != script:
        return False
    content = source.contents.get(join(script, "env.py"), b"")
    return b"current_app" in content and b"flask" in content


def _above_packages(script: str, source: Source) -> str:
    """Return where `flask db` is run: the nearest folder above the script directory that is not inside a package."""
    folder = folder_of(script)
    while folder and join(folder, "__init__.py") in source.listing.paths:
        folder = folder_of(folder)
    return folder


def _with_script(options: Options, named: set[str], source: Source) -> Options | Obstacle:
    """Name the script directory of a config that does not: the code that runs Alembic sets it.

    Flask-Migrate's is the config's own folder (flask_migrate.Migrate.get_config). Else it is the only one below the
    config that no other config names.
    """
    folder, top = folder_of(options.config_path), source.settings.top
    if options.ini == options.config_path and source.listing.has_script(folder):
        directory = _above_packages(folder, source) if options.directory is None else options.directory
        return options._replace(script_location=join(top, folder), directory=directory)
    inside = f"{folder}/" if folder else ""
    below = [script for script in source.listing.script_directories() if f"{script}/".startswith(inside)]
    found = [script for script in below if script not in named]
    if len(found) == 1:
        return options._replace(script_location=join(top, found[0]))
    if found:
        message = f"{options.config_path} names no script_location, and it could be {' or '.join(found[:3])}"
        return Obstacle("DBS113", message, _declare(options.config_path, found[0]), options.config_path)
    message = f"{options.config_path} names no script_location, and no folder below it has an env.py"
    return Obstacle("DBS111", message, _declare(options.config_path, "…"), options.config_path)


def _none_found(source: Source) -> Obstacle:
    message = f"no Alembic configuration in {source.name}: no alembic.ini, no [tool.alembic] in a pyproject.toml"
    scripts = source.listing.script_directories()
    return Obstacle("DBS112", message, _declare("", scripts[0]) if scripts else "alembic init migrations")


def _declare(config: str, script: str) -> str:
    key = f'config = "{config}", ' if config else ""
    return f'add to [tool.dbsync] of pyproject.toml: environments = [{{{key}script_location = "{script}"}}]'

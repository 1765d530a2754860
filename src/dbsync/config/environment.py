"""What a migration environment is. Light, so that a cached answer is read without any parser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dbsync.config.settings import Settings
    from dbsync.errors import Obstacle
    from dbsync.git.objects import Tree


class Environment(NamedTuple):
    """One Alembic migration environment as a tree describes it. Paths are relative to the top, "/" between, "" the top.

    `name` is the config's path, with "#section" where the section is not "alembic"; where there is no config at all
    (a script directory named by `[tool.dbsync]` alone) it is the script directory and `config_path` is "".
    `ini` and `toml` are what Alembic is given, `directory` where it is run: relative names start there.
    """

    name: str
    config_path: str
    ini: str | None
    toml: str | None
    section: str
    directory: str
    script_location: str
    version_locations: tuple[str, ...]
    recursive: bool = False
    flask_migrate: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return what `from_json` reads, made of what JSON knows."""
        return {**self._asdict(), "version_locations": list(self.version_locations)}

    def as_typed(self, hint: str) -> str:
        """Return a hint with the commands that are typed here: Flask-Migrate's are Alembic's under `flask db`."""
        if not self.flask_migrate:
            return hint
        written = hint.replace("`alembic revision --autogenerate", "`flask db migrate")
        return written.replace("`alembic ", "`flask db ").replace("`alembic`", "`flask db`")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Environment:
        """Build the environment that `as_json` wrote."""
        return cls(**{**values, "version_locations": tuple(values["version_locations"])})


def discover(tree: Tree, settings: Settings) -> tuple[list[Environment], list[Obstacle]]:
    """Find every migration environment of a tree.

    Never raises for what the tree holds: a configuration that cannot be read or resolved is an obstacle (DBS110 to
    DBS113) with its file and line. One listing and one batch of reads, whatever the size of the tree.
    """
    from dbsync.config import discovery  # configparser and re stay out of what only reads a cached answer

    return discovery.discover(tree, settings)

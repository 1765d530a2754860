"""What a config says of one environment, before any name in it is resolved."""

from __future__ import annotations

import os
from typing import NamedTuple

from dbsync.errors import Obstacle

SEPARATORS = {"space": " ", "newline": "\n", "os": os.pathsep, ":": ":", ";": ";"}
DEFAULT_SECTION = "alembic"


class ConfigurationError(Exception):
    """A config that cannot be read or resolved; holds the obstacle that says why."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.message)
        self.obstacle = obstacle


class Options(NamedTuple):
    """The options of one environment, interpolated and split as Alembic does. `directory` only where it is declared."""

    config_path: str
    ini: str | None = None
    toml: str | None = None
    section: str = DEFAULT_SECTION
    script_location: str | None = None
    version_locations: tuple[str, ...] = ()
    prepend_sys_path: tuple[str, ...] = ()
    recursive: bool = False
    directory: str | None = None
    line: int | None = None

    @property
    def name(self) -> str:
        """The environment's name: the config's path, "#section" added when that is not "alembic"."""
        if not self.config_path:
            return self.script_location or ""
        return self.config_path if self.section == DEFAULT_SECTION else f"{self.config_path}#{self.section}"


def unreadable(message: str, path: str, line: int | None = None, hint: str = "") -> ConfigurationError:
    """Return the DBS110 error for a config."""
    return ConfigurationError(Obstacle("DBS110", message, hint, path, line))


def folder_of(path: str) -> str:
    """Return the folder a file of the tree lies in, "" for the top."""
    return path.rpartition("/")[0]


def here_of(path: str, top: str) -> str:
    """Return what `%(here)s` stands for in a config: its folder, absolute."""
    folder = folder_of(path)
    return f"{top}/{folder}" if folder else top


def split_on(value: str, separator: str) -> tuple[str, ...]:
    """Split a list of paths at a configured separator (a key of SEPARATORS).

    A part of blanks only would be the working directory to Alembic, which never is meant.
    """
    return tuple(part.strip() for part in value.split(SEPARATORS[separator]) if part.strip())


def line_of(text: str, section: str, option: str) -> int | None:
    """Return the line an option of a section stands on, in an ini or a TOML file: for messages, so without a parser."""
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("["):
            inside = line.startswith(f"[{section}]")
        elif inside and line.partition("=")[0].partition(":")[0].strip().lower() == option:
            return number
    return None

"""Ini files as Alembic reads them (alembic.config.Config.file_config): no inline comments, `%(here)s`."""

from __future__ import annotations

import configparser
import re

from dbsync.config.options import (
    DEFAULT_SECTION,
    SEPARATORS,
    ConfigurationError,
    here_of,
    line_of,
    split_on,
    unreadable,
)
from dbsync.errors import Obstacle

LOCATION = "script_location"

# How Alembic splits where no separator is configured (alembic.config.Config, "legacy behaviour").
LEGACY_LOCATIONS = re.compile(r", *|(?: +)")
LEGACY_SYS_PATH = re.compile(r", *|(?: +)|\:")


class AlembicIni:
    """One parsed ini file. Values are interpolated; what cannot be is a `ConfigurationError` with its line."""

    def __init__(self, content: bytes, path: str, top: str) -> None:
        self.path = path
        # Alembic decodes by locale; only the options matter here, and a comment must not decide.
        self.text = content.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
        self._parser = configparser.ConfigParser({"here": here_of(path, top).replace("%", "%%")})
        try:
            self._parser.read_string(self.text, path)
        except configparser.Error as error:
            raise unreadable(f"{path} cannot be read: {_reason(error)}", path, _line(error)) from error

    def sections(self) -> list[str]:
        """Return the sections that are environments: those with a script_location of their own.

        One set in [DEFAULT] is every section's: it counts for [alembic], or for those with version_locations.
        """
        if LOCATION not in self._parser.defaults():
            return [name for name in self._parser.sections() if self._parser.has_option(name, LOCATION)]
        plain = configparser.RawConfigParser(default_section="")
        plain.read_string(self.text, self.path)
        own = [name for name in self._parser.sections() if _is_environment(plain, name)]
        return own or [name for name in self._parser.sections() if plain.has_option(name, "sqlalchemy.url")]

    def has_section(self, section: str) -> bool:
        """Say whether the file has this section."""
        return self._parser.has_section(section)

    def has(self, section: str, option: str) -> bool:
        """Say whether a section has an option, its own or from [DEFAULT]."""
        return self._parser.has_option(section, option)

    def get(self, section: str, option: str) -> str | None:
        """Return an option's value, None where it is not set.

        A reference to a name that the file does not define is a value given when Alembic is run: DBS113.
        """
        try:
            return self._parser.get(section, option, fallback=None)
        except configparser.InterpolationMissingOptionError as error:
            message = f"{option} in {self.path} refers to %({error.reference})s, which the file does not define"
            hint = "name the environment in [tool.dbsync] of pyproject.toml"
            line = self.line(section, option)
            raise ConfigurationError(Obstacle("DBS113", message, hint, self.path, line)) from error
        except configparser.InterpolationError as error:
            message = f"{option} in {self.path} cannot be read: {_reason(error)}"
            raise unreadable(message, self.path, self.line(section, option)) from error

    def line(self, section: str, option: str) -> int | None:
        """Return the line that an option stands on."""
        return line_of(self.text, section, option) or line_of(self.text, "DEFAULT", option)

    def version_locations(self, section: str) -> tuple[str, ...]:
        """Return version_locations, split (Config.get_version_locations_list); () where the file has none."""
        value = self.get(section, "version_locations")
        if not value:
            return ()
        separator = self._separator(section, "path_separator", "version_path_separator")
        return split_on(value, separator) if separator else _split_legacy(value, LEGACY_LOCATIONS)

    def prepend_sys_path(self, section: str) -> tuple[str, ...]:
        """Return prepend_sys_path, split (Config.get_prepend_sys_paths_list); () where the file has none."""
        value = self.get(section, "prepend_sys_path")
        if not value:
            return ()
        separator = self._separator(section, "path_separator")
        return split_on(value, separator) if separator else _split_legacy(value, LEGACY_SYS_PATH)

    def _separator(self, section: str, *options: str) -> str | None:
        for option in options:
            value = self.get(section, option)
            if value is None:
                continue
            if value in SEPARATORS:
                return value
            message = f"{option} in {self.path} is {value!r}: Alembic takes {', '.join(SEPARATORS)}"
            hint = "put the comment on a line of its own" if "#" in value or ";" in value[1:] else ""
            raise unreadable(message, self.path, self.line(section, option), hint)
        return None


def _split_legacy(value: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    return tuple(part for part in pattern.split(value) if part.strip())


def _is_environment(plain: configparser.RawConfigParser, section: str) -> bool:
    own = (LOCATION, "version_locations")
    return section == DEFAULT_SECTION or any(plain.has_option(section, option) for option in own)


def _line(error: configparser.Error) -> int | None:
    if isinstance(error, configparser.ParsingError) and not isinstance(error, configparser.MissingSectionHeaderError):
        return error.errors[0][0]
    line: int | None = getattr(error, "lineno", None)
    return line


def _reason(error: configparser.Error) -> str:
    if isinstance(error, configparser.MissingSectionHeaderError):
        return "there is no [section] before the first option"
    if isinstance(error, configparser.DuplicateSectionError):
        return f"section [{error.section}] is there twice"
    if isinstance(error, configparser.DuplicateOptionError):
        return f"option {error.option} is there twice in [{error.section}]"
    if isinstance(error, configparser.ParsingError):
        return "a line is neither a section nor an option"
    return error.message.split("\n", 1)[0]

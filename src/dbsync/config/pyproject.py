"""`[tool.alembic]` (Alembic 1.16 and later) and `[tool.dbsync]` in pyproject.toml."""

from __future__ import annotations

from typing import Any, NamedTuple

from dbsync.config.options import ConfigurationError, here_of, line_of, unreadable
from dbsync.errors import Obstacle


class AlembicTable(NamedTuple):
    """What `[tool.alembic]` says, with `%(here)s` filled in."""

    path: str
    script_location: str | None
    version_locations: tuple[str, ...]
    prepend_sys_path: tuple[str, ...]
    recursive: bool
    line: int | None


def mentions(content: bytes, tool: str) -> bool:
    """Say whether a pyproject.toml can have a `[tool.<tool>]` table, without parsing it: most have none."""
    name = tool.encode()
    if name not in content:
        return False
    bare = content.translate(None, b" \t\"'")
    return b"tool." + name in bare or b"[tool]" in bare


def tool_table(content: bytes, path: str, tool: str) -> dict[str, Any] | None:
    """Return the `[tool.<tool>]` table of a pyproject.toml, None where it has none. Raises DBS110."""
    table = _parse(content, path).get("tool", {})
    found = table.get(tool) if isinstance(table, dict) else None
    if found is not None and not isinstance(found, dict):
        raise unreadable(f"tool.{tool} in {path} is not a table", path)
    return found


def alembic_table(content: bytes, path: str, top: str) -> AlembicTable | None:
    """Return what `[tool.alembic]` says, None where it is not there. Raises DBS110, DBS113."""
    table = tool_table(content, path, "alembic")
    if table is None:
        return None
    reader = _Reader(table, content.decode("utf-8"), path, top)
    return AlembicTable(
        path,
        reader.string("script_location"),
        reader.strings("version_locations"),
        reader.strings("prepend_sys_path"),
        reader.boolean("recursive_version_locations"),
        reader.line("script_location"),
    )


class _Reader:
    """Reads options as alembic.config.Config._get_toml_config_value does: `value % {"here": ...}`."""

    def __init__(self, table: dict[str, Any], text: str, path: str, top: str) -> None:
        self._table = table
        self._text = text
        self._path = path
        self._arguments = {"here": here_of(path, top)}

    def line(self, option: str) -> int | None:
        return line_of(self._text, "tool.alembic", option)

    def string(self, option: str) -> str | None:
        value = self._table.get(option)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._wrong(option, "a string")
        return self._filled(option, value)

    def strings(self, option: str) -> tuple[str, ...]:
        values = self._table.get(option, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise self._wrong(option, "a list of strings")
        return tuple(self._filled(option, value) for value in values)

    def boolean(self, option: str) -> bool:
        value = self._table.get(option, False)
        if not isinstance(value, bool):
            raise self._wrong(option, "true or false")
        return value

    def _filled(self, option: str, value: str) -> str:
        try:
            return value % self._arguments
        except KeyError as error:
            message = f"{option} in {self._path} refers to %({error.args[0]})s, which is not defined there"
            hint = "name the environment in [tool.dbsync] of pyproject.toml"
            raise ConfigurationError(Obstacle("DBS113", message, hint, self._path, self.line(option))) from error
        except (TypeError, ValueError) as error:
            message = f"{option} in {self._path} has a % that is neither %(here)s nor %%"
            raise unreadable(message, self._path, self.line(option)) from error

    def _wrong(self, option: str, expected: str) -> ConfigurationError:
        return unreadable(f"{option} in {self._path} is not {expected}", self._path, self.line(option))


def _parse(content: bytes, path: str) -> dict[str, Any]:
    import tomllib  # most trees have no table of ours, and it costs 10 ms

    try:
        return tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise unreadable(f"{path} is not UTF-8", path, content.count(b"\n", 0, error.start) + 1) from error
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).partition(" (at ")
        line = place.removeprefix("line ").partition(",")[0]
        raise unreadable(f"{path} cannot be read: {reason}", path, int(line) if line.isdecimal() else None) from error
    except RecursionError as error:
        raise unreadable(f"{path} cannot be read: nested too deeply", path) from error

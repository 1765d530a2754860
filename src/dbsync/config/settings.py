"""Settings: a person's own in `git config dbsync.*`, the project's in the tracked `[tool.dbsync]` of pyproject.toml.

What names a program, widens the guard or relaxes trust counts from git config alone, which nobody can push: in a
tracked file it is a proposal that `dbsync init` shows. A baseline that is a file of the repository is none of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.config import pyproject
from dbsync.config.options import ConfigurationError
from dbsync.errors import EXIT_USAGE, DbsyncError, Obstacle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dbsync.git.objects import Tree
    from dbsync.git.repository import Repository

PROJECT_FILE = "pyproject.toml"
AUTO = ("always", "ordinary", "never")
TRUST = ("branches", "default-branch", "always")
UNJUDGED = ("warn", "stop")
UNDO_CLONE = ("auto", "always", "never")
DATA = ("carry", "per-branch")
TRUE = frozenset({"", "true", "yes", "on", "1"})  # "" is a key without a value: git-config(1)
FALSE = frozenset({"false", "no", "off", "0"})
PROPOSED = ("allowHost", "baseline", "interpreter", "runner", "seed", "shadowUrl", "trust")


class Declared(NamedTuple):
    """An environment named by `[tool.dbsync] environments`, because finding it fails. None: as found."""

    config: str | None = None
    section: str | None = None
    script_location: str | None = None
    directory: str | None = None


class Settings(NamedTuple):
    """What is set, defaults filled in.

    `top` is the work tree's root: absolute paths in a tree's configs are read against it. `interpreters`, `runners`
    and `baselines` hold those of single environments by name. `heads` is how many revision heads are wanted, `ignore`
    the codes of findings that are not, `unjudged` what becomes of a commit whose drift cannot be judged, `shadow_url`
    a server for that, `check_timeout` for how many seconds git waits for it (0: as long as it takes). `shelf_keep` is
    for how many days rows that returned stay on the shelf as well, `undo_size` up to how many megabytes an SQLite file
    is copied, or a database on PostgreSQL cloned, before a move, `undo_clone` before which moves it is cloned. `data`
    says whether rows go along from branch to branch or each has its own, `branch_size` how many megabytes those may
    take. `proposals` are keys of the tracked table that do not count until accepted. `obstacles` says why the tracked
    table could not be read.
    """

    top: str
    enabled: bool = True
    auto: str = "ordinary"
    quiet: bool = False
    bisect: bool = False
    trust: str = "branches"
    allow_host: tuple[str, ...] = ()
    interpreter: str | None = None
    runner: str | None = None
    baseline: str | None = None
    seed: str | None = None
    baselines: Mapping[str, str] = {}
    interpreters: Mapping[str, str] = {}
    runners: Mapping[str, str] = {}
    environments: tuple[Declared, ...] = ()
    heads: int = 1
    ignore: tuple[str, ...] = ()
    unjudged: str = "warn"
    check_timeout: int = 120
    shadow_url: str | None = None
    shelf_keep: int = 14
    undo_size: int = 100
    undo_clone: str = "auto"
    data: str = "carry"
    branch_size: int = 5000
    exclude: tuple[str, ...] = ()
    proposals: Mapping[str, Any] = {}
    obstacles: tuple[Obstacle, ...] = ()

    def interpreter_for(self, environment: str) -> str | None:
        """Return the configured interpreter of an environment: its own (`dbsync.<name>.interpreter`) or everyone's."""
        return self.interpreters.get(environment, self.interpreter)

    def runner_for(self, environment: str) -> str | None:
        """Return the configured runner of an environment: its own (`dbsync.<name>.runner`) or everyone's."""
        return self.runners.get(environment, self.runner)

    def baseline_for(self, environment: str) -> str | None:
        """Return what makes the structure that a chain assumes: an environment's own or everyone's."""
        return self.baselines.get(environment, self.baseline)


def is_script(baseline: str) -> bool:
    """Say whether a baseline is the path of a file with SQL; anything else is a command."""
    return baseline.endswith(".sql") and not any(one.isspace() for one in baseline)


def read_settings(repository: Repository, tree: Tree) -> Settings:
    """Read what git config and a tree's root pyproject.toml say.

    Raises `DbsyncError` (exit code 2) for a value that is not allowed, with the key, where it stands and what is.
    """
    tracked, obstacles = _tracked_table(tree)
    own = _Own(repository.settings())
    project = _Project(tracked)
    return Settings(
        top=repository.top,
        enabled=_first(own.boolean("enabled"), project.boolean("enabled"), default=True),
        auto=own.choice("auto", AUTO) or project.tightened_auto() or "ordinary",
        quiet=_first(own.boolean("quiet"), project.boolean("quiet"), default=False),
        bisect=bool(own.boolean("bisect")),
        trust=own.choice("trust", TRUST) or "branches",
        allow_host=own.hosts("allowHost"),
        interpreter=own.last("interpreter"),
        runner=own.last("runner"),
        baseline=own.last("baseline") or project.baseline(),
        baselines=own.by_environment("baseline"),
        seed=own.last("seed"),
        interpreters=own.by_environment("interpreter"),
        runners=own.by_environment("runner"),
        environments=project.environments(),
        heads=project.count("heads", default=1),
        ignore=project.strings("ignore"),
        unjudged=own.choice("unjudged", UNJUDGED) or "warn",
        check_timeout=own.count("checkTimeout", default=120),
        shadow_url=own.last("shadowUrl"),
        shelf_keep=own.count("shelfKeep", default=14),
        undo_size=own.count("undoSize", default=100),
        data=own.choice("data", DATA) or project.choice("data", DATA) or "carry",
        branch_size=own.count("branchSize", default=5000),
        undo_clone=own.choice("undoClone", UNDO_CLONE) or "auto",
        exclude=project.strings("exclude"),
        proposals=project.proposals(),
        obstacles=obstacles,
    )


def _first(*values: bool | None, default: bool) -> bool:
    return next((value for value in values if value is not None), default)


def _tracked_table(tree: Tree) -> tuple[dict[str, Any], tuple[Obstacle, ...]]:
    content = tree.read(PROJECT_FILE)
    if content is None or not pyproject.mentions(content, "dbsync"):
        return {}, ()
    try:
        return pyproject.tool_table(content, PROJECT_FILE, "dbsync") or {}, ()
    except ConfigurationError as error:
        return {}, (error.obstacle,)


def _wrong(where: str, value: object, allowed: str, fix: str) -> DbsyncError:
    return DbsyncError(f"{where} is {value!r:.80}: it takes {allowed}", fix, exit_code=EXIT_USAGE)


class _Own:
    """What git config says. Git prints keys with section and variable in lower case, the subsection as it is."""

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = values

    def last(self, name: str) -> str | None:
        values = self._values.get(f"dbsync.{name.lower()}")
        return (values[-1] or None) if values else None

    def boolean(self, name: str) -> bool | None:
        values = self._values.get(f"dbsync.{name.lower()}")
        if not values:
            return None
        value = values[-1].lower()
        if value not in TRUE | FALSE:
            raise _wrong(f"git config dbsync.{name}", values[-1], "true or false", f"git config dbsync.{name} true")
        return value in TRUE

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        value = self.last(name)
        if value is None or value in allowed:
            return value
        fix = f"git config dbsync.{name} {allowed[0]}"
        raise _wrong(f"git config dbsync.{name}", value, _listed(allowed), fix)

    def count(self, name: str, *, default: int) -> int:
        value = self.last(name)
        if value is None:
            return default
        if not value.isdecimal():
            raise _wrong(
                f"git config dbsync.{name}", value, "a number from 0 on", f"git config dbsync.{name} {default}"
            )
        return int(value)

    def hosts(self, name: str) -> tuple[str, ...]:
        """Return the values since the last empty one, which starts anew as for git's own lists."""
        hosts: list[str] = []
        for value in self._values.get(f"dbsync.{name.lower()}", ()):
            if not value:
                hosts.clear()
                continue
            if any(mark in value for mark in "/@ ,"):
                fix = f"git config --add dbsync.{name} db.example.com"
                raise _wrong(f"git config dbsync.{name}", value, "one host name a value", fix)
            hosts.append(value)
        return tuple(dict.fromkeys(hosts))

    def by_environment(self, name: str) -> dict[str, str]:
        found = {}
        for key, values in self._values.items():
            environment, _, variable = key.removeprefix("dbsync.").rpartition(".")
            if environment and variable == name and values[-1]:
                found[environment] = values[-1]
        return found


class _Project:
    """What the tracked table says."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table

    def boolean(self, name: str) -> bool | None:
        value = self._table.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise self._wrong(name, value, "true or false")

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        value = self._table.get(name)
        if value is None or value in allowed:
            return value
        raise self._wrong(name, value, _listed(allowed))

    def tightened_auto(self) -> str | None:
        """Return `auto` where it asks for less than the default; "always" asks for more and is a proposal."""
        value = self._table.get("auto")
        if value is not None and value not in AUTO:
            raise self._wrong("auto", value, _listed(AUTO))
        return None if value in (None, "always") else str(value)

    def strings(self, name: str) -> tuple[str, ...]:
        value = self._table.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(name, value, "a list of strings")
        return tuple(value)

    def count(self, name: str, *, default: int) -> int:
        value = self._table.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self._wrong(name, value, "a number from 1 on")
        return value

    def environments(self) -> tuple[Declared, ...]:
        value = self._table.get("environments", [])
        if not isinstance(value, list) or not all(_is_declaration(item) for item in value):
            fields = ", ".join(Declared._fields)
            raise self._wrong("environments", value, f"a list of tables of strings, each with some of {fields}")
        return tuple(Declared(**item) for item in value)

    def baseline(self) -> str | None:
        """Return the baseline where it is a file of the repository: that names no program, as a command does."""
        value = self._table.get("baseline")
        inside = isinstance(value, str) and is_script(value) and not value.startswith(("/", "~"))
        return value if inside and ".." not in str(value).split("/") else None

    def proposals(self) -> dict[str, Any]:
        names = {name.lower(): name for name in PROPOSED}
        spelled = {key.replace("-", "").replace("_", "").lower(): value for key, value in self._table.items()}
        found = {names[key]: value for key, value in spelled.items() if key in names}
        if self.baseline():
            del found["baseline"]
        return {**found, "auto": "always"} if self._table.get("auto") == "always" else found

    def _wrong(self, name: str, value: object, allowed: str) -> DbsyncError:
        return _wrong(f"{name} in [tool.dbsync] of {PROJECT_FILE}", value, allowed, f"correct it in {PROJECT_FILE}")


def _is_declaration(item: object) -> bool:
    if not isinstance(item, dict) or not (item.get("config") or item.get("script_location")):
        return False
    return all(key in Declared._fields and isinstance(value, str) for key, value in item.items())


def _listed(allowed: tuple[str, ...]) -> str:
    return f"{', '.join(allowed[:-1])} or {allowed[-1]}"

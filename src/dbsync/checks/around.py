"""What a verdict depends on and no tree holds: the interpreter, libraries, variables, and files of this machine."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from dbsync.config.settings import is_script
from dbsync.git.staging import ignored_names
from dbsync.store.surroundings import is_code, when
from dbsync.sync.request import interpreter_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from dbsync.config.environment import Environment
    from dbsync.sync.project import Project

# Nobody asks for it: Python reads it before anything is noted.
ALWAYS = ("PYTHONPATH",)


class Around:
    """The surroundings of one environment, as they are now; what git ignores is listed once."""

    def __init__(self, project: Project, environment: Environment) -> None:
        self._project = project
        self._environment = environment
        self._ignored: list[str] | None = None

    def hashed(self, facts: dict[str, Any], tracked: Collection[str]) -> str:
        """Return a hash of all that a verdict (its `facts`) depends on; `tracked` are the files of the tree."""
        environ = self._project.environ
        variables = [(name, environ.get(name)) for name in sorted({*facts["variables"], *ALWAYS})]
        read = [(name, when(self.path(name))) for name in own_files(facts, tracked)]
        outside = [(path, when(path)) for path in facts["outside"]]
        found = (self.interpreter, variables, read, outside, self._ignored_code(facts), self._baseline(tracked))
        return hashlib.sha256(repr(found).encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def interpreter(self) -> str:
        """The path of the project's Python, or the command that reaches it: what is there is not seen from here."""
        runner = self._project.settings.runner_for(self._environment.name)
        if runner:
            return runner
        return interpreter_of(self._project, self._environment).path

    def path(self, name: str) -> str:
        """Return where a name of the tree lies in the work tree."""
        return os.path.join(self._project.repository.top, name)

    def _baseline(self, tracked: Collection[str]) -> tuple[str, object]:
        """Return what makes the baseline, and the state of a file that is in no tree."""
        value = self._project.settings.baseline_for(self._environment.name) or ""
        return value, when(self.path(value)) if is_script(value) and value not in tracked else None

    def _ignored_code(self, facts: dict[str, Any]) -> list[str]:
        """Return the ignored files that may be code or settings, in folders that were read: one may be imported."""
        if self._ignored is None:
            self._ignored = ignored_names(self._project.repository)
        folders = folders_of(facts)
        return sorted(name for name in self._ignored if is_code(name) and os.path.dirname(name) in folders)


def own_files(facts: dict[str, Any], tracked: Collection[str]) -> list[str]:
    """Return what was read that is of this machine and in no tree: settings such as .env."""
    return [name for name in facts["read"] if not name.endswith("/") and name not in tracked]


def folders_of(facts: dict[str, Any]) -> set[str]:
    """Return the folders whose files may be found by an import or a settings library, the top among them."""
    inside = {name.rstrip("/") if name.endswith("/") else os.path.dirname(name) for name in facts["read"]}
    return {"", *inside}

"""What can go wrong, as values and as one exception.

An obstacle is why there is no plan: it is returned, never raised. `DbsyncError` is what ends a command early.
"""

from __future__ import annotations

from typing import Any, NamedTuple

EXIT_OK = 0
EXIT_FINDING = 1
EXIT_USAGE = 2
EXIT_LOCKED = 3
EXIT_BUG = 4
EXIT_INTERRUPTED = 130


class Obstacle(NamedTuple):
    """Why the database cannot be moved, in a form that text, JSON and tests share.

    `code` is stable ("DBS105"), `message` one sentence, `hint` the next command to type, `path` is relative to the
    repository and `line` counts from one.
    """

    code: str
    message: str
    hint: str = ""
    path: str | None = None
    line: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the object that `status --json` and `heads --json` show for this obstacle."""
        return dict(zip(self._fields, self))


class DbsyncError(Exception):
    """A command cannot go on: one sentence, the next command to type, and the exit code that says so."""

    def __init__(self, message: str, hint: str = "", *, code: str = "", exit_code: int = EXIT_FINDING) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.exit_code = exit_code

    @property
    def obstacle(self) -> Obstacle:
        """The same as a value, for reports that list several."""
        return Obstacle(self.code, self.message, self.hint)

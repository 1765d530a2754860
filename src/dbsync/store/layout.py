"""Where everything lies below the state folder, and making it."""

from __future__ import annotations

import os

README = """\
This folder is dbsync's: what it knows of the databases that follow this repository. Nothing here is shared with
anyone; nothing here holds a password.

databases/   one SQLite file a database: its ledger (what was applied, with sources) and its operations
kept/        copies of rows or whole databases, made before something was dropped
copies/      copies of SQLite databases, made before they were moved: `dbsync undo`
dumps/       copies of MySQL and MariaDB databases, for as long as they are being moved: `dbsync repair`
snapshots/   copies that were given a name: `dbsync snapshot`
branches/    rows of git branches that are not checked out, where each has its own
shelf/       one SQLite file for what each downgrade took away: `dbsync shelf`
hooks/       the hook scripts that run, and the interpreter they start
cache/       parsed revisions; may be deleted at any time
trees/       files of what was judged before a commit; may be deleted at any time
shadows/     scratch databases that hold revisions and no rows; may be deleted at any time
verdicts/    what judging found, and what it depended on; may be deleted at any time
trust.json   which commits were trusted at `dbsync init`, and which were added by `dbsync trust`

`dbsync uninstall` takes the hooks out and leaves this folder; `dbsync uninstall --purge` removes it.
"""


class Layout:
    """The paths below a state folder, which is created (owner-only) when something is about to be written."""

    def __init__(self, state_dir: str) -> None:
        self.root = state_dir

    def path(self, *parts: str) -> str:
        """Return a path below the state folder."""
        return os.path.join(self.root, *parts)

    def folder(self, *parts: str) -> str:
        """Return a folder below the state folder, made if need be."""
        path = self.path(*parts)
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        os.makedirs(path, mode=0o700, exist_ok=True)
        readme = self.path("README")
        if not os.path.exists(readme):
            write_private(readme, README)
        return path

    @property
    def initialised(self) -> bool:
        """Whether `dbsync init` was run here."""
        return os.path.isdir(self.path("databases"))


def write_private(path: str, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    temporary = f"{path}.{os.getpid()}.new"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    os.replace(temporary, path)

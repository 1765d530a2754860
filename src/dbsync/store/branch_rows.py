"""What each git branch left when another one was checked out: where its rows are kept, and what was applied to them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from dbsync.store.layout import write_private
from dbsync.store.snapshots import entry_as_json, entry_of_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.ledger.entry import Entry
    from dbsync.store.layout import Layout

FOLDER = "branches"
# The git branch whose rows are in the live database, in its ledger.
LIVE = "branch"


class Applied(NamedTuple):
    """One version table: how it was seen last, as the ledger has it, and what was applied."""

    seen: dict[str, Any]
    entries: list[Entry]


class BranchRows(NamedTuple):
    """The rows of one git branch in one database: the `place` is a file, or a database on the server."""

    branch: str
    place: str
    size: int
    at: str
    tracks: dict[str, Applied]


class Branches:
    """What is kept for the git branches of one database, given by the stem of its ledger's name."""

    def __init__(self, layout: Layout, stem: str) -> None:
        self._layout = layout
        self._stem = stem

    def new_file(self, branch: str) -> str:
        """Return a path for a branch's rows where nothing lies."""
        folder = self._layout.folder(FOLDER, self._stem)
        return os.path.join(folder, f"{_name(branch)}-{os.urandom(4).hex()}.sqlite")

    def write(self, rows: BranchRows) -> None:
        """Write down what is kept for a branch, in the place of what was before."""
        tracks = {name: [one.seen, list(map(entry_as_json, one.entries))] for name, one in rows.tracks.items()}
        self._layout.folder(FOLDER, self._stem)
        write_private(self._path(rows.branch), json.dumps({**rows._asdict(), "tracks": tracks, "format": 1}))

    def rows(self, branch: str) -> BranchRows | None:
        """Return what is kept for a branch, None where nothing is."""
        return self._read(self._path(branch))

    def all(self) -> Iterator[BranchRows]:
        """Yield all that is kept, in the order of files' names."""
        folder = self._layout.path(FOLDER, self._stem)
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            found = self._read(os.path.join(folder, name)) if name.endswith(".json") else None
            if found is not None:
                yield found

    def forget(self, branch: str) -> None:
        """Know no more what is kept for a branch."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(branch))

    def remove_unknown(self) -> None:
        """Remove files that nothing is known of: a kill left them."""
        known = {one.place for one in self.all()}
        folder = self._layout.path(FOLDER, self._stem)
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            path = os.path.join(folder, name)
            if not name.endswith(".json") and path not in known:
                os.unlink(path)

    def _path(self, branch: str) -> str:
        return self._layout.path(FOLDER, self._stem, f"{_name(branch)}.json")

    @staticmethod
    def _read(path: str) -> BranchRows | None:
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                facts = json.load(file)
        except FileNotFoundError:
            return None
        tracks = {
            name: Applied(seen, list(map(entry_of_json, entries))) for name, (seen, entries) in facts["tracks"].items()
        }
        return BranchRows(facts["branch"], facts["place"], facts["size"], facts["at"], tracks)


def _name(branch: str) -> str:
    return hashlib.sha256(os.fsencode(branch)).hexdigest()[:16]

"""Revisions that were verified and found good: they are not run again while nothing that they hang on changed."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from dbsync.store.layout import write_private
from dbsync.sync.baseline import baseline_identity
from dbsync.sync.watched import unchanged, watched_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbsync.checks.judged import Judged

KEPT = 2000
FORMAT = 1


class Verified:
    """The good revisions of one environment, newest first, at most `KEPT`.

    A revision is known by its content, that of all it builds on, env.py and the configuration; and which database it
    was is known by the variables that env.py asked for and the files of this machine that it read.
    """

    def __init__(self, judged: Judged) -> None:
        self._judged = judged
        self._top = judged.project.repository.top
        name = hashlib.sha256(judged.environment.name.encode()).hexdigest()[:16]
        self._path = judged.project.layout.path("verified", f"{name}.json")
        self._records = self._read()
        self._around = self._configuration()

    def knows(self, one: str) -> bool:
        """Say whether a revision was found good as it is here."""
        key = self._key(one)
        return any(key in keys and self._holds(around) for around, keys in self._records)

    def remember(self, ids: Iterable[str], last: dict[str, Any]) -> None:
        """Keep the revisions that were found good, with what the worker says of its surroundings."""
        keys = [self._key(one) for one in ids]
        if not keys:
            return
        tracked = {entry.path for entry in self._judged.tree.list()}
        own = [name for name in last["read"] if not name.endswith("/") and name not in tracked]
        around = {
            "variables": last["variables"],
            "watched": watched_files(self._top, self._judged.environment),
            "files": {name: self._when(name) for name in own},
        }
        same = [key for one, known in self._records if one == around for key in known]
        others = [record for record in self._records if record[0] != around]
        records = _bounded([[around, [*dict.fromkeys([*keys, *same])]], *others])
        self._judged.project.layout.folder("verified")
        write_private(self._path, json.dumps({"format": FORMAT, "records": records}))

    def _read(self) -> list[list[Any]]:
        try:
            with open(self._path, encoding="utf-8") as file:
                content = json.load(file)
        except (OSError, ValueError):
            return []
        found: list[list[Any]] = content["records"] if content.get("format") == FORMAT else []
        return found

    def _holds(self, around: dict[str, dict[str, Any]]) -> bool:
        environment, environ = self._judged.environment, self._judged.project.environ
        same = all(self._when(name) == when for name, when in around["files"].items())
        return same and unchanged(self._top, environment, around, environ)

    def _configuration(self) -> str:
        """Return the ids of env.py and the files that configure Alembic, as the tree has them."""
        judged = self._judged
        environment = judged.project.environment_in(judged.environment, judged.tree)
        names = {environment.ini, environment.toml, f"{environment.script_location}/env.py"}
        ids = {entry.path: entry.oid for entry in judged.tree.list() if entry.path in names}
        return repr((sorted(ids.items()), baseline_identity(judged.project, environment, judged.tree)))

    def _key(self, one: str) -> str:
        graph = self._judged.graph.map
        blobs = sorted((each, graph.revisions[each].oid) for each in {one, *graph.ancestors([one])})
        return hashlib.sha256(repr((one, blobs, self._around)).encode()).hexdigest()[:32]

    def _when(self, name: str) -> int:
        try:
            return os.stat(os.path.join(self._top, name)).st_mtime_ns
        except OSError:
            return 0


def _bounded(records: list[list[Any]]) -> list[list[Any]]:
    room, found = KEPT, []
    for around, keys in records:
        if room > 0:
            found.append([around, keys[:room]])
            room -= len(keys)
    return found

"""F17: `dbsync --version` and `--help`, against a bare interpreter."""

from __future__ import annotations

from harness import BARE, DBSYNC, compare, cpu, folder

with folder() as path:
    for option in ("--version", "--help"):
        compare(f"F17 dbsync {option}", 2.0, lambda: cpu([*DBSYNC, option], path), lambda: cpu(BARE, path))  # noqa: B023

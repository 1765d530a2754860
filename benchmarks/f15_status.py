"""F15: `dbsync status` and `dbsync ensure` with nothing to do, against `alembic current`, on SQLite."""

from __future__ import annotations

from harness import ALEMBIC, DBSYNC, SIZES, compare, cpu, folder, make_project

GOALS = {100: 0.08, 2000: 0.02, 10000: 0.001}

for size in SIZES:
    with folder() as path:
        top = make_project(path, size)
        theirs = lambda: cpu([*ALEMBIC, "current"], top)  # noqa: B023, E731 - called in this round only
        for verb in ("status", "ensure"):
            ours = lambda: cpu([*DBSYNC, verb], top)  # noqa: B023, E731
            compare(f"F15 {verb}, {size} revisions", GOALS.get(size, 0.08), ours, theirs, less_bare=True)

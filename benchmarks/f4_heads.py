"""F4 and F5: the heads at a ref, warm and cold, against `alembic heads`."""

from __future__ import annotations

import shutil

from harness import ALEMBIC, DBSYNC, SIZES, compare, cpu, folder, make_project

WARM = {100: 0.045, 2000: 0.03, 10000: 0.01}
COLD = 0.12

for size in SIZES:
    with folder() as path:
        top = make_project(path, size)
        theirs = lambda: cpu([*ALEMBIC, "heads"], top)  # noqa: B023, E731 - called in this round only
        ours = lambda: cpu([*DBSYNC, "heads", "--ref", "HEAD"], top)  # noqa: B023, E731

        def cold():
            shutil.rmtree(top / ".git/dbsync/cache", ignore_errors=True)  # noqa: B023
            return ours()  # noqa: B023

        compare(f"F4 heads, warm, {size} revisions", WARM.get(size, 0.045), ours, theirs, less_bare=True)
        compare(f"F5 heads, cold, {size} revisions", COLD, cold, theirs, less_bare=True)

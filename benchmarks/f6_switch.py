"""F6: a whole switch, 3 revisions down and 3 up on SQLite, against two Alembic runs and a checkout by hand."""

from __future__ import annotations

import itertools
import shutil

from harness import ALEMBIC, SIZES, add_branch, compare, cpu, folder, git, make_project

GOALS = {100: 0.45, 2000: 0.27, 10000: 0.09}


for size in SIZES:
    with folder() as path:
        top = make_project(path, size)
        base = f"r{size - 1:06d}"
        git(top, "config", "dbsync.enabled", "false")
        add_branch(top, "a", size, "a")
        add_branch(top, "b", size, "b")
        git(top, "config", "dbsync.enabled", "true")
        plain = path / "plain"
        shutil.copytree(top, plain)
        git(plain, "config", "core.hooksPath", "/dev/null")
        git(top, "switch", "--quiet", "a")
        git(plain, "switch", "--quiet", "a")
        cpu([*ALEMBIC, "upgrade", "head"], plain)
        turns = {top: itertools.cycle("ba"), plain: itertools.cycle("ba")}

        def ours():
            return cpu(["git", "switch", "--quiet", next(turns[top])], top)  # noqa: B023

        def by_hand():
            seconds = cpu([*ALEMBIC, "downgrade", base], plain)  # noqa: B023
            seconds += cpu(["git", "switch", "--quiet", next(turns[plain])], plain)  # noqa: B023
            return seconds + cpu([*ALEMBIC, "upgrade", "head"], plain)  # noqa: B023

        compare(f"F6 switch 3 + 3, SQLite, {size} revisions", GOALS.get(size, 0.45), ours, by_hand)

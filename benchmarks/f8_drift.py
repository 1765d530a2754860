"""F8: drift, exact: a module does something else when it is imported; against `alembic check`, and replay and compare."""

from __future__ import annotations

import itertools
import shutil

from harness import ALEMBIC, compare, cpu, folder
from modelled import CHECK, TABLES, change_module, make_modelled

for tables in TABLES:
    with folder() as path:
        top = make_modelled(path, tables)
        turns = itertools.count()
        cpu(CHECK, top)

        def judged_anew():
            change_module(top, 0, more=f"\nX = {next(turns)}\n")  # noqa: B023 - called in this round only
            return cpu(CHECK, top)  # noqa: B023

        def alembic_check():
            return cpu([*ALEMBIC, "check"], top)  # noqa: B023

        def replay_and_compare():
            fresh = top.parent / "fresh"  # noqa: B023
            shutil.copytree(top, fresh)  # noqa: B023
            (fresh / "dev.db").unlink()
            seconds = cpu([*ALEMBIC, "upgrade", "head"], fresh) + cpu([*ALEMBIC, "check"], fresh)
            shutil.rmtree(fresh)
            return seconds

        compare(f"F8 drift, models changed, {tables} tables", 0.60, judged_anew, alembic_check)
        compare(f"F8 the same against replay, {tables} tables", 0.35, judged_anew, replay_and_compare)

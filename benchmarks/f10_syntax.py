"""F10: drift where one module changed in what does not matter, answered from its syntax, against `alembic check`."""

from __future__ import annotations

import itertools
import time

from harness import ALEMBIC, compare, cpu, folder
from modelled import CHECK, TABLES, change_module, make_modelled

GOALS = {50: 0.08, 1000: 0.01}

for tables in TABLES:
    with folder() as path:
        top = make_modelled(path, tables)
        cpu(CHECK, top)
        time.sleep(0.1)
        cpu(CHECK, top)
        turns = itertools.count()

        def ours():
            change_module(top, 0, note=f"said {next(turns)}")  # noqa: B023 - called in this round only
            return cpu(CHECK, top)  # noqa: B023

        theirs = lambda: cpu([*ALEMBIC, "check"], top)  # noqa: B023, E731
        name = f"F10 drift, one module's methods, {tables} tables"
        compare(name, GOALS.get(tables, 0.08), ours, theirs, less_bare=True)

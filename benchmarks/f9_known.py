"""F9: drift where nothing that the models read has changed, against `alembic check`."""

from __future__ import annotations

import time

from harness import ALEMBIC, compare, cpu, folder
from modelled import CHECK, TABLES, make_modelled

GOALS = {50: 0.03, 1000: 0.002}

for tables in TABLES:
    with folder() as path:
        top = make_modelled(path, tables)
        cpu(CHECK, top)
        time.sleep(0.1)
        cpu(CHECK, top)
        ours, theirs = lambda: cpu(CHECK, top), lambda: cpu([*ALEMBIC, "check"], top)  # noqa: B023
        name = f"F9 drift, nothing changed, {tables} tables"
        compare(name, GOALS.get(tables, 0.03), ours, theirs, less_bare=True)

"""F14: the kept scratch database at a known head, against replaying the revisions (less what `alembic current` costs).

On PostgreSQL the kept one is gone on with where it stands; nothing is copied.
"""

from __future__ import annotations

import sys

from harness import ALEMBIC, BARE, compare, cpu, folder
from modelled import CHECK, TABLES, make_modelled

for tables in TABLES:
    with folder() as path:
        top = make_modelled(path, tables)
        cpu(CHECK, top)
        kept = next((top / ".git/dbsync/shadows").glob("*.sqlite"))
        copy = [sys.executable, "-c", "import shutil, sys; shutil.copyfile(*sys.argv[1:])", str(kept), f"{kept}.new"]
        loaded = [sys.executable, "-c", "import shutil, sys"]

        def ours():
            return max(cpu(copy, path) - cpu(loaded, path), 1e-4)  # noqa: B023 - called in this round only

        def replay():
            (top / "dev.db").unlink()  # noqa: B023
            return cpu([*ALEMBIC, "upgrade", "head"], top) - cpu([*ALEMBIC, "current"], top)  # noqa: B023

        cpu(BARE, path)
        compare(f"F14 shadow at a known head, SQLite, {tables} tables", 0.05, ours, replay)

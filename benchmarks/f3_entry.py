"""F3: what the pre-commit framework starts, where a module changed that is neither model nor revision, against bare Python."""

from __future__ import annotations

import itertools
import time

from harness import BARE, DBSYNC, compare, cpu, folder, git
from modelled import make_modelled

# As .pre-commit-hooks.yaml has it.
ENTRIES = (("heads",), ("drift", "danger"))

with folder() as path:
    top = make_modelled(path, 50)
    turns = itertools.count()
    for kinds in ENTRIES:
        entry = [*DBSYNC, "check", "--staged", *(word for kind in kinds for word in ("--only", kind))]
        cpu(entry, top)
        time.sleep(0.1)
        cpu(entry, top)

        def ours():
            (top / "other.py").write_text(f"X = {next(turns)}\n")
            git(top, "add", "other.py")
            return cpu(entry, top)  # noqa: B023 - called in this round only

        compare(f"F3 {' and '.join(kinds)}, no model touched", 1.5, ours, lambda: cpu(BARE, top))

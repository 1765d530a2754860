"""F3: what the pre-commit framework starts, where a module changed that is neither model nor revision, against bare Python.

The script is the one that pip writes today, as in pre-commit's environments; until pip 24 it imported `re`, which doubles it.
"""

from __future__ import annotations

import itertools
import sys
import time

from harness import BARE, compare, cpu, folder, git
from modelled import make_modelled

SCRIPT = f"""#!{sys.executable}
import sys
from dbsync.cli.main import main
if __name__ == '__main__':
    sys.argv[0] = sys.argv[0].removesuffix('.exe')
    sys.exit(main())
"""
# As .pre-commit-hooks.yaml has it.
ENTRIES = (("heads",), ("drift", "danger"))

with folder() as path:
    top = make_modelled(path, 50)
    turns = itertools.count()
    script = path / "dbsync"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    for kinds in ENTRIES:
        entry = [str(script), "check", "--staged", *(word for kind in kinds for word in ("--only", kind))]
        cpu(entry, top)
        time.sleep(0.1)
        cpu(entry, top)

        def ours():
            (top / "other.py").write_text(f"X = {next(turns)}\n")
            git(top, "add", "other.py")
            return cpu(entry, top)  # noqa: B023 - called in this round only

        compare(f"F3 {' and '.join(kinds)}, no model touched", 1.5, ours, lambda: cpu(BARE, top))

"""F2: `git commit` that touches no model and no revision, 2,000 files, against a bare commit in another checkout."""

from __future__ import annotations

import itertools
import shutil

from harness import DBSYNC, compare, cpu, folder, git
from modelled import change_module, make_modelled

FILES = 2000

with folder() as path:
    top = make_modelled(path, 50)
    (top / "src").mkdir()
    for number in range(FILES):
        (top / f"src/{number}.txt").write_text(f"{number}\n")
    git(top, "add", ".")
    git(top, "commit", "--quiet", "-m", "files")
    cpu([*DBSYNC, "init", "--yes"], top)
    change_module(top, 0, note="changed")
    git(top, "commit", "--quiet", "-m", "judged, so that it is known what is watched")
    bare = path / "bare"
    shutil.copytree(top, bare)
    turns = itertools.count(FILES)

    def commit(checkout, *options):
        def one():
            (checkout / "src/0.txt").write_text(f"{next(turns)}\n")
            git(checkout, "add", "src/0.txt")
            return cpu(["git", *options, "commit", "--quiet", "-m", "text"], checkout)

        return one

    compare("F2 commit, no model touched", 1.35, commit(top), commit(bare, "-c", "core.hooksPath=/dev/null"))

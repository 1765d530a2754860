"""F2: `git commit` that touches no model and no revision, 2,000 files, against a bare commit."""

from __future__ import annotations

import itertools

from harness import compare, cpu, folder, git, make_project

FILES = 2000

with folder() as path:
    top = make_project(path, 100)
    (top / "src").mkdir()
    for number in range(FILES):
        (top / f"src/{number}.txt").write_text(f"{number}\n")
    git(top, "add", ".")
    git(top, "commit", "--quiet", "-m", "files")
    (top / "models.py").write_text("X = 1\n")
    git(top, "add", ".")
    git(top, "commit", "--quiet", "-m", "judged, so that it is known what is watched")
    turns = itertools.count(FILES)

    def commit(*options):
        def one():
            (top / "src/0.txt").write_text(f"{next(turns)}\n")
            git(top, "add", "src/0.txt")
            return cpu(["git", *options, "commit", "--quiet", "-m", "text"], top)

        return one

    compare("F2 commit, no model touched", 1.35, commit(), commit("-c", "core.hooksPath=/dev/null"))

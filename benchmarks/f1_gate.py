"""F1: `git switch` where nothing about migrations changed, 2,000 files of which 10 differ, against a bare switch."""

from __future__ import annotations

import itertools

from harness import compare, cpu, folder, git, make_project

FILES = 2000


def commit_change(top, number):
    for file in range(10):
        (top / f"src/{file}.txt").write_text(f"{number} {file}\n")
    git(top, "commit", "--quiet", "-am", f"change {number}")


with folder() as path:
    top = make_project(path, 100)
    (top / "src").mkdir()
    for number in range(FILES):
        (top / f"src/{number}.txt").write_text(f"{number}\n")
    git(top, "add", ".")
    git(top, "commit", "--quiet", "-m", "files")
    branches = []
    for number in range(61):
        commit_change(top, number)
        git(top, "branch", f"b{number}")
        branches.append(f"b{number}")
    bare = ("-c", "core.hooksPath=/dev/null")

    def switch(names, *options):
        """Each call switches to the next branch, so that both sides always have ten files to change."""
        return lambda: cpu(["git", *options, "switch", "--quiet", next(names)], top)

    fresh, seen = itertools.cycle(branches), itertools.cycle(["b0", "b1", "b2"])
    compare("F1 switch, nothing changed", 1.35, switch(fresh), switch(fresh, *bare))
    compare("F1 switch, commits seen before", 1.12, switch(seen), switch(seen, *bare))

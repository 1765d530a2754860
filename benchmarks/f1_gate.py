"""F1: `git switch` where nothing about migrations changed, 2,000 files of which 10 differ, against a bare switch."""

from __future__ import annotations

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
    for number in range(60):
        commit_change(top, number)
        git(top, "branch", f"b{number}")
        branches.append(f"b{number}")
    seen = ["b0", "b1"]
    state = {"fresh": 0, "seen": 0, "bare": 0}

    def switch_to(names, key, *options):
        def switch():
            state[key] += 1
            return cpu(["git", *options, "switch", "--quiet", names[state[key] % len(names)]], top)

        return switch

    bare = switch_to(branches, "bare", "-c", "core.hooksPath=/dev/null")
    compare("F1 switch, nothing changed", 1.35, switch_to(branches, "fresh"), bare)
    compare("F1 switch, commits seen before", 1.12, switch_to(seen, "seen"), switch_to(seen, "bare", "-c", "core.hooksPath=/dev/null"))

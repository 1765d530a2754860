"""Compare the heads that Git objects alone give with those that a facts file holds, for every commit it names.

    python tests/corpora/check_history.py REPOSITORY FACTS.json

REPOSITORY is a clone with the commits (a bare one is enough). Of the facts are read, for each of `envs`: `states` (the
commits of the main branch at which revisions changed: `commit`, `n` revisions, `heads`), `tips` (the same of other
branches), `head`, `roots` and `match` (where revision files are) and `history` (blobs with their identifiers). This is
not one of the tests: the repositories are not here. Exits 1 where something differs or a commit is not there.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections import Counter
from time import perf_counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src"))

from dbsync.errors import Obstacle
from dbsync.git.objects import CommitTree, read_blobs
from dbsync.git.repository import Repository
from dbsync.process import run
from dbsync.revisions.parse import parse
from dbsync.revisions.revision import Revision
from dbsync.revisions.revision_map import RevisionMap


def work_tree_of(path, folder):
    """Return a repository with the objects of another one, bare or not, which stays as it is."""
    run(["git", "init", "-q", folder], cwd=".", env=os.environ)
    run(["git", "-C", folder, "config", "gc.auto", "0"], cwd=".", env=os.environ)
    bare = os.path.isdir(os.path.join(path, "objects"))
    objects = os.path.join(os.path.realpath(path), *([] if bare else [".git"]), "objects")
    with open(os.path.join(folder, ".git", "objects", "info", "alternates"), "w", encoding="utf-8") as file:
        file.write(objects + "\n")
    return Repository.discover(folder, os.environ)


def read(repository, commit, environment):
    """Return the graph of a commit's revision files, and what could not be read of them."""
    match, tree = re.compile(environment["match"]), CommitTree(repository, commit)
    entries = [entry for root in environment["roots"] for entry in tree.list(root) if match.search(entry.path)]
    answers = [
        parse(content or b"\0", entry.path, entry.oid)
        for entry, content in zip(entries, read_blobs(repository, [entry.oid for entry in entries]), strict=True)
        if not entry.path.endswith("/__init__.py")
    ]
    graph = RevisionMap(one for one in answers if isinstance(one, Revision))
    return graph, [*graph.obstacles, *(one for one in answers if isinstance(one, Obstacle))]


def on_main(repository, head):
    """Return the commits that were ever the main branch's, oldest first."""
    return repository.git("rev-list", "--first-parent", "--reverse", head).decode().split()


def facts_of(repository, environment):
    """Return what every commit of the main branch is to hold, a state holding till the next one, and every tip."""
    states = {fact["commit"]: (fact["n"], sorted(fact["heads"])) for fact in environment["states"]}
    known, current = [], (0, [])
    for commit in on_main(repository, environment["head"]):
        current = states.pop(commit, current)
        known.append((commit, current))
    tips = [(fact["commit"], (fact["n"], sorted(fact["heads"]))) for fact in environment["tips"]]
    return [*known, *states.items(), *tips]


def check(repository, environment):
    """Compare each commit of an environment's facts; return the counts and print what differs."""
    counts = Counter()
    for commit, expected in facts_of(repository, environment):
        if repository.commit_of(commit) is None:
            counts["not there"] += 1
            print(f"{commit}: not in the repository")
            continue
        graph, obstacles = read(repository, commit, environment)
        found = (len(graph), list(graph.declared_heads))
        counts["agree" if found == expected else "differ"] += 1
        counts["with revisions"] += len(graph) > 0
        counts["with several heads"] += len(graph.declared_heads) > 1
        counts["obstacles"] += len(obstacles)
        for obstacle in obstacles:
            print(f"{commit}: {obstacle.code} {obstacle.path}:{obstacle.line} {obstacle.message}")
        if found != expected:
            print(f"{commit}: read {found}, the facts say {expected}")
    return counts + check_files(repository, environment)


def check_files(repository, environment):
    """Compare the identifiers of every version of every file that the facts name by its blob."""
    counts = Counter()
    changes = [
        one for commit in environment["history"] for one in commit["changes"] if one.get("blob") and one.get("revision")
    ]
    for change, content in zip(changes, read_blobs(repository, [one["blob"] for one in changes]), strict=True):
        if content is None:
            counts["blobs not there"] += 1
            continue
        one = parse(content, change["path"])
        names = [change[key] for key in ("revision", "down_revision", "depends_on", "branch_labels")]
        agrees = isinstance(one, Revision) and [named(name) for name in names] == [(one.id,), *one[1:4]]
        counts["files agree" if agrees else "files differ"] += 1
        if not agrees:
            print(f"{change['path']} {change['blob']}: read {one}, the facts say {names}")
    return counts


def named(value):
    """Return the names in a fact: null, a string or a list."""
    return () if not value else (value,) if isinstance(value, str) else tuple(value)


def main(path, facts):
    """Check every environment of a facts file."""
    with open(facts, encoding="utf-8") as file:
        environments = json.load(file)["envs"]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        repository = work_tree_of(path, folder)
        for name, environment in environments.items():
            start = perf_counter()
            counts = check(repository, environment)
            wrong += counts["differ"] + counts["files differ"] + counts["not there"]
            figures = ", ".join(f"{count} {what}" for what, count in counts.items())
            print(f"{os.path.basename(facts)} {name}: {figures}; {perf_counter() - start:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

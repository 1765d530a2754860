"""Whether a commit was first written in this clone, by what the reflogs say of how it came about.

What git copies is judged by what it was copied from: rebase, cherry-pick, am and `commit --amend` make nobody's work
one's own.
"""

from __future__ import annotations

import os
import re
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

from dbsync.git.reflog import read_reflogs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dbsync.git.repository import Repository
    from dbsync.process import Completed

# Git's own words at the start of a reflog message: a subject, which anyone may write, comes after the colon.
WRITTEN = re.compile(r"commit(?: \((?:initial|merge)\))?: ")
AMENDED = re.compile(r"commit \(amend\): ")
REVERTED = re.compile(r"revert: ")
# These hold no subject at all.
MERGED = re.compile(r"(?:merge|pull)\b.*: (?:Merge made by the '[\w-]+' strategy\.?|In-index merge)$")
REBASED = re.compile(r"(?:rebase|pull)\b.*(?:\(finish\)|finished): refs/heads/\S+ onto ([0-9a-f]+)$")

COMMIT = "--format=%H%x00%P%x00%an <%ae> %at"
PLACES = re.compile(rb"^(?:index|@@) .*\n", re.MULTILINE)

# Every patch takes a git process, and a stranger may write any number of commits that look alike.
MOST_PATCHES = 200

# What a commit was made from: each of the commits of one of these lists must be trusted, [] where nothing is asked.
Origins = list[list[str]]


class Known:
    """The commits that are vouched for: reached from refs that match `globs` (words of rev-list), or from `names`."""

    def __init__(self, repository: Repository, globs: list[str], names: list[str]) -> None:
        self._repository = repository
        self._globs = globs
        self._names = names

    def beyond(self, commits: Iterable[str], *words: str) -> Completed:
        """List what the commits are built on and is not known, newest first; those that are gone are passed over."""
        lines = [*commits, *(f"^{name}" for name in self._names)]
        return self._rev_list(lines, [*words, "--not", *self._globs] if self._globs else [*words])

    def all(self, *words: str) -> Completed:
        """List everything that is known."""
        return self._rev_list(self._names, [*words, *self._globs])

    def holds(self, commit: str) -> bool:
        """Say whether a commit is there and known."""
        done = self.beyond([commit], "--max-count=1")
        return not (done.returncode or done.stdout) and self._repository.commit_of(commit) is not None

    def _rev_list(self, lines: list[str], words: list[str]) -> Completed:
        given = os.fsencode("".join(f"{line}\n" for line in lines))
        return self._repository.ask("rev-list", "--ignore-missing", "--stdin", *words, input=given)


class Commit(NamedTuple):
    """A commit's parents, and its author with the author's date, which git keeps when it copies."""

    parents: list[str]
    author: str


class Rebase(NamedTuple):
    """A rebase that came to its end: the branch was at `old`, is at `new`, its commits were put onto `onto`."""

    old: str
    new: str
    onto: str


class Provenance:
    """Judges commits that nobody vouches for."""

    def __init__(self, repository: Repository, known: Known) -> None:
        self._repository = repository
        self._known = known
        self._updates: dict[str, list[tuple[str, str]]] = {}
        self._rebases: list[Rebase] = []
        for update in read_reflogs(repository):
            self._updates.setdefault(update.new, []).append((update.message, update.old))
            rebased = REBASED.match(update.message) if update.branch else None
            if rebased:
                self._rebases.append(Rebase(update.old, update.new, rebased[1]))
        self._graph: dict[str, Commit] = {}
        self._patches: dict[str, bytes] = {}

    def first_stranger(self, commits: list[str]) -> str | None:
        """Return the first of the commits that does not go back to work written here, None where all do."""
        seen = {old for updates in self._updates.values() for _, old in updates}
        onto = {one.onto for one in self._rebases}
        self._graph = _commits(self._known.beyond({*commits, *self._updates, *seen, *onto}, COMMIT))
        origins: dict[str, Origins] = {}
        waiting, wanted = commits[::-1], set(commits)
        while waiting:
            one = waiting.pop()
            if one not in origins:
                origins[one] = self._origins(one)
                if not origins[one] and one in wanted:
                    return one
                waiting += [each for needed in origins[one] for each in needed]
        ours = _grounded(origins)
        return next((one for one in commits if one not in ours), None)

    def _origins(self, commit: str) -> Origins:
        found = self._graph[commit]
        for message, old in self._updates.get(commit, ()):
            if WRITTEN.match(message) or (MERGED.match(message) and len(found.parents) > 1):
                return [[]]
            if AMENDED.match(message):
                return self._only(old)
            if REVERTED.match(message):
                return self._reverted(commit)
        return self._rebased(commit) or self._copied(commit)

    def _only(self, commit: str) -> Origins:
        if commit in self._graph:
            return [[commit]]
        return [[]] if self._known.holds(commit) else []

    def _reverted(self, commit: str) -> Origins:
        """Judge what was reverted: that may bring something back. A message without its id was edited here."""
        text = self._repository.ask("cat-file", "commit", commit).stdout
        named = re.search(rb"^This reverts commit ([0-9a-f]{7,64})\b", text, re.MULTILINE)
        return self._only(self._repository.commit_of(named[1].decode()) or "") if named else [[]]

    def _rebased(self, commit: str) -> Origins:
        """Return the commits that a rebase replaced by this one and its like; the author says that it is one of them.

        Conflicts may have been resolved, and commits squashed: neither the patch nor the number needs to be the same.
        """
        for made, replaced in self._made_by_rebases:
            if commit in made:
                found = replaced()
                if any(one.author == self._graph[commit].author for one in found.values()):
                    return [[one for one in found if one in self._graph]]
        return []

    @cached_property
    def _made_by_rebases(self) -> list[tuple[set[str], Callable[[], dict[str, Commit]]]]:
        """Return, for every rebase, the commits that it made and the way to those that they replaced."""
        return [
            (self._reach(one.new) - self._reach(one.onto) - self._reach(one.old), cache(partial(self._replaced, one)))
            for one in self._rebases
        ]

    def _reach(self, commit: str) -> set[str]:
        found: set[str] = set()
        waiting = [commit]
        while waiting:
            one = waiting.pop()
            if one in self._graph and one not in found:
                found.add(one)
                waiting += self._graph[one].parents
        return found

    def _replaced(self, rebase: Rebase) -> dict[str, Commit]:
        return _commits(self._repository.ask("rev-list", COMMIT, rebase.old, f"^{rebase.new}"))

    def _copied(self, commit: str) -> Origins:
        """Return the commits of the same author, date and patch: cherry-pick, am and a detached rebase keep all three.

        The patch is compared to the letter; git's patch id leaves out white space, which means something in Python.
        """
        alike = [one for one in self._by_author[self._graph[commit].author] if one != commit]
        patch = self._patch(commit) if alike else b""
        same = (one for one in alike if self._patch(one) == patch)
        return [[one] if one in self._graph else [] for one in same]

    @cached_property
    def _everyone(self) -> dict[str, Commit]:
        return {**_commits(self._known.all(COMMIT)), **self._graph}

    @cached_property
    def _by_author(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for one, commit in self._everyone.items():
            found.setdefault(commit.author, []).append(one)
        return found

    def _patch(self, commit: str) -> bytes:
        if commit not in self._patches:
            known = len(self._patches) < MOST_PATCHES and self._read_patch(commit)
            self._patches[commit] = known or commit.encode()  # like no other's
        return self._patches[commit]

    def _read_patch(self, commit: str) -> bytes:
        words = ("-p", "--binary", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-commit-id")
        between = self._everyone[commit].parents[:1] or ["--root"]
        return PLACES.sub(b"", self._repository.ask("diff-tree", *words, *between, commit).stdout)


def _commits(done: Completed) -> dict[str, Commit]:
    """Read the lines of `COMMIT`; rev-list puts one that names the commit before each."""
    found: dict[str, Commit] = {}
    for line in done.stdout.decode(errors="surrogateescape").split("\n"):
        commit, nul, rest = line.partition("\0")
        if nul:
            parents, _, author = rest.partition("\0")
            found[commit] = Commit(parents.split(), author)
    return found


def _grounded(origins: dict[str, Origins]) -> set[str]:
    """Return the commits that go back to nothing but what needs nothing: two copies cannot vouch for each other."""
    ours: set[str] = set()
    before = -1
    while before != len(ours):
        before = len(ours)
        ours.update(one for one, needs in origins.items() if any(ours.issuperset(needed) for needed in needs))
    return ours

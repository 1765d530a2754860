"""Whose code a hook may run: what colleagues pushed, and what was written in this clone.

The first form (facts: security, C3). Trusted are the commits that refs/heads and the tracked remote's branches reached
at `dbsync init`, that a branch of that remote reaches now, that `dbsync trust` named, and those first written here:
the reflog says `commit`. Rebase, cherry-pick and am make nothing one's own: what they bring is judged by its original.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from dbsync.store.layout import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbsync.git.repository import Repository
    from dbsync.store.layout import Layout

WRITTEN_HERE = ("commit:", "commit (initial):", "commit (amend):", "commit (merge):")
COPIED_HERE = ("rebase", "pull", "cherry-pick")


class Verdict(NamedTuple):
    """Whether a commit is trusted; where it is not, the first commit that stands in the way and its author."""

    trusted: bool
    stranger: str = ""
    author: str = ""


class Trust:
    """What is trusted in one repository."""

    def __init__(self, repository: Repository, layout: Layout) -> None:
        self._repository = repository
        self._path = layout.path("trust.json")
        self._layout = layout
        self._stored = _read(self._path)

    def start(self) -> None:
        """At `dbsync init`: trust what is reachable now from refs/heads and the tracked remote's branches."""
        if "tips" not in self._stored:
            self._stored["tips"] = sorted({*self._tips("refs/heads/"), *self._remote_tips()})
            self._save()

    def add(self, commit: str) -> None:
        """Trust a commit and what it is built on; `dbsync trust`."""
        self._stored["tips"] = sorted({*self._stored.get("tips", []), commit})
        self._save()

    def rewritten(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Note what git's post-rewrite says: a new commit is as trusted as every commit it was made from."""
        by_new: dict[str, list[str]] = {}
        for old, new in pairs:
            by_new.setdefault(new, []).append(old)
        known = self._stored.setdefault("originals", {})
        known.update(by_new)
        self._save()

    def judge(self, commit: str) -> Verdict:
        """Say whether code of a commit may be run by a hook."""
        if not self.has_remote():
            return Verdict(trusted=True)
        for unknown in self._unknown_commits(commit):
            if not self._is_ours(unknown, set()):
                author = self._repository.line("show", "-s", "--format=%an <%ae>", unknown)
                return Verdict(trusted=False, stranger=unknown, author=author)
        return Verdict(trusted=True)

    def has_remote(self) -> bool:
        """Say whether the repository has any remote: without one there are no strangers."""
        return bool(self._repository.line("remote"))

    def _unknown_commits(self, commit: str) -> list[str]:
        tips = [tip for tip in self._stored.get("tips", []) if tip]
        names = "\n".join([commit, "--not", *tips, *self._remote_tips()])
        done = self._repository.ask("rev-list", "--ignore-missing", "--stdin", input=names.encode() + b"\n")
        return done.stdout.decode().split()

    def _is_ours(self, commit: str, seen: set[str]) -> bool:
        """Follow a commit to what it was made from; amending a stranger's commit does not make it one's own."""
        if commit in seen:
            return False
        seen.add(commit)
        originals = self._stored.get("originals", {}).get(commit)
        if originals:
            return all(self._is_known(one) or self._is_ours(one, seen) for one in originals)
        action, before = self._reflog().get(commit, ("", ""))
        if action.startswith("commit (amend):"):
            return self._is_known(before) or self._is_ours(before, seen)
        if action.startswith(WRITTEN_HERE):
            return True
        return action.startswith(COPIED_HERE) and self._is_copy_of_ours(commit, seen)

    def _is_known(self, commit: str) -> bool:
        return bool(commit) and not self._unknown_commits(commit)

    def _is_copy_of_ours(self, commit: str, seen: set[str]) -> bool:
        """A picked commit is ours if one of ours has its author, its author's date, and its patch."""
        who = self._repository.line("show", "-s", "--format=%an%x00%ae%x00%at", commit)
        patch = self._patch_id(commit)
        for other in [*self._reflog(), *self._trusted_with(who)]:
            if other == commit or self._repository.line("show", "-s", "--format=%an%x00%ae%x00%at", other) != who:
                continue
            if self._patch_id(other) == patch and (self._is_known(other) or self._is_ours(other, seen)):
                return True
        return False

    def _trusted_with(self, who: str) -> list[str]:
        at = who.rpartition("\0")[2]
        tips = [*self._stored.get("tips", []), *self._remote_tips()]
        words = ["--ignore-missing", "--format=%H %at", "--no-commit-header", "--stdin"]
        done = self._repository.ask("log", *words[:2], "--stdin", input="\n".join(tips).encode() + b"\n")
        lines = (line.split(" ") for line in done.stdout.decode(errors="replace").splitlines())
        return [words[0] for words in lines if len(words) == 2 and words[1] == at]  # noqa: PLR2004 - id and date

    def _patch_id(self, commit: str) -> str:
        patch = self._repository.ask("diff-tree", "-p", "--no-ext-diff", "--no-textconv", commit).stdout
        return self._repository.ask("patch-id", "--stable", input=patch).stdout.decode().split(" ")[0]

    def _reflog(self) -> dict[str, tuple[str, str]]:
        """Map every commit that HEAD was moved to by hand to the oldest entry's action, and to what HEAD was before."""
        if not hasattr(self, "_entries"):
            self._entries = _read_reflog(os.path.join(self._repository.git_dir, "logs", "HEAD"))
        return self._entries

    def _remote_tips(self) -> list[str]:
        """Return the tips of the tracked remote's branches: refs that a refspec maps from refs/heads only."""
        remote = self.remote()
        if not remote:
            return []
        tips = []
        for refspec in self._repository.config_all(f"remote.{remote}.fetch"):
            source, _, destination = refspec.removeprefix("+").partition(":")
            if source.startswith("refs/heads/") and destination:
                tips += self._tips(destination.rstrip("*"))
        return tips

    def remote(self) -> str:
        """Return the remote that the default branch tracks; "origin" where none is tracked."""
        names = self._repository.line("remote").split("\n")
        for branch in (self._repository.config("init.defaultBranch"), "main", "master"):
            tracked = branch and self._repository.config(f"branch.{branch}.remote")
            if tracked and tracked in names:
                return tracked
        return "origin" if "origin" in names else ""

    def _tips(self, prefix: str) -> list[str]:
        return self._repository.line("for-each-ref", "--format=%(objectname)", prefix).split()

    def _save(self) -> None:
        self._layout.folder()
        write_private(self._path, json.dumps(self._stored, indent=1))


def _read(path: str) -> dict[str, object] | dict[str, list[str]] | dict[str, dict[str, list[str]]]:
    try:
        with open(path, encoding="utf-8") as file:
            stored = json.load(file)
            return stored if isinstance(stored, dict) else {}
    except (OSError, ValueError):
        return {}


def _read_reflog(path: str) -> dict[str, tuple[str, str]]:
    """Read `old new identity TAB message` lines, oldest first: the first entry says how a commit came to be here."""
    entries: dict[str, tuple[str, str]] = {}
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                head, _, message = line.rstrip("\n").partition("\t")
                old, new = head.split(" ", 2)[:2]
                entries.setdefault(new, (message, old))
    except OSError:
        return {}
    return entries

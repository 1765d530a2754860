"""Whose code a hook may run: what colleagues pushed, and what was written in this clone.

The first form (facts: security, C3). Trusted is a commit when everything it is built on is one of these: reached from a
branch of the remote that the default branch tracks; recorded by `dbsync init` or `dbsync trust`; first written here
(`dbsync.store.provenance`). Without a remote there are no strangers.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from dbsync.store.layout import write_private
from dbsync.store.provenance import Known, Provenance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbsync.git.repository import Repository
    from dbsync.store.layout import Layout

HEADS = "refs/heads/"
SETTINGS = r"^(remote|branch)\..*\.(url|fetch|remote)$|^init\.defaultbranch$"
# Heads that were judged before; reflogs expire, and with them what proves that a commit was written here.
REMEMBERED = 200


class Verdict(NamedTuple):
    """Whether a commit is trusted; where it is not, the newest commit that stands in the way."""

    trusted: bool
    stranger: str = ""


class Trust:
    """What is trusted in one repository. `rule` is the setting `dbsync.trust`: branches, default-branch or always."""

    def __init__(self, repository: Repository, layout: Layout, rule: str = "branches") -> None:
        self._repository = repository
        self._layout = layout
        self._path = layout.path("trust.json")
        self._rule = rule
        self._stored = _read(self._path)
        self._remotes: Remotes | None = None

    def start(self) -> None:
        """At the first `dbsync init`: trust what is reachable now from refs/heads and the tracked remote's branches.

        And from HEAD, whose env.py was run just before.
        """
        if "tips" not in self._stored:
            tips = self._repository.line("for-each-ref", "--format=%(objectname)", HEADS).split()
            self._stored["tips"] = [*tips, *filter(None, [self._repository.head_commit()])]
            known = self._known().all("--no-walk").stdout.decode().split()
            self._save("tips", [*dict.fromkeys(known)])

    def add(self, commit: str) -> None:
        """Trust a commit and what it is built on; `dbsync trust`."""
        self._save("tips", [*dict.fromkeys([*self._stored.get("tips", []), commit])])

    def judge(self, commit: str) -> Verdict:
        """Say whether code of a commit (a full id) may be run by a hook. What cannot be told is not trusted."""
        if self._rule == "always" or not self._remote.names:
            return Verdict(trusted=True)
        known = self._known()
        done = known.beyond([commit])
        unknown = done.stdout.decode().split()
        if done.returncode or not (unknown or self._repository.commit_of(commit)):
            return Verdict(trusted=False, stranger=commit)
        stranger = Provenance(self._repository, known).first_stranger(unknown) if unknown else None
        if unknown and not stranger:
            self._save("judged", [*self._stored.get("judged", []), commit][-REMEMBERED:])
        return Verdict(trusted=not stranger, stranger=stranger or "")

    def bringer(self, contents: set[str]) -> str:
        """Return the commit of a stranger that brought one of these contents (ids of blobs), "" where there is none.

        What is in no commit was written here, or is nobody's; what some trusted commit holds too is trusted.
        """
        if self._rule == "always" or not self._remote.names or not self._stores_any_of(contents):
            return ""
        commits = self._known().beyond(["FETCH_HEAD"], "--all", "--reflog").stdout
        brought: dict[str, list[str]] = {}
        commit = ""
        for line in self._repository.ask("diff-tree", "--stdin", "-r", "-m", "--root", input=commits).stdout.split(
            b"\n"
        ):
            words = line.decode(errors="replace").split(" ")
            if not line.startswith(b":"):
                commit = words[0]
            elif words[3] in contents:
                brought.setdefault(words[3], []).append(commit)
        for found in brought.values():
            if not any(self.judge(one).trusted for one in found):
                return found[0]
        return ""

    def _stores_any_of(self, contents: set[str]) -> bool:
        given = "".join(f"{one}\n" for one in contents).encode()
        done = self._repository.ask("cat-file", "--batch-check=%(objecttype)", input=given) if contents else None
        return done is not None and b"blob\n" in done.stdout

    def _known(self) -> Known:
        stored = [tip for key in ("tips", "judged") for tip in self._stored.get(key, [])]
        if self._rule == "default-branch":
            return Known(self._repository, [], [*stored, f"refs/remotes/{self._remote.tracked}/HEAD"])
        others = [f"--exclude={ref}" for ref in self._remote.others]
        globs = [word for ref in self._remote.trusted for word in (*others, f"--glob={ref}")]
        return Known(self._repository, globs, stored)

    @property
    def _remote(self) -> Remotes:
        if self._remotes is None:
            self._remotes = read_remotes(self._repository)
        return self._remotes

    def _save(self, key: str, commits: list[str]) -> None:
        self._stored[key] = commits
        self._layout.folder()
        write_private(self._path, json.dumps(self._stored, indent=1))


class Remotes(NamedTuple):
    """The remotes by name, the one that the default branch tracks, and which local refs hold its branches.

    `trusted` are refs (with one `*`) mapped from its refs/heads; `others` are mapped from anything else: pull requests
    often lie in the same folder.
    """

    names: list[str]
    tracked: str
    trusted: list[str]
    others: list[str]


def read_remotes(repository: Repository) -> Remotes:
    """Read what git config says of remotes and of what branches track."""
    output = repository.ask("config", "-z", "--get-regexp", SETTINGS).stdout
    records = [os.fsdecode(one).partition("\n") for one in output.split(b"\0")[:-1]]
    settings = [(*_split(key), value) for key, _, value in records]
    names = [*dict.fromkeys(name for section, name, _, _ in settings if section == "remote")]
    tracks = {name: value for section, name, key, value in settings if (section, key) == ("branch", "remote")}
    usual = [value for section, _, key, value in settings if (section, key) == ("init", "defaultbranch")]
    tracked = _tracked(repository, names, tracks, [*usual[-1:], "main", "master"])
    refspecs = [(name, value) for section, name, key, value in settings if (section, key) == ("remote", "fetch")]
    trusted, others = _mapped(refspecs, tracked)
    return Remotes(names, tracked, trusted, others)


def _split(key: str) -> tuple[str, str, str]:
    section, _, rest = key.partition(".")
    name, _, variable = rest.rpartition(".")
    return section, name, variable


def _tracked(repository: Repository, names: list[str], tracks: dict[str, str], usual: list[str]) -> str:
    """Return the remote that the default branch tracks, "origin" where it tracks none, "" where that is not there.

    What another remote calls its HEAD says nothing: fetching a fork brings one too (git 2.48).
    """
    for branch in usual:
        if tracks.get(branch) in names:
            return tracks[branch]
    head = f"refs/remotes/{names[0] if len(names) == 1 else 'origin'}/HEAD"
    theirs = repository.line("for-each-ref", "--format=%(symref:lstrip=3)", head) if names else ""
    if tracks.get(theirs) in names:
        return tracks[theirs]
    return "origin" if "origin" in names else ""


def _mapped(refspecs: Iterable[tuple[str, str]], tracked: str) -> tuple[list[str], list[str]]:
    """Return the local refs that hold the tracked remote's branches, and those that hold something else."""
    trusted: list[str] = []
    others: list[str] = []
    for remote, refspec in refspecs:
        source, _, aim = refspec.removeprefix("+").partition(":")
        if aim and not refspec.startswith("^"):
            (trusted if remote == tracked and source.startswith(HEADS) else others).append(aim)
    return trusted, others


def _read(path: str) -> dict[str, list[str]]:
    try:
        with open(path, encoding="utf-8") as file:
            stored = json.load(file)
    except (OSError, ValueError):
        return {}
    found = stored.items() if isinstance(stored, dict) else ()
    return {
        key: [one for one in commits if isinstance(one, str)] for key, commits in found if isinstance(commits, list)
    }

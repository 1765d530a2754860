"""Where a repository is and what its configuration says. Hot: plumbing only, no library."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dbsync.errors import EXIT_USAGE, DbsyncError
from dbsync.process import capture, git_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dbsync.process import Completed


class Repository:
    """One work tree of one repository. `object_format` is what its ids are made with: "sha1" or "sha256".

    `top`, `git_dir` and `common_dir` are absolute. `environ` is what git children get. Messages of git are shown as
    they are: they name the reason better than we could.
    """

    object_format = "sha1"

    def __init__(self, top: str, git_dir: str, common_dir: str, environ: Mapping[str, str]) -> None:
        self.top = top
        self.git_dir = git_dir
        self.common_dir = common_dir
        self.environ = dict(environ)
        self._index_file = ""
        self._settings: dict[str, list[str]] | None = None

    @classmethod
    def discover(cls, cwd: str, environ: Mapping[str, str]) -> Repository:
        """Find the work tree that `cwd` lies in.

        Raises `DbsyncError` where there is no repository, none that git trusts (safe.directory), or a bare one.
        """
        env = git_environment(environ)
        words = [
            "--is-bare-repository",
            "--absolute-git-dir",
            "--git-common-dir",
            "--show-toplevel",
            "--show-object-format",
        ]
        done = capture(["git", "-C", cwd, "rev-parse", *words], env=env)
        lines = os.fsdecode(done.stdout).split("\n")
        if lines[0] == "true":
            message = f"{lines[1]} is a bare repository: it has no work tree for a database to follow"
            raise DbsyncError(message, "run dbsync in a clone that has a work tree", exit_code=EXIT_USAGE)
        if done.returncode:
            raise DbsyncError(_why(done), "run dbsync inside the project's repository", exit_code=EXIT_USAGE)
        found = cls(lines[3], lines[1], os.path.realpath(os.path.join(cwd, lines[2])), env)
        found.object_format = lines[4]
        callers = os.path.join(cwd, environ.get("GIT_DIR", found.git_dir))
        if os.path.realpath(callers) == os.path.realpath(found.git_dir):
            found._index_file = environ.get("GIT_INDEX_FILE", "")
        return found

    @property
    def state_dir(self) -> str:
        """The folder that holds all that dbsync knows of this repository, shared by its work trees."""
        return os.path.join(self.common_dir, "dbsync")

    def with_callers_index(self) -> Repository:
        """Return this repository with the index of the git that called us, which `git commit FILE` makes for itself.

        A GIT_INDEX_FILE that came with another repository's GIT_DIR is not ours (githooks(5)).
        """
        if not self._index_file:
            return self
        path = os.path.join(self.top, self._index_file)
        other = Repository(self.top, self.git_dir, self.common_dir, {**self.environ, "GIT_INDEX_FILE": path})
        other.object_format = self.object_format
        return other

    def ask(self, *args: str, input: bytes = b"") -> Completed:  # noqa: A002 - subprocess's own word
        """Run a git command in the work tree and return how it ended."""
        return capture(["git", "-C", self.top, *args], env=self.environ, input=input)

    def git(self, *args: str, input: bytes = b"") -> bytes:  # noqa: A002 - subprocess's own word
        """Run a git command that must succeed and return its output. Raises `DbsyncError` with git's own reason."""
        done = self.ask(*args, input=input)
        if done.returncode:
            raise DbsyncError(f"git {args[0]}: {_why(done)}")
        return done.stdout

    def line(self, *args: str) -> str:
        """Return the one line that a git command answers with, "" where it fails or says nothing."""
        done = self.ask(*args)
        return "" if done.returncode else os.fsdecode(done.stdout).rstrip("\n")

    def commit_of(self, ref: str) -> str | None:
        """Return the commit id that a ref, tag or abbreviated id names, None where it names none."""
        if ref.startswith("^"):  # "all but": rev-parse verifies that too
            return None
        return self.line("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}") or None

    def head_commit(self) -> str | None:
        """Return the commit HEAD is at, None while there are no commits."""
        return self.line("rev-parse", "--verify", "--quiet", "HEAD") or None

    def branch(self) -> str | None:
        """Return the name of the git branch that is checked out, None on a detached HEAD."""
        return self.line("symbolic-ref", "--quiet", "--short", "HEAD") or None

    def settings(self) -> dict[str, list[str]]:
        """Return every `dbsync.*` key of git config with its values in order; keys as git prints them."""
        if self._settings is None:
            self._settings = _read_settings(self.ask("config", "-z", "--get-regexp", r"^dbsync\.").stdout)
        return self._settings

    def config_all(self, key: str) -> list[str]:
        """Return every value of a git config key, of any section."""
        done = self.ask("config", "-z", "--get-all", key)
        return [os.fsdecode(value) for value in done.stdout.split(b"\0")[:-1]]

    def config(self, key: str) -> str | None:
        """Return the value of a git config key that counts (the last), None where it is not set."""
        values = self.config_all(key)
        return values[-1] if values else None


def _read_settings(output: bytes) -> dict[str, list[str]]:
    settings: dict[str, list[str]] = {}
    for record in output.split(b"\0")[:-1]:
        key, _, value = os.fsdecode(record).partition("\n")
        settings.setdefault(key, []).append(value)
    return settings


def _why(done: Completed) -> str:
    text = os.fsdecode(done.stderr).strip().removeprefix("fatal: ")
    return text.split("\n", 1)[0] or f"exit status {done.returncode}"

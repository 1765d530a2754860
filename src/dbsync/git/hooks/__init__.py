"""Putting dbsync's hooks beside what a repository has, and taking them out again.

Nothing here prints: what was done, and what a person has to do, is returned.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from dbsync.errors import DbsyncError
from dbsync.git.hooks import block, configured, files
from dbsync.git.hooks.files import Outcome
from dbsync.git.hooks.program import CHECKS, HOOKS, PUSH, Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbsync.git.repository import Repository

__all__ = [
    "CHECKS",
    "HOOKS",
    "PUSH",
    "InstallReport",
    "Installed",
    "UninstallReport",
    "install",
    "installed",
    "uninstall",
]


class InstallReport(NamedTuple):
    """What `install` did.

    `changed` and `already` are paths of files, or git config keys (`hook.dbsync.command`). `not_written` are pairs of a
    file that dbsync leaves to its owner and the line to add to it.
    """

    changed: tuple[str, ...]
    already: tuple[str, ...]
    not_written: tuple[tuple[str, str], ...]


class UninstallReport(NamedTuple):
    """What `uninstall` did: `changed` as in `InstallReport`; `left` are files whose owner may take our line out."""

    changed: tuple[str, ...]
    left: tuple[str, ...]


class Installed(NamedTuple):
    """Which hooks come to dbsync, which do not, and the interpreter they start ("" where none is recorded)."""

    active: tuple[str, ...]
    missing: tuple[str, ...]
    interpreter: str
    interpreter_found: bool


def install(repository: Repository, interpreter: str, *, git_version: tuple[int, ...] | None = None) -> InstallReport:
    """Make Git's hooks run dbsync under `interpreter` (an absolute path), beside every hook that is there.

    From git 2.54 on by git config, before that by a marked block in the hook files. `git_version` is the running git's
    unless told. What runs is a copy in the state folder. A second call changes nothing. Raises `DbsyncError` where a
    file cannot be written.
    """
    program = Program(repository.state_dir)
    with _readable_failures():
        changed = program.write(interpreter)
        if _by_config(repository, git_version):
            new, already = configured.put(repository, program)
            return InstallReport((*changed, *_take_files(repository), *new), tuple(already), ())
        return _put_files(repository, [*changed, *configured.take(repository)])


def uninstall(repository: Repository, *, purge: bool = False) -> UninstallReport:
    """Take out what `install` put in; every hook file is again, byte for byte, what it was without dbsync.

    A file that was edited meanwhile loses the block alone. Ledger and shelf stay unless `purge`, which removes the
    whole state folder. Gates are the store's (`remove_all_gates`). Raises `DbsyncError` where a file cannot be written.
    """
    with _readable_failures():
        changed = configured.take(repository) + _take_files(repository)
        Program(repository.state_dir).remove()
        if purge:
            _remove_folder(repository.state_dir)
    folder = files.folder_of(repository)
    left = tuple(folder.file(name) for name in HOOKS if files.calls(folder, name))
    return UninstallReport(tuple(changed), left)


def installed(repository: Repository, *, git_version: tuple[int, ...] | None = None) -> Installed:
    """Return which hooks come to dbsync, without changing anything. `git_version` as for `install`."""
    program = Program(repository.state_dir)
    events = configured.events(repository, program) if _by_config(repository, git_version) else ()
    folder = files.folder_of(repository)
    active = [name for name in HOOKS if name in events or files.calls(folder, name)] if program.is_there() else []
    interpreter = program.interpreter()
    missing = tuple(name for name in HOOKS if name not in active)
    return Installed(tuple(active), missing, interpreter, os.access(interpreter, os.X_OK))


def _by_config(repository: Repository, git_version: tuple[int, ...] | None) -> bool:
    return (git_version or configured.git_version(repository)) >= configured.SINCE


def _put_files(repository: Repository, changed: list[str]) -> InstallReport:
    folder = files.folder_of(repository)
    outcomes = {name: files.put(folder, name) for name in HOOKS}
    of = {each: [name for name in HOOKS if outcomes[name] is each] for each in Outcome}
    return InstallReport(
        (*changed, *map(folder.file, of[Outcome.CHANGED])),
        tuple(map(folder.file, of[Outcome.ALREADY])),
        tuple((folder.file(name), block.line(name)) for name in of[Outcome.NOT_WRITTEN]),
    )


def _take_files(repository: Repository) -> list[str]:
    folder = files.folder_of(repository)
    return [folder.file(name) for name in HOOKS if files.take(folder, name)]


def _remove_folder(path: str) -> None:
    from shutil import rmtree  # brings in five compression modules that `status` does not need

    if os.path.isdir(path):
        rmtree(path)


@contextmanager
def _readable_failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{error.filename}: {error.strerror}"
        raise DbsyncError(message, "make the repository's .git folder writable for you") from error

"""Hooks in git config: `hook.dbsync.command` and `.event`, beside whatever hook files there are (git-hook(1))."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dbsync.git.hooks.block import quote
from dbsync.git.hooks.program import CHECKS, HOOKS, PUSH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbsync.git.hooks.program import Program
    from dbsync.git.repository import Repository

SINCE = (2, 54)
COMMAND = "hook.dbsync.command"
EVENT = "hook.dbsync.event"
# A hook of its own: its exit code counts, and it is not told by its arguments which event it is.
CHECK_COMMAND = "hook.dbsync-check.command"
CHECK_EVENT = "hook.dbsync-check.event"
PUSH_COMMAND = "hook.dbsync-push.command"
PUSH_EVENT = "hook.dbsync-push.event"
KEYS = (COMMAND, EVENT, CHECK_COMMAND, CHECK_EVENT, PUSH_COMMAND, PUSH_EVENT)


def git_version(repository: Repository) -> tuple[int, ...]:
    """Return the running git's version as far as it is numbers: (2, 39) for "2.39.5 (Apple Git-154)"."""
    numbers: list[int] = []
    for word in repository.line("version").removeprefix("git version ").split(".")[:3]:
        if not word.isdecimal():
            break
        numbers.append(int(word))
    return tuple(numbers)


def put(repository: Repository, program: Program) -> tuple[list[str], list[str]]:
    """Write the keys where they are not as wanted; return the keys changed and those already right."""
    wanted = _wanted(program)
    changed = [key for key, values in wanted.items() if _values(repository, key) != values]
    for key in changed:
        _unset(repository, key)
        for value in wanted[key]:
            repository.git("config", "--local", "--add", key, value)
    return changed, [key for key in wanted if key not in changed]


def take(repository: Repository) -> list[str]:
    """Remove the keys; return those that were there."""
    return [key for key in KEYS if _unset(repository, key)]


def events(repository: Repository, program: Program) -> Sequence[str]:
    """Return the hooks that run dbsync by configuration; none where the repository was moved since."""
    found: list[str] = []
    wanted = _wanted(program)
    for hook, command, event in (
        ("dbsync", COMMAND, EVENT),
        ("dbsync-check", CHECK_COMMAND, CHECK_EVENT),
        ("dbsync-push", PUSH_COMMAND, PUSH_EVENT),
    ):
        off = repository.config(f"hook.{hook}.enabled") in {"false", "no", "off", "0"}
        found += [] if off or _values(repository, command) != wanted[command] else _values(repository, event)
    return found


def _wanted(program: Program) -> dict[str, list[str]]:
    following = [name for name in HOOKS if name not in (*CHECKS, PUSH)]
    return {
        COMMAND: [_command(program)],
        EVENT: following,
        CHECK_COMMAND: [_check(program, "pre-commit")],
        CHECK_EVENT: list(CHECKS),
        PUSH_COMMAND: [_check(program, PUSH)],
        PUSH_EVENT: [PUSH],
    }


def _check(program: Program, name: str) -> str:
    # Git adds `"$@"`; pre-commit and pre-merge-commit have no arguments, and are judged alike.
    return f'dbsync_hooks={quote(program.folder)}; test ! -x "$dbsync_hooks/check" || "$dbsync_hooks/check" {name}'


def _command(program: Program) -> str:
    # Git runs this with `"$@"` after it, in a shell of its own, so the gate may be read instead of run; and git switch
    # must not fail where the folder was moved or deleted.
    return f'dbsync_hooks={quote(program.folder)}; test ! -r "$dbsync_hooks/gate" || . "$dbsync_hooks/gate"'


def _unset(repository: Repository, key: str) -> bool:
    there = bool(_values(repository, key))
    if there:
        repository.git("config", "--local", "--unset-all", key)
    return there


def _values(repository: Repository, key: str) -> list[str]:
    done = repository.ask("config", "--local", "-z", "--get-all", key)
    return [os.fsdecode(value) for value in done.stdout.split(b"\0")[:-1]]

"""Hooks in git config, as git runs them from 2.54 on."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbsync.git.hooks import CHECKS, HOOKS, PUSH, installed, uninstall
from tests.hooks.hooked import BY_CONFIG, BY_FILES, HOSTILE, picture


def test_git_config_hooks(bare):
    config = Path(bare.repository.common_dir, "config")
    before = config.read_bytes()

    report = bare.install(BY_CONFIG)

    assert report.changed[-6:] == (
        "hook.dbsync.command",
        "hook.dbsync.event",
        "hook.dbsync-check.command",
        "hook.dbsync-check.event",
        "hook.dbsync-push.command",
        "hook.dbsync-push.event",
    )
    events = [bare.git("config", "--get-all", f"hook.{name}.event").out.split() for name in ("dbsync-check", "dbsync")]
    events.append(bare.git("config", "--get-all", "hook.dbsync-push.event").out.split())
    assert sorted(name for each in events for name in each) == sorted(HOOKS)
    assert not bare.hook_file().exists()
    assert installed(bare.repository, git_version=BY_CONFIG).missing == ()
    bare.git("config", "hook.dbsync.enabled", "false")
    assert installed(bare.repository, git_version=BY_CONFIG).active == (*CHECKS, PUSH)
    bare.git("config", "hook.dbsync-push.enabled", "false")
    bare.git("config", "hook.dbsync-check.enabled", "false")
    assert installed(bare.repository, git_version=BY_CONFIG).active == ()
    bare.git("config", "--unset", "hook.dbsync.enabled")
    bare.git("config", "--unset", "hook.dbsync-check.enabled")
    bare.git("config", "--unset", "hook.dbsync-push.enabled")
    uninstall(bare.repository)
    assert config.read_bytes() == before


def test_a_configured_command_runs_as_git_runs_it(make_hooked):
    hooked = make_hooked(HOSTILE)
    hooked.install(BY_CONFIG)
    (command,) = hooked.repository.config_all("hook.dbsync.command")

    # run-command.c, prepare_shell_cmd: a command with anything special in it gets `"$@"` after it.
    done = hooked.project.run("sh", "-c", f'{command} "$@"', command, "old", "new", "1", check=True)

    assert (done.out, done.err) == ("", "")
    assert hooked.ran() == ["post-checkout old new 1"]
    (check,) = hooked.repository.config_all("hook.dbsync-check.command")
    assert hooked.project.run("sh", "-c", f'{check} "$@"', check).rc == 0
    assert hooked.checked() == ["pre-commit"]
    uninstall(hooked.repository)
    assert hooked.project.run("sh", "-c", f'{command} "$@"', command, "old", "new", "1").rc == 0
    assert not list(hooked.folder.parent.rglob("pwned"))


@pytest.mark.parametrize(("first", "second"), [(BY_FILES, BY_CONFIG), (BY_CONFIG, BY_FILES)])
def test_one_way_replaces_the_other(bare, first, second):
    bare.write_hook("#!/bin/sh\necho one\n")
    before = picture(bare.project.top)
    bare.install(first)

    bare.install(second)

    assert bare.hook_file("post-merge").exists() == (second == BY_FILES)
    assert bool(bare.repository.config_all("hook.dbsync.command")) == (second == BY_CONFIG)
    uninstall(bare.repository)
    assert picture(bare.project.top) == before


@pytest.mark.parametrize(("version", "hooks_path"), [(BY_CONFIG, ".git/hooks"), (BY_FILES, ".git/own")])
def test_a_repository_that_was_moved_is_not_taken_for_installed(bare, version, hooks_path):
    bare.git("config", "core.hooksPath", hooks_path)
    bare.install(version)
    bare.project.top = bare.project.top.rename(bare.project.top.parent / "moved")

    assert installed(bare.repository, git_version=version).missing == HOOKS
    assert bare.git("switch", "other").rc == 0

    bare.install(version)
    assert installed(bare.repository, git_version=version).missing == ()

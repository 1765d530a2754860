"""Installing beside what is there, again, and taking it out."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dbsync.errors import DbsyncError
from dbsync.git.hooks import HOOKS, block, files, install, installed, uninstall
from tests.hooks.hooked import BY_CONFIG, BY_FILES, picture


def test_all_hooks_are_made_and_unmade(bare):
    before = picture(bare.project.top)

    report = bare.install()

    assert not report.not_written
    assert {os.path.basename(path) for path in report.changed} == {*HOOKS, "gate", "check", "head", "interpreter"}
    assert installed(bare.repository, git_version=BY_FILES) == (HOOKS, (), str(bare.interpreter), True)
    uninstall(bare.repository)
    assert picture(bare.project.top) == before
    assert installed(bare.repository, git_version=BY_FILES) == ((), HOOKS, "", False)


@pytest.mark.parametrize("version", [BY_FILES, BY_CONFIG])
def test_a_second_install_changes_nothing(bare, version):
    bare.write_hook("#!/usr/bin/env python3\n", name="post-merge")
    first = bare.install(version)
    before = picture(bare.project.top)

    second = bare.install(version)

    assert picture(bare.project.top) == before
    assert second.changed == ()
    assert set(second.already) == {path for path in first.changed if "/dbsync/hooks/" not in path}


def test_what_is_ours_is_for_the_owner_alone(hooked):
    folder = Path(hooked.repository.state_dir)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(mode & 0o077 == 0 for mode, _ in picture(folder).values())


def test_another_interpreter_is_recorded(hooked, tmp_path):
    other = tmp_path / "other python"
    other.symlink_to(hooked.interpreter)

    report = install(hooked.repository, str(other), git_version=BY_FILES)

    assert [os.path.basename(path) for path in report.changed] == ["interpreter"]
    hooked.git("switch", "other")
    assert len(hooked.ran()) + len((tmp_path / "ran").read_text().splitlines()) == 1


@pytest.mark.parametrize("interpreter", ["python3", "/a\nb", ""])
def test_an_interpreter_no_hook_can_name(bare, interpreter):
    before = picture(bare.project.top)

    with pytest.raises(DbsyncError, match="absolute path"):
        install(bare.repository, interpreter, git_version=BY_FILES)
    assert picture(bare.project.top) == before


def test_a_file_edited_meanwhile_loses_the_block_alone(bare):
    made, kept = bare.hook_file(), bare.write_hook("#!/bin/sh\necho one\n", 0o750, "post-merge")
    moved = bare.write_hook("#!/usr/bin/env python3\n", name="post-commit")
    bare.install()
    for path in (made, kept, moved):
        path.write_bytes(path.read_bytes() + b"echo more\n")

    uninstall(bare.repository)

    assert made.read_bytes() == block.SHEBANG + block.CREATED + b"echo more\n"
    assert kept.read_bytes() == b"#!/bin/sh\necho one\necho more\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o750
    assert block.find(moved.read_bytes()) is None
    assert moved.with_name("post-commit.before-dbsync").read_bytes() == b"#!/usr/bin/env python3\n"
    assert bare.project.run(str(moved)).rc == 0


def test_a_hook_that_another_tool_wrote_over_is_mended(hooked):
    hooked.write_hook("#!/bin/sh\nexit 0\n")
    assert installed(hooked.repository, git_version=BY_FILES).missing == ("post-checkout",)

    report = hooked.install()

    assert report.changed == (str(hooked.hook_file()),)
    assert not installed(hooked.repository, git_version=BY_FILES).missing


def test_a_block_of_an_earlier_release_is_renewed_in_place(bare):
    path = bare.write_hook(b"#!/bin/sh\nA=1\n" + block.BEGIN + b"old\n" + block.END + b"B=1\n")

    bare.install()

    assert path.read_bytes().startswith(b"#!/bin/sh\nA=1\n# >>> dbsync >>>\n(\n    dbsync_hook=post-checkout ")
    assert path.read_bytes().endswith(b"# <<< dbsync <<<\nB=1\n")


def test_lines_added_to_a_hook_of_ours_run(hooked):
    path = hooked.hook_file()
    path.write_bytes(path.read_bytes() + b'echo "$*" >said\nexit 3\n')

    for report in (None, hooked.install()):
        assert hooked.git("switch", "--create", f"new{bool(report)}", check=False).rc == 1
        assert hooked.said().endswith(" 1\n")
        assert len(hooked.ran()) == 1


def test_an_own_hook_switched_off_is_left_so(hooked):
    hooked.hook_file().chmod(0o644)

    report = hooked.install()

    assert [path for path, _ in report.not_written] == [str(hooked.hook_file())]
    assert installed(hooked.repository, git_version=BY_FILES).missing == ("post-checkout",)


def test_nothing_is_written_over(bare):
    bare.write_hook(b"#!/usr/bin/env python3\n")
    bare.write_hook(b"precious", name="post-checkout.before-dbsync")
    bare.hook_file("post-merge").mkdir(parents=True)
    before = picture(bare.hook_file().parent)

    report = bare.install()

    assert [os.path.basename(path) for path, _ in report.not_written] == ["post-checkout", "post-merge"]
    uninstall(bare.repository)
    assert picture(bare.hook_file().parent) == before


def test_a_caller_that_was_deleted_comes_back_and_an_orphan_is_put_back(bare):
    content = b"#!/usr/bin/env python3\nopen('said', 'w')\n"
    path = bare.write_hook(content)
    bare.install()
    path.unlink()

    bare.install()
    bare.git("switch", "other")
    assert bare.project.path("said").exists()

    path.unlink()
    uninstall(bare.repository)
    assert path.read_bytes() == content
    assert not list(path.parent.glob("*.before-dbsync"))


def test_from_a_linked_work_tree(bare, tmp_path):
    linked = tmp_path / "linked"
    bare.git("worktree", "add", "--quiet", str(linked), "other")
    main, bare.project.top = bare.project.top, linked
    before = picture(main)

    assert not bare.install().not_written

    subprocess.run(["git", "switch", "--quiet", "--create", "third"], cwd=main, check=True)
    subprocess.run(["git", "switch", "--quiet", "--create", "fourth"], cwd=linked, check=True)
    assert len(bare.ran()) == 2
    uninstall(bare.repository)
    assert {path for path in picture(main) if "hooks" in path} == {path for path in before if "hooks" in path}


def test_uninstall_keeps_what_is_known_unless_purged(hooked):
    ledger = Path(hooked.repository.state_dir, "db", "ledger.sqlite")
    ledger.parent.mkdir()
    ledger.write_text("rows")

    uninstall(hooked.repository)
    assert picture(Path(hooked.repository.state_dir)) == {"db/ledger.sqlite": (0o644, b"rows")}

    uninstall(hooked.repository, purge=True)
    assert not Path(hooked.repository.state_dir).exists()
    uninstall(hooked.repository, purge=True)


def test_a_folder_that_cannot_be_written_is_one_sentence(bare):
    Path(bare.repository.state_dir).write_text("in the way")

    with pytest.raises(DbsyncError, match="dbsync: File exists"):
        bare.install()


def test_hook_modules_load_nothing_heavy():
    heavy = ("subprocess", "shutil", "git", "dataclasses", "tempfile")
    code = f"import sys, dbsync.git.hooks, dbsync.store.gate; print(*sorted(set({heavy}) & set(sys.modules)))"
    source = Path(files.__file__).parents[3]

    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env={"PYTHONPATH": str(source)}, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []

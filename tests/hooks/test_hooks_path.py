"""core.hooksPath: a folder that others share or that Git tracks is its owner's to write."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from dbsync.git.hooks import HOOKS, installed, uninstall
from tests.hooks.hooked import BY_FILES, HOSTILE, picture


def test_hooks_in_the_work_tree_are_not_written(bare):
    tracked = bare.project.write(".githooks/post-checkout", "#!/bin/sh\necho one\n")
    tracked.chmod(0o755)
    bare.project.commit("Hooks")
    bare.git("config", "core.hooksPath", ".githooks")
    before = picture(bare.project.top / ".githooks")

    report = bare.install()

    assert picture(bare.project.top / ".githooks") == before
    assert [os.path.basename(path) for path, _ in report.not_written] == list(HOOKS)
    assert len(installed(bare.repository, git_version=BY_FILES).missing) == 8

    path, line = next(pair for pair in report.not_written if pair[0].endswith("post-checkout"))
    assert path == str(tracked)
    assert str(bare.project.top) not in line
    tracked.write_text(f"#!/bin/sh -eu\n{line}\necho one\n")
    assert installed(bare.repository, git_version=BY_FILES).active == ("post-checkout",)
    assert bare.install().already == (str(tracked),)
    bare.git("switch", "--create", "third")
    assert len(bare.ran()) == 1

    assert uninstall(bare.repository).left == (str(tracked),)
    assert bare.git("switch", "--create", "fourth").rc == 0
    assert bare.ran() == []


HUSKY = """\
#!/usr/bin/env sh
n=$(basename "$0")
s=$(dirname "$(dirname "$0")")/$n
[ ! -f "$s" ] && exit 0
sh -e "$s" "$@"
exit $?
"""


def test_husky_keeps_its_generated_files_and_the_line_goes_where_people_write(bare):
    # As husky 9 lays it out.
    for name in HOOKS:
        bare.project.write(f".husky/_/{name}", '#!/usr/bin/env sh\n. "$(dirname "$0")/h"\n').chmod(0o755)
    bare.project.write(".husky/_/h", HUSKY)
    bare.project.write(".husky/_/.gitignore", "*")
    bare.git("config", "core.hooksPath", ".husky/_")
    before = picture(bare.project.top / ".husky")

    report = bare.install()

    assert picture(bare.project.top / ".husky") == before
    path, line = next(pair for pair in report.not_written if pair[0].endswith("post-checkout"))
    assert path == str(bare.project.top / ".husky/post-checkout")
    bare.project.write(".husky/post-checkout", line + "\n")
    bare.git("switch", "other")
    assert len(bare.ran()) == 1


def test_a_shared_folder_of_hooks_is_not_written(bare, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    bare.git("config", "core.hooksPath", str(shared))

    report = bare.install()

    assert len(report.not_written) == 8
    assert picture(shared) == {}


def test_a_folder_of_hooks_that_is_a_link_into_the_work_tree_is_not_written(bare):
    bare.project.write("tools/hooks/post-merge", "#!/bin/sh\n")
    folder = Path(bare.repository.common_dir, "hooks")
    subprocess.run(["rm", "-rf", folder], check=True)
    folder.symlink_to("../tools/hooks")

    assert len(bare.install().not_written) == 8
    assert set(picture(bare.project.top / "tools")) == {"hooks/post-merge"}


def test_a_folder_of_hooks_elsewhere_in_git_and_a_hostile_name(make_hooked):
    hooked = make_hooked(HOSTILE)
    hooked.git("config", "core.hooksPath", ".git/my hooks")

    assert not hooked.install().not_written
    done = hooked.git("switch", "--quiet", "other")

    assert (done.rc, done.err) == (0, "")
    assert len(hooked.ran()) == 1
    assert not list(hooked.folder.parent.rglob("pwned"))

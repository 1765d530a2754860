"""Every operation of git that changes the files: afterwards the database is what the work tree says.

Each row is what a developer types. Where git fires no hook at the end, the next dbsync command catches up.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_follows, codes, dump, follow, state
from tests.support.project import Project
from tests.support.saved import Saved

if TYPE_CHECKING:
    from collections.abc import Iterator

GIT = tuple(map(int, re.findall(r"\d+", subprocess.check_output(["git", "version"], text=True))[:2]))

# On feature (r1, f2, f3). main is r1, m2, and `notes`; topic is main with p3; clash is feature with other `notes`.
AT_ONCE = {
    "switch": "git switch main",
    "switch there and back": "git switch main; git switch -",
    "switch quietly": "git switch --quiet main",
    "switch -f over changes": "echo '# mine' >> migrations/env.py; git switch -f main",
    "switch -m with changes": "echo mine > mine; git add mine; git switch -m main",
    "switch -c": "git switch -c new; git switch -c newer main",
    "switch --detach": "git switch --detach topic",
    "checkout": "git checkout main",
    "checkout -b": "git checkout -b new main~1",
    "checkout a tag": "git checkout v1",
    "checkout a commit": "git checkout feature~2",
    "checkout what is checked out": "git checkout feature",
    "checkout refused": "echo mine > notes; ! git switch main",
    "checkout files": "git checkout topic -- migrations/versions",
    "restore from a commit": "git restore --source=main --staged --worktree -- migrations",
    "restore what was deleted": "git rm -q migrations/versions/f3*; git commit -qm x; git restore -s HEAD~1 migrations",
    "with --git-dir and --work-tree": "git --git-dir=.git --work-tree=. switch main",
    "fast-forward": "git switch main; git merge topic",
    "pull that is a fast-forward": "git switch main; git pull --ff-only . topic",
    "pull --rebase that is a fast-forward": "git switch main; git pull --rebase . topic",
    "merge --no-ff": "git switch main; git merge --no-ff --no-edit topic",
    "merge": "git merge --no-edit main",
    "merge of three": "git switch -c new feature~1; git merge --no-edit feature topic",
    "pull": "git pull --no-rebase --no-edit . main",
    "merge that is up to date": "git merge feature~1",
    "merge --squash": "git merge --squash main; git commit -qm Squashed",
    "merge --no-commit": "git merge --no-commit --no-ff main; git commit --no-edit",
    "merge --continue": "git switch clash; ! git merge main; git checkout --ours notes; git add .; git merge --continue",
    "merge by commit": "git switch clash; ! git merge main; git checkout --ours notes; git commit -qam Merged",
    "rebase": "git rebase main",
    "rebase --apply": "git rebase --apply main",
    "rebase of another branch": "git switch main; git rebase main feature",
    "rebase --onto": "git rebase --onto topic feature~2",
    "rebase --root": "git rebase --root",
    "pull --rebase": "git pull --rebase . main",
    "rebase --continue": "git switch clash; ! git rebase main; echo 1 > notes; git add .; git rebase --continue",
    "rebase --skip": "git switch clash; ! git rebase main; git rebase --skip",
    "rebase --apply --skip": "git switch clash; ! git rebase --apply main; git rebase --skip",
    "rebase -i with a fixup": "TODO='2s/pick/fixup/' git rebase -i feature~2",
    "rebase -i with an edit": "TODO='1s/pick/edit/' git rebase -i main; git commit --amend -qm x; git rebase --continue",
    "rebase --exec": "git rebase --exec true main",
    "cherry-pick": "git cherry-pick main~1",
    "cherry-pick of several": "git switch main; git cherry-pick feature~1 feature",
    "cherry-pick --continue": "git switch clash; ! git cherry-pick main~1 main; echo 1 > notes; git add .;"
    " git cherry-pick --continue",
    "cherry-pick --continue with more": "git switch clash; ! git cherry-pick main main~1; echo 1 > notes; git add .;"
    " git cherry-pick --continue",
    "cherry-pick --skip": "git switch clash; ! git cherry-pick main main~1; git cherry-pick --skip",
    "cherry-pick concluded by commit": "git switch clash; ! git cherry-pick main~1 main; git commit -qam Both",
    "revert": "git revert --no-edit HEAD",
    "revert of several": "git revert --no-edit HEAD HEAD~1",
    "am": "git format-patch -q -1 main~1; git am -q 0*.patch",
    "am of several": "git format-patch -q -2 -o .git/patches; git switch main; git am -q .git/patches/*",
    "commit": "sed s/f3/f4/g\\;s/extra/more/ migrations/versions/f3* | sed \"s/'f2'/'f3'/\" > migrations/versions/f4_.py;"
    " git add .; git commit -qm f4",
    "commit -a": "sed -i s/50/60/ migrations/versions/f3*; git commit -qam Longer",
    "commit of one file": "sed -i s/50/60/ migrations/versions/f3*; git commit -qm Longer migrations/versions/f3*",
    "commit --amend": "sed -i s/50/60/ migrations/versions/f3*; git commit -qa --amend --no-edit",
    "commit --amend that takes a revision out": "echo 1 > 1; git add 1; git commit -qm 1;"
    " git rm -q migrations/versions/f3*; git commit -q --amend -m 1",
    "commit --no-verify": "sed -i s/50/60/ migrations/versions/f3*; git commit -qa --no-verify -m Longer",
    "bisect": "git bisect start topic main~2; git bisect bad; git bisect reset",
    "bisect run": "git bisect start topic main~2; git bisect run true; git bisect reset",
    "bisect reset to somewhere": "git bisect start topic main~2; git bisect reset main",
    "worktree add": "git worktree add ../linked main",
    "clone": "git clone -q . ../cloned",
    "symbolic-ref": "git symbolic-ref HEAD refs/heads/main; git reset -q --hard; git switch feature",
    "branch -m": "git branch -m renamed",
    "update-ref, branch -f and -D": "git branch -f new main; git branch -D new; git update-ref refs/heads/main topic",
}
AT_ONCE_NEWER = {
    (2, 44): {"replay": "git replay --onto main main..clash | git update-ref --stdin"},
    (2, 54): {"history reword": "git history reword HEAD"},
}
# Git fires nothing, or nothing at the end.
LATER = {
    "reset --hard": "git reset -q --hard HEAD~1",
    "reset --hard to elsewhere": "git reset -q --hard topic",
    "reset --keep": "git reset -q --keep main",
    "reset --merge": "git reset -q --merge main",
    "reset --soft": "git reset -q --soft HEAD~1",
    "reset --mixed": "git reset -q HEAD~1",
    "merge --abort": "git merge --no-commit --no-ff main; git merge --abort",
    "merge --abort after a conflict": "git switch clash; ! git merge main; git merge --abort",
    "merge --quit": "git switch clash; ! git merge main; git merge --quit; git checkout --ours notes",
    "merge --autostash": "echo '# mine' >> alembic.ini; git merge --no-edit --autostash main",
    "rebase --abort": "git switch clash; ! git rebase main; git rebase --abort",
    "rebase --apply --abort": "git switch clash; ! git rebase --apply main; git rebase --abort",
    "rebase --quit": "git switch clash; ! git rebase main; git rebase --quit; git checkout --ours notes",
    "rebase that is a fast-forward": "git switch main; git rebase topic",
    "rebase -i that only drops": "TODO=2d git rebase -i feature~2",
    "rebase --autostash": "echo mine > mine; git add mine; git rebase --autostash main",
    "pull --rebase --autostash": "echo mine > mine; git add mine; git pull --rebase --autostash . main",
    "cherry-pick -n": "git cherry-pick -n main~1",
    "cherry-pick --abort": "git switch clash; ! git cherry-pick main~1 main; git cherry-pick --abort",
    "cherry-pick --quit": "git switch clash; ! git cherry-pick main~1 main; git cherry-pick --quit;"
    " git checkout --ours notes",
    "revert -n": "git revert -n HEAD",
    "revert --abort": "git revert -n HEAD; git revert --abort",
    "am --abort": "git format-patch -q -2 -o .git/patches main; git switch clash; ! git am -q .git/patches/*;"
    " git am --abort",
    "stash": "sed -i s/50/60/ migrations/versions/f3*; git dbsync-ensure; git stash -q",
    "stash and pop": "sed -i s/50/60/ migrations/versions/f3*; git stash -q; git dbsync-ensure; git stash pop",
    "stash apply": "sed -i s/50/60/ migrations/versions/f3*; git stash -q; git stash apply",
    "stash branch": "sed -i s/50/60/ migrations/versions/f3*; git stash -q; git switch main; git stash branch new",
    "apply": "git diff feature topic | git apply",
    "apply --index": "git diff feature~1 feature | git apply -R --index",
    "clean": "git mv migrations/versions/f3* f3.py; git commit -qm x; cp f3.py migrations/versions/f3_.py;"
    " git dbsync-ensure; git clean -fdq",
    "rm": "git rm -q migrations/versions/f3*",
    "mv": "git mv migrations/versions/f3* migrations/versions/f3_renamed.py",
    "read-tree": "git read-tree -m -u HEAD topic",
    "checkout-index": "rm migrations/versions/f3*; git dbsync-ensure; git checkout-index -f -a",
    "update-ref under the work tree": "git update-ref refs/heads/feature main; git reset -q --hard",
}
# Waits in the middle, is said once, and is caught up at the end.
DEFERRED = {
    "a rebase that stops": ("git switch clash; ! git rebase main", "git rebase --abort"),
    "a rebase by --apply that stops": ("git switch clash; ! git rebase --apply main", "git rebase --skip"),
    "a rebase that was given up": ("git switch clash; ! git rebase main", "git rebase --quit; git checkout -f"),
    "an edit in a rebase": ("TODO='1s/pick/edit/' git rebase -i main", "git rebase --continue"),
    "a series of picks": (
        "git switch clash; ! git cherry-pick main~1 main topic",
        "echo 1 > notes; git add .; git cherry-pick --continue",
    ),
    "a bisection": ("git bisect start topic main~2; git bisect bad", "git bisect reset"),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """Make the branches that the rows speak of, with a database that follows them."""
    folder = tmp_path_factory.mktemp("operations")
    project = Project.create(folder / "project")
    project.write("pyproject.toml", "[tool.dbsync]\nheads = 3\n")
    project.table("r1")
    project.commit("Add r1")
    project.table("m2", "r1")
    project.commit("Add m2")
    project.write("notes", "main\n")
    project.commit("Notes")
    project.switch("--quiet", "-c", "topic")
    project.table("p3", "m2")
    project.commit("Add p3")
    project.switch("--quiet", "-c", "feature", "main~2")
    project.table("f2", "r1")
    project.commit("Add f2")
    project.column("f3", "f2", "t_f2", "extra")
    project.commit("Add f3")
    project.git("tag", "v1", "HEAD~1")
    project.switch("--quiet", "-c", "clash")
    project.write("notes", "clash\n")
    project.commit("Other notes")
    project.switch("--quiet", "feature")
    ensure = f"!{project.python} -P -m dbsync ensure"
    for key, value in (
        ("alias.dbsync-ensure", ensure),
        ("core.editor", "true"),
        ("rebase.missingCommitsCheck", "ignore"),
    ):
        project.git("config", key, value)
    project.git("config", "sequence.editor", 'sed -i "${TODO:-}"')
    return Saved(follow(project), folder / "saved")


@pytest.fixture
def branches(saved: Saved) -> Iterator[Project]:
    """Give the project, on feature."""
    project = saved.restore()
    yield project
    for name in ("linked", "cloned"):
        subprocess.run(["rm", "-rf", str(project.top.parent / name)], check=True)


def type_in(project: Project, script: str):
    """Run what a developer types; a line that fails ends the test."""
    return project.run("sh", "-exc", script, check=True)


AT_ONCE |= {name: script for since, rows in AT_ONCE_NEWER.items() if since <= GIT for name, script in rows.items()}


@pytest.mark.parametrize("script", AT_ONCE.values(), ids=AT_ONCE.keys())
def test_the_database_follows_at_once(branches: Project, script: str):
    done = type_in(branches, script)
    assert codes(done) == []
    assert_follows(branches)


@pytest.mark.parametrize("script", LATER.values(), ids=LATER.keys())
def test_where_git_says_nothing_the_next_command_catches_up(branches: Project, script: str):
    done = type_in(branches, script)
    assert codes(done) == []
    branches.dbsync("ensure")
    assert_follows(branches)


@pytest.mark.parametrize(("begin", "end"), DEFERRED.values(), ids=DEFERRED.keys())
def test_in_the_middle_it_waits_and_says_so_once(branches: Project, begin: str, end: str):
    switches = re.match(r"git switch \w+; ", begin)
    if switches:
        type_in(branches, switches.group())
    before = dump(branches)
    done = type_in(branches, begin.removeprefix(switches.group()) if switches else begin)
    assert done.err.count("dbsync: waiting for the end of the") == 1, done.err
    assert before == dump(branches)
    assert state(branches) in ("pending_sync", "in_sync")
    type_in(branches, end)
    branches.dbsync("ensure")
    assert_follows(branches)
    assert not branches.path(".git/dbsync-pending").exists()


def test_a_bisection_is_followed_step_by_step_where_that_is_set(branches: Project):
    branches.git("config", "dbsync.bisect", "true")
    probe = f"{branches.python} -P -m dbsync status --exit-code >&2 && ! test -e migrations/versions/m2*"
    done = type_in(branches, f"git bisect start topic main~2; git bisect run sh -c '{probe}'")
    assert f"{branches.rev('main~1')} is the first" in done.out
    assert codes(done) == []
    assert_follows(branches)
    type_in(branches, "git bisect reset")
    assert_follows(branches)

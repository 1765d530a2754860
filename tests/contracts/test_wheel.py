"""What is shipped works where it is installed: the wheel in a new environment, without this repository."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]

ARGUMENTS = {
    "post-checkout": ["0" * 40, "0" * 40, "1"],
    "post-merge": ["0"],
    "post-rewrite": ["amend"],
}


def run(*argv, cwd, **environ):
    return subprocess.run(
        [str(arg) for arg in argv],
        cwd=cwd,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, TOP, cwd=folder)
    assert not built.returncode, built.stdout + built.stderr
    (wheel,) = folder.glob("git_dbsync-*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A virtual environment that holds the wheel and nothing else: the folder of its programs."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    made = run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=venv.parent)
    assert not made.returncode, made.stderr
    pip = [sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install", "--quiet"]
    done = run(*pip, "--no-deps", "--no-index", wheel, cwd=venv.parent)
    assert not done.returncode, done.stderr
    return venv / "bin"


@pytest.fixture(scope="module")
def hooks(installed):
    """The installed folder of hooks."""
    asked = run(installed / "python", "-c", "import dbsync; print(dbsync.__path__[0])", cwd=installed)
    return Path(asked.stdout.strip()) / "hooks"


def test_the_wheel_holds_the_package_and_the_hooks_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"dbsync", "git_dbsync"}
    shipped = {name.removeprefix("dbsync/hooks/") for name in names if name.startswith("dbsync/hooks/")}
    assert shipped == {path.name for path in (TOP / "hooks").iterdir()}
    assert shipped >= {"gate"}


def test_every_hook_is_as_in_the_repository_and_may_be_run(hooks):
    for source in (TOP / "hooks").iterdir():
        copy = hooks / source.name
        assert copy.read_bytes() == source.read_bytes()
        assert copy.stat().st_mode & stat.S_IXUSR, source.name


@pytest.mark.parametrize("script", ["dbsync", "git-dbsync"])
def test_both_scripts_say_their_version_without_any_dependency(installed, script, tmp_path):
    said = run(installed / script, "--version", cwd=tmp_path)
    assert (said.returncode, said.stderr) == (0, "")
    assert "0.1.0" in said.stdout


def test_every_hook_runs_from_there_and_leaves_git_alone(hooks, project):
    project.table("r1")
    project.commit("a revision")
    for hook in sorted(hooks.iterdir()):
        arguments = ARGUMENTS.get(hook.name, [])
        if hook.name == "gate":
            arguments = ["post-checkout", *ARGUMENTS["post-checkout"]]
        done = run(hook, *arguments, cwd=project.top)
        assert done.returncode == 0, (hook.name, done.stderr)
        assert "Traceback" not in done.stderr
    assert project.git("status", "--porcelain").out == ""


def test_git_finds_the_script_as_its_own_command(installed, project):
    path = f"{installed}{os.pathsep}{os.environ['PATH']}"
    said = project.run("git", "dbsync", "--version", env={"PATH": path})
    assert said.rc == 0, said.err
    assert "0.1.0" in said.out

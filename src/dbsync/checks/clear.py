"""Keeping that nothing was found in what is staged, for `commands.quick_check`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dbsync.checks.around import folders_of, own_files
from dbsync.checks.verdicts import Verdicts
from dbsync.store.clear_tree import store_clear_tree

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from dbsync.checks.judged import Subject
    from dbsync.git.repository import Repository
    from dbsync.sync.project import Project

# What decides which configuration git reads, which interpreter is the project's, and how strict a run is.
VARIABLES = ("CI", "CONDA_PREFIX", "HOME", "VIRTUAL_ENV", "XDG_CONFIG_HOME")
OF_GIT = ("GIT_CONFIG_COUNT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_SYSTEM")


def remember_clear(project: Project, subject: Subject, kinds: Collection[str]) -> None:
    """Keep that some kinds of checks found nothing in a subject that is not a merge."""
    tree, environments = project.commit_tree(subject.tree), project.environments(project.commit_tree(subject.tree))[0]
    verdicts = [Verdicts(project, one) for one in environments]
    records = [one.record(tree) for one in verdicts]
    if subject.other or not subject.base or not records or any(one is None or one["upon"] for one in records):
        return
    known = [one for one in records if one]
    tracked = {entry.path for entry in tree.list()}
    found = {
        "tree": subject.tree,
        "head": subject.base,
        "kinds": sorted(kinds),
        "environments": [_depended(one) for one in known],
    }
    facts = [one["verdict"] for one in known]
    top = project.repository.top
    files = {os.path.join(top, name) for one in facts for name in own_files(one, tracked)}
    files |= {path for one in facts for path in one["outside"]}
    hangs_on = {
        "files": sorted({*files, *_of_dbsync(project), *_configurations(project.repository)}),
        "folders": [os.path.join(top, name) for name in sorted({name for one in facts for name in folders_of(one)})],
        "variables": sorted({*VARIABLES, *OF_GIT, *(name for one in facts for name in one["variables"])}),
    }
    store_clear_tree(project.repository.git_dir, found, hangs_on, project.environ)


def _depended(record: dict[str, Any]) -> dict[str, Any]:
    facts = record["verdict"]
    return {"names": list(record["ids"]), **{name: facts[name] for name in ("idle", "python", "documented")}}


def _of_dbsync(project: Project) -> Iterable[str]:
    """Yield what decides how dbsync itself judges: settings, and where the project's interpreter is looked for."""
    yield os.path.join(project.repository.top, "pyproject.toml")
    yield project.layout.path("environments.json")
    for top in {project.repository.top, project.main_top}:
        yield from (os.path.join(top, name, "pyvenv.cfg") for name in (".venv", "venv"))


def _configurations(repository: Repository) -> Iterable[str]:
    """Yield the files that git's configuration was read from, included ones too, and where one might come."""
    home = repository.environ.get("HOME", "")
    yield from (os.path.join(home, name) for name in (".gitconfig", ".config/git/config"))
    yield "/etc/gitconfig"
    listed = repository.ask("config", "--list", "--show-origin", "--name-only", "-z").stdout.split(b"\0")
    for origin in set(listed[::2]):
        kind, _, path = os.fsdecode(origin).partition(":")
        if kind == "file":
            yield os.path.join(repository.top, path)

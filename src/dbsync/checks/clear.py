"""Keeping that nothing was found in what is staged, for `commands.quick_check`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dbsync.checks.around import folders_of, own_files
from dbsync.checks.verdicts import Verdicts
from dbsync.config.settings import is_script
from dbsync.store.clear_tree import store_clear_tree

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from dbsync.checks.judged import Subject
    from dbsync.git.objects import CommitTree
    from dbsync.git.repository import Repository
    from dbsync.sync.project import Project

# What decides which configuration git reads, which interpreter is the project's, and how strict a run is.
VARIABLES = ("CI", "CONDA_PREFIX", "HOME", "PYTHONPATH", "VIRTUAL_ENV", "XDG_CONFIG_HOME")
OF_GIT = ("GIT_CONFIG_COUNT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_SYSTEM")


def remember_clear(project: Project, subject: Subject, kinds: Collection[str]) -> None:
    """Keep that some kinds of checks found nothing in a subject that is not a merge."""
    tree = project.commit_tree(subject.tree)
    verdicts = [Verdicts(project, one) for one in project.environments(tree)[0]]
    known = [one.record(tree) if "drift" in kinds else one.of_revisions(tree) for one in verdicts]
    records = [one for one in known if one and not one["upon"]]
    # Of a tree without any environment nothing is known that could hold for one that has some.
    if records and subject.base and not subject.other and len(records) == len(verdicts):
        found = {"tree": subject.tree, "head": subject.base, "environments": [_depended(one) for one in records]}
        hangs_on = _hangs_on(project, tree, [one["verdict"] for one in records])
        store_clear_tree(project.repository.git_dir, kinds, (found, hangs_on), project.environ)


def _depended(record: dict[str, Any]) -> dict[str, Any]:
    facts = record["verdict"]
    return {"names": list(record["ids"]), **{name: facts[name] for name in ("idle", "python", "documented")}}


def _hangs_on(project: Project, tree: CommitTree, facts: list[dict[str, Any]]) -> dict[str, list[str]]:
    top, tracked = project.repository.top, {entry.path for entry in tree.list()}
    files = {os.path.join(top, name) for one in facts for name in own_files(one, tracked)}
    files |= {path for one in facts for path in one["outside"]}
    folders = {os.path.join(top, name) for one in facts for name in folders_of(one)}
    variables = {name for one in facts for name in one["variables"]}
    return {
        "files": sorted({*files, *_of_dbsync(project), *_configurations(project.repository)}),
        "folders": sorted(folders),
        "variables": sorted({*VARIABLES, *OF_GIT, *variables}),
    }


def _of_dbsync(project: Project) -> Iterable[str]:
    """Yield what decides how dbsync itself judges: settings, and where the project's interpreter is looked for."""
    yield os.path.join(project.repository.top, "pyproject.toml")
    yield project.layout.path("environments.json")
    baselines = (project.settings.baseline_for(one.name) for one in project.environments()[0])
    yield from (os.path.join(project.repository.top, one) for one in baselines if one and is_script(one))
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

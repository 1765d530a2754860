"""What every sync ends with: the gate for the hooks to come, and whether anything is still put off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.store.gate import remove_gate, write_gate
from dbsync.store.pending import clear_pending
from dbsync.sync.branches import PER_BRANCH, note_branch

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.sync.project import Project


def settle(project: Project) -> None:
    """Clear what was put off; write the gate where all that is applied comes from HEAD's committed trees.

    The databases must just have been found, or brought, in sync.
    """
    clear_pending(project.repository.git_dir)
    note_branch(project)
    environments, obstacles = project.environments()
    head = project.repository.head_commit()
    committed = head and not obstacles and all(_is_committed(project, one, head) for one in environments)
    if not committed or head is None or not environments:
        remove_gate(project.repository.git_dir)
        return
    on_branch = project.settings.data == PER_BRANCH
    write_gate(project.repository.git_dir, _ids(project, environments, head), on_branch=on_branch)


def _is_committed(project: Project, environment: Environment, head: str) -> bool:
    """Whether the work tree's revisions are HEAD's, to the byte."""
    here = project.graph(environment)
    there = project.graph(environment, project.commit_tree(head))
    clean = not (here.obstacles or here.strays or there.obstacles)
    return clean and here.map.revisions == there.map.revisions


def _ids(project: Project, environments: list[Environment], head: str) -> dict[str, str | None]:
    paths = {"alembic.ini", "pyproject.toml"}
    for one in environments:
        named = (one.ini, one.toml, f"{one.script_location}/env.py", *one.version_locations)
        paths.update(path for path in named if path)
    listed = sorted(paths)
    names = "".join(f"{head}:{path}\n" for path in listed)
    output = project.repository.ask(
        "cat-file", "--batch-check=%(objectname)", input=names.encode("utf-8", "surrogateescape")
    )
    lines = output.stdout.decode("utf-8", "surrogateescape").splitlines()
    return {path: None if line.endswith(" missing") else line for path, line in zip(listed, lines, strict=False)}

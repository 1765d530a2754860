"""Graphs that revisions may be written for: of every environment of the work tree, with nothing wrong in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.errors import EXIT_USAGE, DbsyncError

if TYPE_CHECKING:
    from dbsync.config.environment import Environment
    from dbsync.environment.script_directory import Graph
    from dbsync.errors import Obstacle
    from dbsync.sync.project import Project

NOTHING_YET = "DBS108"


def sound_graphs(project: Project) -> tuple[list[tuple[Environment, Graph]], list[Obstacle]]:
    """Return the work tree's graphs, and as obstacles where there is nothing to read.

    Raises `DbsyncError` for the first thing that is wrong in a graph, and where there is no environment at all.
    """
    environments, obstacles = project.environments()
    if not environments:
        raise refusal(obstacles[0], exit_code=EXIT_USAGE)
    graphs = [(one, project.graph(one)) for one in environments]
    found = [obstacle for _, graph in graphs for obstacle in graph.obstacles]
    wrong = next((one for one in found if one.code != NOTHING_YET), None)
    if wrong:
        raise refusal(wrong)
    return [pair for pair in graphs if not pair[1].obstacles], [*obstacles, *found]


def refusal(obstacle: Obstacle, *, exit_code: int = 1) -> DbsyncError:
    """Return the error that ends a command because of an obstacle, with the file that it is in."""
    where = f" ({obstacle.path}{f':{obstacle.line}' if obstacle.line else ''})" if obstacle.path else ""
    code = f" [{obstacle.code}]" if obstacle.code else ""
    return DbsyncError(f"{obstacle.message}{where}{code}", obstacle.hint, code=obstacle.code, exit_code=exit_code)

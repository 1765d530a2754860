"""`heads` for people: one head a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.cli import console

if TYPE_CHECKING:
    from dbsync.commands.heads import Heads


def show(value: Heads) -> None:
    """Show the heads of every environment; the environment is named where there are several."""
    for line in head_lines(value):
        console.data(line)
    for obstacle in [*value.obstacles, *(one for _, graph in value.graphs for one in graph.obstacles)]:
        console.obstacle(obstacle)


def head_lines(value: Heads) -> list[str]:
    """Return a line for every head: its id and the first line of its docstring."""
    lines = []
    for environment, graph in value.graphs:
        name = f"{environment.name}: " if len(value.graphs) > 1 else ""
        for head in graph.map.declared_heads:
            doc = graph.map.revisions[head].doc
            lines.append(console.clean(f"{name}{head}{f'  {doc}' if doc else ''}"))
    return lines

"""Engines whose databases are looked at and never moved. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.errors import Obstacle

if TYPE_CHECKING:
    from dbsync.plan.planner import Plan

# Each change of a schema is committed at once there: a step that fails could not be taken back.
ENGINES = ("mysql", "mariadb")


def why_left_alone(dialect: str, plan: Plan) -> Obstacle | None:
    """Return why a plan is not carried out, and how it is by hand."""
    if dialect not in ENGINES or not plan.steps:
        return None
    up = "`alembic upgrade heads`"
    down = f"`alembic downgrade` where the file of {plan.down[0]} is, then {up} here" if plan.down else up
    return Obstacle("DBS411", "databases on MySQL and MariaDB are not moved yet: it was left alone", down)

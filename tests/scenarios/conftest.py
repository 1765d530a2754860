"""Projects whose database follows Git already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.following import follow, sql

if TYPE_CHECKING:
    from tests.support.project import Project


@pytest.fixture
def followed(project: Project) -> Project:
    """Give a project with one committed and applied revision r1 (table t_r1) whose database follows Git."""
    project.table("r1")
    project.commit("Add r1")
    return follow(project)


@pytest.fixture
def filled(project: Project) -> Project:
    """Give a project on feature (r1, f2) with a row in both tables, and main at r1; its database follows Git."""
    project.table("r1")
    project.commit("Add r1")
    project.switch("--quiet", "-c", "feature")
    project.table("f2", "r1")
    project.commit("Add f2")
    follow(project)
    sql(project, "INSERT INTO t_r1 (name) VALUES ('old')", "INSERT INTO t_f2 (name) VALUES ('new')")
    return project

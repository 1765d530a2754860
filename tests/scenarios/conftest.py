"""Projects whose database follows Git already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.following import follow

if TYPE_CHECKING:
    from tests.support.project import Project


@pytest.fixture
def followed(project: Project) -> Project:
    """Give a project with one committed and applied revision r1 (table t_r1) whose database follows Git."""
    project.table("r1")
    project.commit("Add r1")
    return follow(project)

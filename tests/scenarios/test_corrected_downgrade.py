"""A downgrade that is corrected after its revision was applied: nothing that was built changes, the way back does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.following import assert_follows, follow, state

if TYPE_CHECKING:
    from tests.support.project import Project

UP = 'op.create_table("t2", sa.Column("id", sa.Integer, primary_key=True))'


@pytest.fixture
def corrected(project: Project) -> Project:
    """Give a project whose second revision was committed with a downgrade that fails, then with one that works."""
    project.table("r1")
    project.commit("Add r1")
    project.revision("r2", "r1", UP, 'raise NotImplementedError("some day")')
    project.commit("Add r2")
    project.git("tag", "broken")
    follow(project)
    project.revision("r2", "r1", UP, 'op.drop_table("t2")')
    project.commit("Correct the downgrade of r2")
    return project


def test_nothing_moves_between_the_broken_and_the_corrected_one(corrected: Project):
    """Otherwise the broken one would be run, for ever: the template of FastAPI, 8b35efe9 and 2fdd62ce."""
    for ref in ("broken", "main", "broken", "main"):
        corrected.git("checkout", "--quiet", ref)
        assert_follows(corrected)
        assert state(corrected) == "in_sync"


def test_the_corrected_one_is_what_goes_down(corrected: Project):
    corrected.git("checkout", "--quiet", "main~2")

    assert_follows(corrected)

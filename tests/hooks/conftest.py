"""Repositories with and without dbsync's hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hooks.hooked import Hooked
from tests.support.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def make_hooked(tmp_path: Path) -> Callable[..., Hooked]:
    """Give a function that makes a repository of this name, hooks not yet installed."""

    def make(name: str = "project") -> Hooked:
        return Hooked(Project.create(tmp_path / name), tmp_path / "interpreter")

    return make


@pytest.fixture
def bare(make_hooked: Callable[..., Hooked]) -> Hooked:
    """Give a repository without dbsync's hooks."""
    return make_hooked()


@pytest.fixture
def hooked(bare: Hooked) -> Hooked:
    """Give a repository with dbsync's hooks in hook files."""
    bare.install()
    return bare

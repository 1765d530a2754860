"""`dbsync init` where HEAD is on no branch: a pull request that is being looked at, a bisect, a build server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.following import assert_follows, follow
from tests.support.project import Project

if TYPE_CHECKING:
    from pathlib import Path


def test_the_commit_that_init_was_run_at_is_trusted_and_re_parented_by_main(project: Project, tmp_path: Path):
    """Ambuda's 8ae87ca, then 07ff29ca: the id is the new head, and without this no blog_posts ever exists."""
    project.table("r1")
    project.commit("Add r1")
    project.switch("--quiet", "-c", "status")
    project.table("statuses", "r1")
    pull_request = project.commit("Add statuses")
    project.switch("--quiet", "main")
    project.table("blog_posts", "r1")
    project.table("statuses", "blog_posts")
    project.commit("Add blog_posts and merge statuses")
    project.git("update-ref", "refs/pull/352/head", pull_request)
    project.git("branch", "-D", "status")
    project.git("clone", "--quiet", ".", "../clone")
    clone = Project(tmp_path / "clone")
    clone.git("fetch", "--quiet", "origin", "refs/pull/352/head")
    clone.git("checkout", "--quiet", "FETCH_HEAD")

    follow(clone)
    assert_follows(clone)
    clone.switch("main")
    assert_follows(clone)
    clone.git("checkout", pull_request)
    assert_follows(clone)

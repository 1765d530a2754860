"""Obstacles and errors as values."""

from __future__ import annotations

from dbsync.errors import EXIT_FINDING, DbsyncError, Obstacle


def test_an_obstacle_has_the_fields_that_status_json_promises():
    obstacle = Obstacle("DBS105", "one sentence", "a command", "a.py", 3)

    assert obstacle.as_json() == {
        "code": "DBS105",
        "message": "one sentence",
        "hint": "a command",
        "path": "a.py",
        "line": 3,
    }


def test_an_error_is_a_finding_unless_told_and_can_be_listed_as_an_obstacle():
    error = DbsyncError("one sentence", "a command", code="DBS401")

    assert (str(error), error.exit_code) == ("one sentence", EXIT_FINDING)
    assert error.obstacle == Obstacle("DBS401", "one sentence", "a command")

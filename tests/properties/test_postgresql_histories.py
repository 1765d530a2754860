"""The same rewritten histories on a real PostgreSQL."""

from __future__ import annotations

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.test_rewritten_histories import RewrittenHistories
from tests.support.histories import HISTORIES, STEPS, history_settings
from tests.support.postgres import running_server

pytestmark = [pytest.mark.histories, pytest.mark.postgres]


class PostgresqlHistories(RewrittenHistories):
    """A developer whose database is on a server."""

    always_recorded = True

    def options(self) -> dict[str, str]:
        """Make a database for this history."""
        self.database = running_server().create()
        return {"url": self.database.url}

    def teardown(self) -> None:
        """Remove the database too."""
        super().teardown()
        running_server().drop(self.database.name)


def test_after_every_step_a_database_on_postgresql_is_a_fresh_build_or_unchanged():
    run_state_machine_as_test(
        PostgresqlHistories, settings=history_settings(steps=STEPS, histories=(HISTORIES + 5) // 6)
    )

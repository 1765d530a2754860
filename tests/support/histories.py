"""How many random Git histories a run tries, how long, and with which settings."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

HISTORIES = int(os.environ.get("DBSYNC_HISTORIES", "20"))
STEPS = int(os.environ.get("DBSYNC_STEPS", "7"))


def history_settings(*, steps: int = 12, histories: int = HISTORIES) -> settings:
    """Return settings for a test over real repositories: as many histories as asked, each up to `steps` long.

    No deadline: a step starts processes. With `--hypothesis-seed=N` a run is repeated exactly.
    """
    return settings(
        max_examples=histories,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )

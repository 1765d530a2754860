"""What the last run of an environment's env.py taught: its interpreter, its databases, and what those hang on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dbsync.store.layout import write_private

if TYPE_CHECKING:
    from dbsync.store.layout import Layout


def read_records(layout: Layout) -> dict[str, dict[str, Any]]:
    """Return what is recorded, by environment name; nothing where there is nothing or it cannot be read."""
    try:
        with open(layout.path("environments.json"), encoding="utf-8") as file:
            records = json.load(file)
    except (OSError, ValueError):
        return {}
    found = records.items() if isinstance(records, dict) else ()
    return {name: facts for name, facts in found if isinstance(facts, dict)}


def update_record(layout: Layout, environment: str, **facts: Any) -> None:
    """Add facts to what is recorded of an environment."""
    records = read_records(layout)
    records.setdefault(environment, {}).update(facts)
    layout.folder()
    write_private(layout.path("environments.json"), json.dumps(records, indent=1, sort_keys=True))

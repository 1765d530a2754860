"""The time, in the one form that ledgers and JSON have."""

from __future__ import annotations

import datetime as dt


def utc_now() -> str:
    """Return the time in UTC, in ISO form, to the second."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")

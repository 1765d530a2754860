"""What differs between database engines, behind one set of functions; one module an engine."""

from __future__ import annotations

from typing import Any


def adapter_for(dialect: Any) -> Any:
    """Return the module for a dialect, given as its name or as SQLAlchemy's object; only that one is compiled."""
    name = getattr(dialect, "name", dialect)
    if name == "sqlite":
        from . import sqlite

        return sqlite
    if name in ("mysql", "mariadb"):
        from . import mysql

        return mysql
    from . import postgresql

    return postgresql

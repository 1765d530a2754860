"""What a plan would make of the schema, tried and undone: the evidence where no fresh build can be made."""

from __future__ import annotations

from typing import Any

from .engines import adapter_for


def schema_after(context: Any, sources: Any, plan: dict[str, Any] | None) -> list[str] | None:
    """Return the lines of the schema that a plan would leave; None for no plan, and where it fails or stays."""
    if not plan or not adapter_for(context.dialect).ROLLS_BACK_DDL:
        return None
    old, new = sources.map_of(plan["applied"]), sources.map_of(plan["target"])
    savepoint = context.connection.begin_nested()
    try:
        for one in plan["down"]:
            old.get_revision(one).module.downgrade()
        for one in plan["up"]:
            new.get_revision(one).module.upgrade()
        lines: list[str] = adapter_for(context.dialect).schema(context.connection, context.version_table)
        return sorted(lines)
    except Exception:  # noqa: BLE001 - whatever a revision raises: then nothing is known
        return None
    finally:
        savepoint.rollback()

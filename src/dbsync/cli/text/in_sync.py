"""`status` where everything is known to be in sync; read by the quick path, so it imports nothing that costs."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def show_in_sync(status: dict[str, Any], arguments: list[str]) -> None:
    """Print the JSON of `status` in the form that was asked for; `ensure` says nothing."""
    if arguments == ["status", "--json"]:
        import json

        print(json.dumps(status))
    elif arguments[0] == "status":
        print(f"git: {clean(status['git']['branch'] or status['git']['head'][:12])}")
        for one in status["environments"]:
            print("\n".join(in_sync_lines(one)))


def in_sync_lines(environment: dict[str, Any]) -> list[str]:
    """Return the lines of one environment, given in the form of `status --json`, as `status` shows it."""
    heads = clean(", ".join(environment["heads"]) or "none")
    number = environment["revisions"]
    lines = [f"{clean(environment['name'])}: {number} revision{'' if number == 1 else 's'}, head {heads}"]
    for one in environment["databases"]:
        lines.append(f"  {clean(one['database'])} at {clean(', '.join(one['current']) or 'base')}: in sync")
        if one["observed"]:
            observed = len(one["observed"])
            lines.append(f"  {observed} applied revisions were observed later, not seen when applied")
    return lines


def clean(text: str) -> str:
    """Return a name with control characters made visible: a branch or file name must not drive the terminal."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape", "replace").decode() for one in text)

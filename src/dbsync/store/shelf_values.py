"""Values on the shelf: SQLite's own, but for bytes and for texts that are no UTF-8, which have a sign in front."""

from __future__ import annotations

import base64
from typing import Any


def has(kinds: tuple[type, ...], rows: list[Any]) -> bool:
    """Say whether rows hold something that has to be written in another way; strings are looked at one by one."""
    for column in zip(*rows, strict=False):
        found = set(map(type, column)).intersection(kinds)
        if found - {str} or (str in found and any(map(_is_odd, column))):
            return True
    return False


def _is_odd(value: Any) -> bool:
    """Say whether a text stands for bytes that are no UTF-8."""
    if not isinstance(value, str) or value.isascii():
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False


def stored(value: Any) -> Any:
    """Return bytes with a sign of what they were: a blob, or a text that is no UTF-8."""
    if isinstance(value, dict):
        return b"b" + base64.b64decode(value["b"])
    return b"t" + value.encode("utf-8", "surrogateescape") if _is_odd(value) else value


def sent(value: Any) -> Any:
    """Return a value of a file as it is sent to the worker."""
    if not isinstance(value, bytes):
        return value
    if value.startswith(b"t"):
        return value[1:].decode("utf-8", "surrogateescape")
    return {"b": base64.b64encode(value[1:]).decode("ascii")}

"""Reading what `cat-file --batch` answers. Hot: imports nothing."""

from __future__ import annotations


def parse_blobs(output: bytes, count: int) -> list[bytes | None]:
    """Return the blobs of as many answers, None for each that is missing or no blob."""
    blobs: list[bytes | None] = []
    at = 0
    for _ in range(count):
        content, at = _next_blob(output, at)
        blobs.append(content)
    return blobs


def _next_blob(output: bytes, at: int) -> tuple[bytes | None, int]:
    """Read one answer of `cat-file --batch`: `<oid> <type> <size>` and the content, or `<name> missing` or the like."""
    end = output.index(b"\n", at)
    words = output[at:end].rsplit(b" ", 2)
    if not words[-1].isdigit():
        return None, end + 1
    start, size = end + 1, int(words[-1])
    return (output[start : start + size] if words[1] == b"blob" else None), start + size + 1

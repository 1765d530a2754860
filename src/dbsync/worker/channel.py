"""The conversation with dbsync: one JSON object a line, both ways; each of ours behind a record separator (RFC 7464).

The project may print what it likes: its standard output is moved to standard error before anything of it is loaded.
"""

from __future__ import annotations

import json
import os
from typing import Any, BinaryIO


class Channel:
    """Events to dbsync and its answers."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    def take_over(cls) -> Channel:
        """Keep the standard streams for ourselves; the project gets an empty input, and error for its output."""
        reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
        os.dup2(2, 1)
        return cls(reader, writer)

    def tell(self, event: str, **facts: Any) -> None:
        """Send an event that needs no answer."""
        line = json.dumps({"event": event, **facts}, default=str)
        self._writer.write(b"\x1e" + line.encode() + b"\n")
        self._writer.flush()

    def ask(self, event: str, **facts: Any) -> dict[str, Any]:
        """Send an event and wait for the answer. Raises EOFError where dbsync is gone: nothing may go on then."""
        self.tell(event, **facts)
        return self.receive()

    def receive(self) -> dict[str, Any]:
        """Read one object."""
        line = self._reader.readline()
        if not line:
            raise EOFError("dbsync has gone away")
        answer: dict[str, Any] = json.loads(line)
        return answer

"""Plain Alembic without its start-up time: one process that has imported it, and forks for each command.

A fresh build is made for most steps of a random history, and nine tenths of `alembic upgrade heads` on a small project
is importing Alembic and SQLAlchemy. A forked child runs `alembic.config.main` as the console script does and then ends,
so one command sees nothing of another. Run as a script, this module is that process: one JSON request a line on stdin,
one JSON answer a line on stdout.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from typing import NamedTuple, NoReturn

# What nearly every command would import for itself.
PRELOADED = (
    "alembic.config",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
)


class Answer(NamedTuple):
    """How an Alembic command ended: exit code and what it printed, both streams together."""

    rc: int
    out: str


class AlembicServer:
    """A running server; ends with this process, whose end closes its stdin."""

    def __init__(self, python: str = sys.executable) -> None:
        self.process = subprocess.Popen(
            [python, os.path.abspath(__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, cwd: str, *argv: str, **environ: str) -> Answer:
        """Run `alembic *argv` in the folder `cwd`, with this process's present environment and what is given."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        request = {"cwd": cwd, "argv": argv, "environ": {**os.environ, **environ}}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return Answer(*json.loads(self.process.stdout.readline()))

    def close(self) -> None:
        """End the server."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def main() -> None:
    """Serve until stdin ends."""
    for name in PRELOADED:
        importlib.import_module(name)
    del sys.path[0]
    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryFile("w+b") as output:
            child = os.fork() or run_child(request, output.fileno())
            status = os.waitpid(child, 0)[1]
            output.seek(0)
            text = output.read().decode("utf-8", "replace")
        sys.stdout.write(json.dumps([os.waitstatus_to_exitcode(status), text]) + "\n")
        sys.stdout.flush()


def run_child(request: dict, output: int) -> NoReturn:
    """Run one command in this forked process and end it."""
    import alembic.config

    code = 1
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.clear()
        os.environ.update(request["environ"])
        os.chdir(request["cwd"])
        with contextlib.suppress(SystemExit):
            alembic.config.main(request["argv"])
            code = 0
    except BaseException:  # noqa: BLE001 - the child ends here, whatever happened
        traceback.print_exc()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()

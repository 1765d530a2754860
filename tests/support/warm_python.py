"""An interpreter that has imported Alembic and SQLAlchemy already: nine tenths of a short worker run is that import.

`warm_python()` returns the path of a program to use as `dbsync.interpreter`. It hands its arguments, environment,
working directory and streams to a server of the project's Python, which forks: what runs is the worker itself, code
and conversation, in a process of its own, without the wait. Run as a script, this module is that server.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from functools import cache
from typing import NoReturn

PRELOADED = ("alembic.command", "alembic.runtime.environment", "sqlalchemy.dialects.sqlite", "logging.config")

# -I and -S: the launcher needs neither site-packages nor the environment's PYTHON variables, and starts in 10 ms.
LAUNCHER = """\
#!{python} -IS
import _socket, os, sys, json
server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
server.connect({address!r})
request = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
fds = b"".join(n.to_bytes(4, sys.byteorder) for n in (0, 1, 2))
server.sendmsg([b"%10d" % len(request)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fds)])
sent = 0
while sent < len(request):
    sent += server.send(request[sent:])
os.close(0), os.close(1), os.close(2)
sys.exit(int(server.recv(10) or b"1"))
"""


@cache
def warm_python(python: str = sys.executable) -> str:
    """Return the launcher's path; its server is started at the first call and ends with this process."""
    folder = tempfile.mkdtemp(prefix="dbsync-warm-")
    address, launcher = os.path.join(folder, "socket"), os.path.join(folder, "python")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(address)
    listening.listen(16)
    server = subprocess.Popen(
        [python, os.path.abspath(__file__), str(listening.fileno())],
        pass_fds=[listening.fileno()],
        stdin=subprocess.PIPE,
    )
    listening.close()
    with open(launcher, "w", encoding="utf-8") as file:
        file.write(LAUNCHER.format(python=os.path.realpath(sys.executable), address=address))
    os.chmod(launcher, 0o700)
    atexit.register(_end, server, folder)
    return launcher


def _end(server: subprocess.Popen, folder: str) -> None:
    server.kill()
    server.wait(10)
    shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Serve for ever, every request in a child."""
    import importlib
    import signal

    for name in PRELOADED:
        importlib.import_module(name)
    del sys.path[0]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(fileno=int(sys.argv[1]))
    while True:
        connection, _ = listening.accept()
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listening.close()
            answer(connection)
        connection.close()


def answer(connection: socket.socket) -> NoReturn:
    """Run one request in a further child and send its exit code back."""
    head, fds, _, _ = socket.recv_fds(connection, 10, 3)
    body = connection.recv(int(head), socket.MSG_WAITALL)
    argv, environ, cwd = json.loads(body)
    child = os.fork()
    if not child:
        run(argv, environ, cwd, fds)
    for fd in fds:
        os.close(fd)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    connection.sendall(b"%d" % (code if code >= 0 else 1))
    os._exit(0)


def run(argv: list[str], environ: dict[str, str], cwd: str, fds: list[int]) -> NoReturn:
    """Be `python -c CODE` in this forked process."""
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(cwd)
    sys.argv[:] = ["-c"]
    try:
        exec(argv[1], {"__name__": "__main__"})
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()

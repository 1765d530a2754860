"""Starting the worker and holding the conversation with it.

The worker travels over standard input, as text: `python -c` reads the sources, then the request. So it is the same
for the project's interpreter beside us and for one in a container (`dbsync.runner`).
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from dbsync import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Answer = Callable[[dict[str, Any]], dict[str, Any] | None]

# What stands before each event (RFC 7464), and how the last one may be called.
MARK = b"\x1e"
LAST = ("done", "failed")
BASELINE_SECONDS = 120
# The worker's name in the project's process: a project may have a module `dbsync` of its own.
PACKAGE = "_dbsync_worker"
# Makes the modules that arrive on standard input importable, and hands over. Nothing else of dbsync is on the
# project's import path, and the working directory is taken off it until the worker stands where Alembic would.
BOOTSTRAP = """
import sys
if sys.path and sys.path[0] == '': sys.path.pop(0)
import json, importlib.abc, importlib.util, linecache
raw = sys.stdin.buffer.raw
def take(count):
    data = b''
    while len(data) < count:
        piece = raw.read(count - len(data))
        if not piece: sys.exit(1)
        data += piece
    return data
sources = json.loads(take(int(take(10))))
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name in sources:
            return importlib.util.spec_from_loader(name, self, is_package=sources[name][2])
    def create_module(self, spec): return None
    def exec_module(self, module):
        path, source, _ = sources[module.__name__]
        linecache.cache[path] = (len(source), None, source.splitlines(True), path)
        exec(compile(source, path, 'exec'), module.__dict__)
sys.meta_path.insert(0, Finder())
from _dbsync_worker.main import main
main()
"""


class Launch(NamedTuple):
    """How the worker is started: its command, where the project is for it, and what its environment is.

    `deadline` is when it is killed, by time.monotonic(): a hook must not freeze git, whatever env.py waits for.
    `baseline` is the command that makes a chain's baseline in a scratch database when the worker asks for it.
    """

    command: list[str]
    top: str
    environ: Mapping[str, str]
    cwd: str
    deadline: float | None = None
    baseline: list[str] = []  # noqa: RUF012 - of a NamedTuple, and never changed


class WorkerDiedError(Exception):
    """The worker ended without a last word. `output` is what it and the project wrote.

    `began`: it had said something; `late`: it was killed at its deadline.
    """

    def __init__(self, returncode: int, output: str, *, began: bool = False, late: bool = False) -> None:
        super().__init__(output)
        self.returncode = returncode
        self.output = output
        self.began = began
        self.late = late


class Conversation(NamedTuple):
    """How a run ended: the worker's last event ("done" or "failed") and what the project wrote meanwhile."""

    last: dict[str, Any]
    output: str


def converse(launch: Launch, request: dict[str, Any], answer: Answer, keep_open: tuple[int, ...] = ()) -> Conversation:
    """Run the worker to its end, giving every event to `answer`; what that returns goes back as the reply.

    Raises `WorkerDiedError` where the program cannot be started or ends without having said how.
    """
    with _Log() as log:
        try:
            child = process.start(
                launch.command, cwd=launch.cwd, env=launch.environ, stderr=log.fd, keep_open=keep_open
            )
        except OSError as error:
            raise WorkerDiedError(127, f"{launch.command[0]}: {error.strerror}") from error
        with _killed_at(launch.deadline, child) as late:
            event = _talk(child, {**request, "top": launch.top}, _with_baseline(launch, answer))
            returncode = child.wait()
        output = log.text()
    if event.get("event") not in LAST:
        raise WorkerDiedError(returncode, output, began=bool(event), late=bool(late))
    return Conversation(event, output)


def _with_baseline(launch: Launch, answer: Answer) -> Answer:
    """Answer the worker's wish for a baseline: the command runs here, and is told where by variables."""

    def answered(event: dict[str, Any]) -> dict[str, Any] | None:
        if event["event"] != "baseline":
            return answer(event)
        environ = {**launch.environ, **event["variables"]}
        try:
            done = process.run(launch.baseline, cwd=launch.cwd, env=environ, seconds=BASELINE_SECONDS)
        except OSError as error:
            return {"failed": f"{launch.baseline[0]}: {error.strerror}"}
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        return {"failed": said[-1] if said else f"exit status {done.returncode}"} if done.returncode else {}

    return answered


def _talk(child: Any, request: dict[str, Any], answer: Answer) -> dict[str, Any]:
    """Return the last event there was. What a runner says by itself on standard output is none."""
    event: dict[str, Any] = {}
    with contextlib.suppress(BrokenPipeError), child.stdout, child.stdin:
        child.stdin.write(_bundle() + _line(request))
        child.stdin.flush()
        for line in child.stdout:
            _, mark, text = line.partition(MARK)
            event = json.loads(text) if mark else event
            reply = answer(event) if mark and event["event"] not in LAST else None
            if reply is not None:
                child.stdin.write(_line(reply))
                child.stdin.flush()
    return event


@contextlib.contextmanager
def _killed_at(deadline: float | None, child: Any) -> Iterator[list[bool]]:
    """Kill the worker at its deadline; the list is not empty then."""
    late: list[bool] = []
    if deadline is None:
        yield late
        return
    import threading
    import time

    def kill() -> None:
        late.append(True)
        child.kill()

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), kill)
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _line(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts).encode() + b"\n"


def _bundle() -> bytes:
    """Return the worker's modules as one JSON object with its length in front, ten bytes wide."""
    top = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "worker")
    sources: dict[str, tuple[str, str, bool]] = {}
    for directory, _, names in os.walk(top):
        for name in sorted(names):
            if name.endswith(".py"):
                path = os.path.join(directory, name)
                sources[_module_name(os.path.relpath(path, top))] = (path, _text(path), name == "__init__.py")
    body = json.dumps(sources).encode()
    return b"%9d\n" % len(body) + body


def _module_name(path: str) -> str:
    parts = path[: -len(".py")].split(os.sep)
    return ".".join([PACKAGE, *(parts[:-1] if parts[-1] == "__init__" else parts)])


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


class _Log:
    """A file without a name that takes what the project prints."""

    def __enter__(self) -> Self:
        import tempfile

        self._file = tempfile.TemporaryFile()
        self.fd = self._file.fileno()
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def text(self) -> str:
        self._file.seek(0)
        return self._file.read().decode(errors="replace")

"""What the hooks run: copies of the packaged gates in the state folder, and the interpreter they start."""

from __future__ import annotations

import os
from contextlib import suppress

from dbsync.errors import EXIT_USAGE, DbsyncError
from dbsync.git.hooks.writing import read_file, replace_file

# The order of githooks(5).
CHECKS = ("pre-commit", "pre-merge-commit")
PUSH = "pre-push"
HOOKS = (*CHECKS, "post-applypatch", "post-commit", "post-checkout", "post-merge", PUSH, "post-rewrite")

GATE = "gate"
CHECK = "check"
HEAD = "head"  # read by both
INTERPRETER = "interpreter"
COMPLAINT = "interpreter-missing"  # made by the gate when it has said so


class Program:
    """The copy for one repository, in the folder `hooks` of its state folder.

    A copy, because a hook must do the same on every branch, also where dbsync's own source is what is switched, and
    must not vanish with the virtual environment that it was installed from.
    """

    def __init__(self, state_dir: str) -> None:
        self.state_dir = state_dir
        self.folder = os.path.join(state_dir, "hooks")
        self.gate = os.path.join(self.folder, GATE)

    def write(self, interpreter: str) -> list[str]:
        """Copy the gates and record `interpreter`; return the files that are not what they were."""
        if not os.path.isabs(interpreter) or "\n" in interpreter:
            message = f"{interpreter!r} cannot be named in a hook: an interpreter is an absolute path of one line"
            raise DbsyncError(message, exit_code=EXIT_USAGE)
        for folder in (self.state_dir, self.folder):
            os.makedirs(folder, 0o700, exist_ok=True)
        self._forget(COMPLAINT)
        wanted = {name: (packaged(name), 0o700) for name in (GATE, CHECK)}
        wanted[HEAD] = (packaged(HEAD), 0o600)
        wanted[INTERPRETER] = (os.fsencode(interpreter) + b"\n", 0o600)
        return [path for name, (content, mode) in wanted.items() if (path := self._put(name, content, mode))]

    def remove(self) -> None:
        """Remove the copy, and the state folder where nothing else is in it."""
        for name in (GATE, CHECK, HEAD, INTERPRETER, COMPLAINT):
            self._forget(name)
        for folder in (self.folder, self.state_dir):
            with suppress(OSError):  # not there, or it holds what stays
                os.rmdir(folder)

    def is_there(self) -> bool:
        """Return whether there is a gate to run."""
        return os.access(self.gate, os.X_OK)

    def interpreter(self) -> str:
        """Return the recorded interpreter, "" where there is none."""
        content = read_file(os.path.join(self.folder, INTERPRETER)) or b""
        return os.fsdecode(content).rstrip("\n")

    def _put(self, name: str, content: bytes, mode: int) -> str:
        path = os.path.join(self.folder, name)
        if read_file(path) == content and os.stat(path).st_mode & 0o777 == mode:
            return ""
        replace_file(path, content, mode)
        return path

    def _forget(self, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self.folder, name))


def packaged(name: str) -> bytes:
    """Return a gate as shipped: inside the package once installed, at the top of the repository before."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    top = os.path.dirname(os.path.dirname(package))
    for folder in (package, top):
        content = read_file(os.path.join(folder, "hooks", name))
        if content is not None:
            return content
    message = f"this installation of dbsync holds no hooks: {os.path.join(package, 'hooks', name)} is missing"
    raise DbsyncError(message, "install git-dbsync again")

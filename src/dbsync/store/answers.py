"""What `heads` printed for a tree, by the tree's id: a tree never changes. Disposable; imports nothing that costs."""

from __future__ import annotations

import marshal
import os

from dbsync import __version__
from dbsync.process import capture, git_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_ANSWERS = 200
FILE = os.path.join("dbsync", "cache", "heads")


def known_heads(cwd: str, environ: Mapping[str, str], ref: str, form: str) -> str | None:
    """Return what was printed for a ref's tree in a form ("text" or "json"), None where it was not asked before."""
    if ref.startswith("-"):
        return None
    words = ["rev-parse", "--git-common-dir", f"{ref}^{{tree}}"]
    done = capture(["git", "-C", cwd, *words], env=git_environment(environ))
    lines = os.fsdecode(done.stdout).split("\n")
    if done.returncode or len(lines) != len(("common", "tree", "")):
        return None
    return _read(os.path.join(cwd, lines[0])).get(f"{__version__} {lines[1]} {form} {ref}")


def remember_heads(common_dir: str, tree: str, ref: str, printed: Mapping[str, str]) -> None:
    """Keep what is printed for a tree, by form; nothing happens where there is no cache folder."""
    answers = _read(common_dir)
    answers.update({f"{__version__} {tree} {form} {ref}": text for form, text in printed.items()})
    path = os.path.join(common_dir, FILE)
    temporary = f"{path}.{os.getpid()}"
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(marshal.dumps(dict(list(answers.items())[-MOST_ANSWERS:])))
        os.replace(temporary, path)
    except OSError:
        return


def _read(common_dir: str) -> dict[str, str]:
    try:
        with open(os.path.join(common_dir, FILE), "rb") as file:
            answers = marshal.load(file)  # noqa: S302 - our own file, owner-only
    except (OSError, ValueError, EOFError, TypeError):
        return {}
    return answers if isinstance(answers, dict) else {}

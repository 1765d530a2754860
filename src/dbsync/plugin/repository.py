"""The repository that migrations lie in, read from its files: no git process is started."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

GATE = "dbsync-gate"
HEADS = "refs/heads/"
# The length of an id: SHA-1, SHA-256. No regular expressions here: compiling one costs more than all the rest.
LENGTHS = (40, 64)
HEX = frozenset("0123456789abcdef")
# A chain of symbolic references has five links at most (refs.c, SYMREF_MAXDEPTH).
DEEPEST_REF = 5


class Repository:
    """One work tree of a repository in which dbsync follows at least one database."""

    def __init__(self, top: str, git_dir: str, common_dir: str) -> None:
        self.top = top
        self._git_dir = git_dir
        self._common_dir = common_dir

    def database(self, name: str) -> str:
        """Return where the ledger of a name lies."""
        return os.path.join(self._common_dir, "dbsync", "databases", name)

    def relative(self, path: str) -> str:
        """Return a path relative to the top. Raises `ValueError` for one that lies elsewhere."""
        folder, name = os.path.split(os.path.abspath(path))
        found = os.path.relpath(os.path.join(os.path.realpath(folder), name), self.top)
        if found.startswith(".."):
            raise ValueError(path)
        return found.replace(os.sep, "/")

    def blob_id(self, content: bytes) -> str:
        """Return the id git gives to a blob (gitformat-pack(5))."""
        import hashlib

        lines = _read(os.path.join(self._common_dir, "config")).lower().split("\n")
        sha256 = any("".join(line.split()) == "objectformat=sha256" for line in lines)
        return hashlib.new("sha256" if sha256 else "sha1", b"blob %d\0" % len(content) + content).hexdigest()

    def head(self) -> tuple[str, str]:
        """Return the git branch that is checked out and its commit, "" for what there is none of or cannot be read."""
        content = _read(os.path.join(self._git_dir, "HEAD")).strip()
        name = content[len("ref:") :].strip() if content.startswith("ref:") else ""
        commit = self._commit(name) if name else content
        branch = name[len(HEADS) :] if name.startswith(HEADS) else ""
        # A repository with reftables has a HEAD that says nothing.
        return ("" if branch == ".invalid" else branch), (commit if _is_id(commit) else "")

    def _commit(self, name: str) -> str:
        for _ in range(DEEPEST_REF):
            content = self._loose(name)
            if not content.startswith("ref:"):
                return content or self._packed(name)
            name = content[len("ref:") :].strip()
        return ""

    def _loose(self, name: str) -> str:
        found = (_read(os.path.join(folder, name)).strip() for folder in (self._git_dir, self._common_dir))
        return next((content for content in found if content), "")

    def _packed(self, name: str) -> str:
        lines = _read(os.path.join(self._common_dir, "packed-refs")).split("\n")
        return next((line.split(" ")[0] for line in lines if line.endswith(f" {name}")), "")

    def remove_gates(self) -> None:
        """Make the hooks of every work tree look at the database: what was said of it is not so any more."""
        for folder in self._git_dirs():
            try:
                os.unlink(os.path.join(folder, GATE))
            except OSError:  # noqa: PERF203 - mostly there is none
                continue

    def _git_dirs(self) -> Iterator[str]:
        yield self._common_dir
        folder = os.path.join(self._common_dir, "worktrees")
        if os.path.isdir(folder):
            yield from (os.path.join(folder, name) for name in os.listdir(folder))


def find_repository(folder: str) -> Repository | None:
    """Return the repository that a folder lies in, None where there is none or no database of it follows."""
    top = os.path.realpath(folder)
    while not os.path.exists(os.path.join(top, ".git")):
        above = os.path.dirname(top)
        if above == top:
            return None
        top = above
    git_dir = _git_dir(os.path.join(top, ".git"))
    common_dir = os.path.realpath(os.path.join(git_dir, _read(os.path.join(git_dir, "commondir")).strip()))
    follows = os.path.isdir(os.path.join(common_dir, "dbsync", "databases"))
    return Repository(top, git_dir, common_dir) if follows else None


def _git_dir(path: str) -> str:
    """Return the folder that `.git` is, or that the file of that name leads to (gitrepository-layout(5))."""
    if os.path.isdir(path):
        return path
    named = _read(path).strip()
    return os.path.join(os.path.dirname(path), named[len("gitdir:") :].strip())


def _is_id(text: str) -> bool:
    return len(text) in LENGTHS and HEX.issuperset(text)


def _read(path: str) -> str:
    """Return a file's text, "" where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""

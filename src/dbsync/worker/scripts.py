"""Alembic's scripts and maps, made from what the plan names instead of from a folder.

Planned revisions are compiled from the very bytes of the plan: Alembic's loader trusts a .pyc by whole seconds and
size, and ran the old code of a revision rewritten with equal length within one second.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import os
import shutil
import sys
import tempfile
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable

from alembic.script.base import Script
from alembic.script.revision import Revision, RevisionMap

if TYPE_CHECKING:
    from collections.abc import Iterator


class PlannedScript(Script):
    """A script whose module is made when it is needed: most revisions of a graph are only passed by."""

    def __init__(self, facts: dict[str, Any], path: str, make_module: Callable[[], ModuleType]) -> None:
        self.path = path
        self._facts = facts
        self._make_module = make_module
        self._module: ModuleType | None = None
        Revision.__init__(
            self,
            facts["id"],
            tuple(facts["down_revision"]) or None,
            dependencies=tuple(facts["depends_on"]) or None,
            branch_labels=tuple(facts["branch_labels"]) or None,
        )

    @property
    def module(self) -> ModuleType:  # type: ignore[override]  # an attribute there
        """The revision's module, made when it is asked for."""
        if self._module is None:
            self._module = self._make_module()
        return self._module

    @property
    def _normalized_down_revisions(self) -> tuple[str, ...]:
        """Return what HeadMaintainer steps from: it errs where one parent is another one's ancestor."""
        return tuple(self._facts["direct_parents"])

    @property
    def doc(self) -> str:
        """The first line of the file's docstring."""
        return str(self._facts.get("doc") or "")

    @property
    def longdoc(self) -> str:
        """No more than `doc`: the rest was not sent."""
        return self.doc


class Sources:
    """Where modules of revisions come from: bytes in the plan, else the file on disk."""

    def __init__(self, top: str) -> None:
        self._top = top
        self.old_trees: dict[str, str] = {}

    def lay_out(self, trees: dict[str, dict[str, str]]) -> None:
        """Write the trees that some revisions import from, each in an own folder; dbsync has judged the names."""
        for revision_id, files in trees.items():
            folder = self.old_trees[revision_id] = tempfile.mkdtemp(prefix="dbsync-")
            for name, content in files.items():
                path = os.path.join(os.fsencode(folder), name.encode("latin-1"))
                os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
                with os.fdopen(fd, "wb") as file:
                    file.write(base64.b64decode(content))

    def remove(self) -> None:
        """Remove what `lay_out` wrote."""
        for folder in self.old_trees.values():
            shutil.rmtree(folder, ignore_errors=True)

    def scripts(self, revisions: list[dict[str, Any]]) -> list[PlannedScript]:
        """Return a script for every revision of a graph."""
        return [PlannedScript(one, os.path.join(self._top, one["path"]), self._maker(one)) for one in revisions]

    def map_of(self, revisions: list[dict[str, Any]]) -> RevisionMap:
        """Return Alembic's own map of a graph."""
        scripts = self.scripts(revisions)
        return RevisionMap(lambda: scripts)

    def _maker(self, facts: dict[str, Any]) -> Callable[[], ModuleType]:
        def make() -> ModuleType:
            path = os.path.join(self._top, facts["path"])
            source = facts.get("source")
            code = base64.b64decode(source) if source is not None else _read(path)
            module = ModuleType("dbsync_revision_" + facts["id"].replace(".", "_"))
            module.__file__ = path
            with self.imports_of(facts["id"]):
                exec(compile(code, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - it is a revision
            return module

        return make

    @contextlib.contextmanager
    def imports_of(self, revision_id: str) -> Iterator[None]:
        """Import as the tree the revision came from would: what HEAD's application no longer has is found there.

        The project's own modules are put aside meanwhile, since a package that is loaded already hides the old one.
        """
        tree = self.old_trees.get(revision_id)
        if tree is None:
            yield
            return
        aside = {name: module for name, module in sys.modules.items() if _is_inside(module, self._top)}
        for name in aside:
            del sys.modules[name]
        before = list(sys.path)
        sys.path[:0] = [tree, *(_moved(path, self._top, tree) for path in before if _below(path, self._top))]
        importlib.invalidate_caches()
        try:
            yield
        finally:
            for name in [name for name, module in sys.modules.items() if _is_inside(module, tree)]:
                del sys.modules[name]
            sys.modules.update(aside)
            sys.path[:] = before


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _is_inside(module: Any, folder: str) -> bool:
    path = getattr(module, "__file__", None)
    return bool(path) and _below(str(path), folder) and "site-packages" not in str(path)


def _below(path: str, folder: str) -> bool:
    return (os.path.realpath(path or ".") + os.sep).startswith(os.path.realpath(folder) + os.sep)


def _moved(path: str, top: str, tree: str) -> str:
    return os.path.join(tree, os.path.relpath(os.path.realpath(path or "."), os.path.realpath(top)))

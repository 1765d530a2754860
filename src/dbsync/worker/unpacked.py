"""A tree that arrives with the request, where its files are not: behind a runner."""

from __future__ import annotations

import base64
import io
import os
import shutil
import tarfile
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def unpacked(request: dict[str, Any]) -> Iterator[None]:
    """Lay the request's tree out in a folder of its own while it is served; nothing where none came.

    The tree is "top" then and the project's own folder "real_top". What git ignores is linked from there, as far as
    it is there.
    """
    tree = request.pop("tree", None)
    if tree is None:
        yield
        return
    holder = os.path.realpath(tempfile.mkdtemp(prefix="dbsync-tree-"))
    folder = os.path.join(holder, os.path.basename(request["top"]) or "tree")
    try:
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(tree)), mode="r:gz") as archive:
            archive.extractall(folder)  # noqa: S202 - made by dbsync from a checkout of git's: no name leads out of it
        for name in request["ignored"]:
            _link(os.path.join(request["top"], name), os.path.join(folder, name))
        request["real_top"], request["top"] = request["top"], folder
        request["policy"]["roots"].append(holder)
        yield
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def _link(path: str, name: str) -> None:
    if os.path.exists(path) and not os.path.lexists(name):
        os.makedirs(os.path.dirname(name), exist_ok=True)
        os.symlink(path, name)

"""One Alembic revision, as its file declares it."""

from __future__ import annotations

from typing import NamedTuple


class Revision(NamedTuple):
    """The identifiers that a revision file declares, each list in the file's order.

    `path` is relative to the repository, `oid` the id of the blob with the file's content, `doc` the first line of
    its docstring. An empty `down_revision` makes it a base.
    """

    id: str
    down_revision: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    branch_labels: tuple[str, ...] = ()
    path: str = ""
    oid: str = ""
    doc: str = ""


def path_order(path: str) -> tuple[tuple[str, ...], str]:
    """Return the key that sorts files as Alembic lists them: a folder's own files before those of its folders."""
    *folders, name = path.split("/")
    return tuple(folders), name

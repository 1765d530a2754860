"""Random revision graphs for Hypothesis, and the same graphs as Alembic has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.script.revision import Revision as AlembicRevision
from alembic.script.revision import RevisionMap as AlembicMap
from hypothesis import strategies as st

from dbsync.revisions.revision import Revision
from dbsync.revisions.revision_map import RevisionMap

if TYPE_CHECKING:
    from collections.abc import Iterable


class Module:
    """What a step calls: a revision that does nothing."""

    @staticmethod
    def upgrade() -> None: ...

    @staticmethod
    def downgrade() -> None: ...


class Script(AlembicRevision):
    """A revision as Alembic's steps want it, with a module and no file."""

    module = Module
    doc = ""


def alembic_map(revisions: Iterable[Revision]) -> AlembicMap:
    """Return Alembic's own map of the same revisions in the same order."""
    scripts = [
        Script(one.id, one.down_revision or None, one.depends_on or None, one.branch_labels or None)
        for one in revisions
    ]
    return AlembicMap(lambda: iter(scripts))


@st.composite
def graphs(draw, *, size: int = 8, dependencies: bool = True, labels: bool = True) -> list[Revision]:
    """Give the revisions of an acyclic graph in any order: several bases, branches, merges of up to three.

    A revision may name a parent that is another parent's ancestor, and may depend on any older one, by id or by the
    label of a revision that has one.
    """
    revisions: list[Revision] = []
    for number in range(draw(st.integers(0, size))):
        older = [one.id for one in revisions]
        names = [*older, *(label for one in revisions for label in one.branch_labels)]
        down = some(draw, older)[-3:]
        wanted = some(draw, names)[:2] if dependencies else ()
        label = (f"label{number}",) if labels and draw(st.booleans()) else ()
        revisions.append(Revision(f"r{number}", down, wanted, label))
    draw(st.randoms(use_true_random=False)).shuffle(revisions)
    return revisions


def some(draw, items: Iterable[str]) -> tuple[str, ...]:
    """Draw some of the items, few more often than many, in one or two draws whatever their number."""
    items = list(items)
    every = 2 ** len(items) - 1
    bits = draw(st.integers(0, every)) & draw(st.integers(0, every)) if items else 0
    return tuple(item for place, item in enumerate(items) if bits >> place & 1)


@st.composite
def reachable(draw, revisions: list[Revision]) -> RevisionMap:
    """Give a state that a database can be in: some revisions of a graph and all that they build on."""
    whole = RevisionMap(revisions)
    chosen = whole.ancestors(some(draw, whole.revisions))
    return RevisionMap(one for one in revisions if one.id in chosen)

"""F18: plain Alembic with dbsync's plugin, against the same without its entry point: nothing to do, and one step."""

from __future__ import annotations

import sys

from harness import compare, cpu, folder, make_project, write_revision

START = """\
import importlib.metadata, sys
entry_points = importlib.metadata.entry_points
def others(**asked):
    return [one for one in entry_points(**asked) if one.value != {hidden!r}]
importlib.metadata.entry_points = others
from alembic.config import main
for words in sys.argv[1:]:
    main(words.split())
"""
WITH, WITHOUT = ([sys.executable, "-c", START.format(hidden=hidden)] for hidden in ("nothing", "git_dbsync"))

with folder() as path:
    top = make_project(path, 100)
    for words in ("upgrade head", "current"):
        compare(f"F18 alembic {words}", 1.02, lambda: cpu([*WITH, words], top), lambda: cpu([*WITHOUT, words], top))  # noqa: B023
    write_revision(top, 100, table=True)
    one_step = ("upgrade head", "downgrade -1")
    compare(
        "F18 a step up and down", 1.10, lambda: cpu([*WITH, *one_step], top), lambda: cpu([*WITHOUT, *one_step], top)
    )

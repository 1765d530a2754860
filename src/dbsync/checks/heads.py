"""Several revision heads where one is wanted: who brought each, and whether they are about the same tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbsync.checks.finding import Finding
from dbsync.errors import Obstacle
from dbsync.revisions.forks import has_unwanted_heads
from dbsync.revisions.touches import tables

if TYPE_CHECKING:
    from dbsync.checks.judged import Judged

HINT = "`dbsync rebase` puts yours on top, `dbsync merge` joins them"


def unwanted_heads(judged: Judged) -> list[Finding]:
    """Return a finding where a tree has more heads than are wanted, and than it had before."""
    graph = judged.graph.map
    if not has_unwanted_heads(graph, judged.wanted_heads):
        return []
    heads = graph.declared_heads
    before = judged.base_graph.map if judged.base_graph else None
    is_news = before is None or not judged.relative or len(heads) > len(before.declared_heads)
    named = " · ".join(f"{one} {graph.revisions[one].doc}".rstrip() for one in heads)
    obstacle = Obstacle("DBS203", f"{_counted(len(heads))} revision heads: {named}", HINT, judged.environment.name)
    return [Finding(obstacle, is_news, (*(_who(judged, one) for one in heads), *_meeting(judged)))]


def _who(judged: Judged, head: str) -> str:
    revision = judged.graph.map.revisions[head]
    repository = judged.project.repository
    tips = [name for name in ("HEAD", "MERGE_HEAD", *judged.commits) if repository.commit_of(name)]
    form = "--format=%h %an, %ad: %s"
    words = ("log", "-1", "--diff-filter=A", "--date=short", form, *tips, "--", revision.path)
    said = repository.line(*words) if tips else ""
    return f"{head}  {revision.path}  {said or '(not committed yet)'}"


def _meeting(judged: Judged) -> tuple[str, ...]:
    """Say which tables and columns more than one head is about; nothing where they do not meet."""
    graph = judged.graph.map
    heads = graph.declared_heads
    below = {head: graph.ancestors([head]) for head in heads}
    common = set.intersection(*below.values())
    sources = judged.sources([one for head in heads for one in below[head] - common])
    of = {head: {pair for one in below[head] - common for pair in tables(sources.get(one, b""))} for head in heads}
    met = sorted({what for head in heads for other in heads if head < other for what in _shared(of[head], of[other])})
    if met:
        return (f"they are about the same: {', '.join(met)}",)
    return ("they are about different tables",) if all(of.values()) else ()


def _shared(one: set[tuple[str, str]], other: set[tuple[str, str]]) -> set[str]:
    both = {f"{table}.{column}" if column else table for table, column in one & other}
    whole = {table for table, _ in one} & {table for table, _ in other}
    return both or {f"{table}" for table in whole}


def _counted(number: int) -> str:
    return {2: "two", 3: "three", 4: "four"}.get(number, str(number))

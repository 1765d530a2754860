"""Whether a plan is one that a hook may run by itself. Pure: it looks at sources as text and syntax."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from dbsync.errors import Obstacle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_DOWNGRADES = 10
HOOK_BUDGET_SECONDS = 30.0
# Libraries that reach outside the database: HTTP, mail, cloud, queues, other programs.
OUTSIDE = frozenset(
    [
        "aiobotocore",
        "aiohttp",
        "azure",
        "boto",
        "boto3",
        "botocore",
        "celery",
        "ftplib",
        "google",
        "httplib2",
        "httpx",
        "imaplib",
        "kafka",
        "kombu",
        "paramiko",
        "pika",
        "poplib",
        "redis",
        "requests",
        "sendgrid",
        "smtplib",
        "socket",
        "stripe",
        "subprocess",
        "telnetlib",
        "twilio",
        "urllib.request",
        "urllib3",
        "xmlrpc",
    ]
)
COMMENT = re.compile(rb"^[^\n'\"]*#\s*dbsync:\s*(manual|safe)\b", re.MULTILINE)
ALONE = re.compile(rb"autocommit_block|\bCONCURRENTLY\b")


def why_not_ordinary(
    down: Iterable[str], sources: Mapping[str, bytes], expected: float, *, was_late: bool = False
) -> Obstacle | None:
    """Return why a hook should leave a plan to `dbsync sync`, None where it is ordinary.

    `sources` holds the source of every revision of the plan; `expected` is in seconds; `was_late` says that a hook
    tried it before and ran out of time.
    """
    count = len(list(down))
    if count > MOST_DOWNGRADES:
        return _refused(f"{count} revisions would be taken down, more than a hook does by itself")
    for revision_id, source in sources.items():
        reason = reaches_outside(source)
        if reason:
            return _refused(f"revision {revision_id} {reason}")
    if expected > HOOK_BUDGET_SECONDS:
        return _refused(f"it took {expected:.0f} s before, more than the {HOOK_BUDGET_SECONDS:.0f} s a hook has")
    if was_late:
        return _refused(f"a hook tried it before and was not done after {HOOK_BUDGET_SECONDS:.0f} s")
    return None


def reaches_outside(source: bytes) -> str:
    """Say how a revision reaches outside the database or the transaction, "" where it does not.

    The comment `# dbsync: manual` says that it does, `# dbsync: safe` that it does not.
    """
    comment = COMMENT.search(source)
    if comment:
        return "is marked `# dbsync: manual`" if comment.group(1) == b"manual" else ""
    alone = ALONE.search(source)
    if alone:
        return f"uses {alone.group().decode()}, so it cannot be rolled back"
    modules = sorted(_imports(source) & OUTSIDE)
    return f"imports {modules[0]}, which reaches outside the database" if modules else ""


def _imports(source: bytes) -> set[str]:
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError):
        return set()
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return names | {name.split(".")[0] for name in names}


def _refused(message: str) -> Obstacle:
    return Obstacle("DBS304", message, "`dbsync sync` does it by hand")

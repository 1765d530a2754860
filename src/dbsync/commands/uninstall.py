"""`dbsync uninstall [--purge]`: take the hooks out; the ledger stays unless purged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dbsync.commands.context import Report
from dbsync.errors import EXIT_OK
from dbsync.git.hooks import uninstall
from dbsync.store.gate import git_dirs, remove_all_gates
from dbsync.store.pending import clear_pending
from dbsync.store.verdict import forget_verdict
from dbsync.store.watch import remove_watch
from dbsync.sync.kept import for_undo, remove_kept
from dbsync.sync.scratch import remove_scratch

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Context
    from dbsync.git.hooks import UninstallReport
    from dbsync.sync.kept import Removed as KeptRemoved
    from dbsync.sync.scratch import Removed


class Uninstalled(NamedTuple):
    """What became of the hooks, of scratch databases on servers, and of what was kept there."""

    hooks: UninstallReport
    scratch: Removed
    kept: KeptRemoved


def run(context: Context, options: Namespace) -> Report:
    """Restore every hook file byte for byte; with `purge` remove the state folder too."""
    project = context.project()
    remove_all_gates(project.repository.common_dir)
    for git_dir in git_dirs(project.repository.common_dir):
        clear_pending(git_dir)
        forget_verdict(git_dir)
        remove_watch(git_dir)
    removed = remove_scratch(project)  # before the state folder, which knows their names
    kept = remove_kept(project, (lambda _: True) if options.purge else for_undo)
    return Report(EXIT_OK, Uninstalled(uninstall(project.repository, purge=options.purge), removed, kept))

"""The verbs and their options."""

from __future__ import annotations

import argparse

from dbsync import __version__

TYPE_CHECKING = False  # typing is not needed to print help
if TYPE_CHECKING:
    from typing import NoReturn

HOOK_NAMES = (
    "post-checkout",
    "post-merge",
    "post-rewrite",
    "post-commit",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
)
WAIT = "wait until nobody else is connected to a database on a server"
KINDS = ("heads", "history", "danger", "drift")
EPILOG = "Off: DBSYNC=off in the environment, or `git config dbsync.enabled false`."


class _Parser(argparse.ArgumentParser):
    """Says what was wrong in dbsync's form."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\nhint: `{self.prog} --help`\n")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; the verb is in `verb`."""
    parser = _Parser(prog="dbsync", description="The local database follows Git.", epilog=EPILOG)
    parser.add_argument("-V", "--version", action="version", version=f"dbsync {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_setup(verbs)
    _add_moving(verbs)
    _add_looking(verbs)
    _add_shelf(verbs)
    _add_history(verbs)
    _add_check(verbs)
    _add_verify(verbs)
    return parser


def _add_setup(verbs: argparse._SubParsersAction[_Parser]) -> None:
    init = verbs.add_parser("init", help="adopt the database and install the hooks")
    init.add_argument("-y", "--yes", action="store_true", help="ask nothing; adopts local databases only")
    uninstall = verbs.add_parser("uninstall", help="take the hooks out again")
    uninstall.add_argument("--purge", action="store_true", help="remove ledgers and kept copies too")
    worktree = verbs.add_parser("worktree", help="a database of its own for this work tree")
    worktree.add_argument("--take", action="store_true", help="take over the one that another work tree has")
    trust = verbs.add_parser("trust", help="let hooks run the code of a commit")
    trust.add_argument("ref", nargs="?", metavar="REF", help="the commit (default: HEAD)")
    completion = verbs.add_parser("completion", help="print the completion script of a shell")
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="the shell")


def _add_moving(verbs: argparse._SubParsersAction[_Parser]) -> None:
    sync = verbs.add_parser("sync", help="make the database what the work tree says")
    sync.add_argument("-n", "--dry-run", action="store_true", help="show the plan and change nothing")
    sync.add_argument("--to", metavar="REF", help="move to another ref and hold the database there")
    sync.add_argument("-y", "--yes", action="store_true", help="go on where rows would be lost: a copy is kept first")
    sync.add_argument(
        "--rebuild",
        action="store_true",
        help="take revisions down without their downgrades: build anew, carry the rows",
    )
    rebase = verbs.add_parser("rebase", help="put this git branch's revisions on top of the upstream's")
    rebase.add_argument("-n", "--dry-run", action="store_true", help="show what would change and change nothing")
    rebase.add_argument("--onto", metavar="REF", help="the upstream (default: the default branch)")
    rebase.add_argument("upstream", nargs="?", metavar="REF", help="the same, as git has it")
    merge = verbs.add_parser("merge", help="join the revision heads with a merge revision")
    merge.add_argument("-m", "--message", metavar="MESSAGE", help="the revision's message (default: names the heads)")
    repair = verbs.add_parser("repair", help="a database that a sync left half-way (MySQL, MariaDB)")
    which = repair.add_mutually_exclusive_group()
    which.add_argument("--restore", action="store_true", help="put back what was kept before that sync")
    which.add_argument("--again", action="store_true", help="put it back, then run the sync again")
    which.add_argument("--done", action="store_true", help="take the database as it is now")
    verbs.add_parser("ensure", help="for application and test start: in sync, or say why not")
    hook = verbs.add_parser("hook", help="what git's hooks call")
    hook.add_argument("name", choices=HOOK_NAMES, metavar="NAME", help="the hook: " + ", ".join(HOOK_NAMES))
    hook.add_argument("arguments", nargs="*", metavar="ARG", help="git's arguments to the hook")


def _add_looking(verbs: argparse._SubParsersAction[_Parser]) -> None:
    status = verbs.add_parser("status", help="database, files and Git in one view")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.add_argument("--exit-code", action="store_true", help="exit with 1 when something is not in sync")
    heads = verbs.add_parser("heads", help="the revision heads of any tree, running nothing")
    heads.add_argument("--json", action="store_true", help="print JSON")
    which = heads.add_mutually_exclusive_group()
    which.add_argument("--ref", metavar="REF", help="a commit, branch or tag (default: the work tree)")
    which.add_argument("--staged", action="store_true", help="what is staged")
    doctor = verbs.add_parser("doctor", help="every part that has to be in order, and what mends it")
    doctor.add_argument("--fix", action="store_true", help="mend what can be mended without moving a database")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    explain = verbs.add_parser("explain", help="where a revision is and when it was applied")
    explain.add_argument(
        "revision", nargs="+", metavar="REV", help="an id, or Alembic's \"Can't locate revision\" line"
    )


def _add_shelf(verbs: argparse._SubParsersAction[_Parser]) -> None:
    shelf = verbs.add_parser("shelf", help="rows that downgrades took away, until they return")
    _add_action(shelf, "show", "restore", "drop")
    shelf.add_argument("number", nargs="?", type=int, metavar="NUMBER", help="the entry's number")
    shelf.add_argument("--json", action="store_true", help="print JSON")
    shelf.add_argument("-y", "--yes", action="store_true", help="put onto rows that differ, or drop, without asking")


def _add_action(parser: _Parser, first: str, second: str, last: str) -> None:
    said = f"list (the default), {first}, {second} or {last}"
    choices = ("list", first, second, last)
    parser.add_argument("action", nargs="?", choices=choices, default="list", metavar="ACTION", help=said)


def _add_history(verbs: argparse._SubParsersAction[_Parser]) -> None:
    undo = verbs.add_parser("undo", help="the databases as they were before the last move")
    undo.add_argument("-y", "--yes", action="store_true", help="also where rows were written since, or would be lost")
    undo.add_argument("--wait", action="store_true", help=WAIT)
    snapshot = verbs.add_parser("snapshot", help="the databases under a name")
    _add_action(snapshot, "save", "restore", "drop")
    snapshot.add_argument("name", nargs="?", metavar="NAME", help="the snapshot's name")
    snapshot.add_argument("--wait", action="store_true", help=WAIT)
    snapshot.add_argument("--json", action="store_true", help="print JSON")
    reflog = verbs.add_parser("reflog", help="what was done to the databases, the newest first")
    reflog.add_argument("--json", action="store_true", help="print JSON")


def _add_check(verbs: argparse._SubParsersAction[_Parser]) -> None:
    check = verbs.add_parser("check", help="model changes without a revision, several heads, rewritten history")
    check.add_argument("--json", action="store_true", help="print JSON")
    check.add_argument(
        "--only", action="append", choices=KINDS, metavar="KIND", help=f"only one kind: {', '.join(KINDS)}; repeatable"
    )
    which = check.add_mutually_exclusive_group()
    which.add_argument("--worktree", action="store_true", help="all there is, untracked files too (the default)")
    which.add_argument("--staged", action="store_true", help="what the next commit would bring")
    which.add_argument("--ref", metavar="REF", help="a commit, branch or tag")
    which.add_argument("--against", metavar="REF", help="what merging REF and HEAD would make")


def _add_verify(verbs: argparse._SubParsersAction[_Parser]) -> None:
    verify = verbs.add_parser("verify", help="new revisions up, down and up again, in a scratch database with rows")
    verify.add_argument("--json", action="store_true", help="print JSON")
    which = verify.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="every revision of the work tree")
    which.add_argument(
        "revisions",
        nargs="?",
        metavar="REV",
        help="a revision id, a git ref or a range A..B (default: what the upstream does not have)",
    )

"""The entry of `dbsync` and `git dbsync`: parse, call one verb, show what came of it, exit."""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):
    sys.exit("error: the dbsync command needs Python 3.11 or newer; its hooks may use another one than the project")

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


STOP = 9
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from dbsync import __version__

        print(f"dbsync {__version__}")
        sys.exit(0)
    if not _is_somewhere():
        sys.stderr.write("error: the current folder is gone\nhint: `cd` into the project\n")
        sys.exit(0 if arguments[:1] == ["hook"] else 2)
    if os.environ.get("DBSYNC") == "off" and arguments[:1] in (["hook"], ["ensure"]):
        sys.exit(0)
    if _answered_at_once(arguments):
        sys.stdout.flush()
        os._exit(0)  # the interpreter's own clean-up costs as much as the answer
    from dbsync.cli.parser import make_parser

    code = _guarded(make_parser().parse_args(arguments), arguments)
    sys.stdout.flush()
    sys.exit(_of_hook(arguments, code) if arguments[:1] == ["hook"] else code)


def _of_hook(arguments: list[str], code: int) -> int:
    """Return what `hooks/check` waits for: only what a check found stops a commit, and never a failure of ours."""
    return STOP if code == 1 and arguments[1:2] and arguments[1].startswith("pre-") else 0


def _is_somewhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _answered_at_once(arguments: list[str]) -> bool:
    """Answer what is known; nothing is imported for it that costs."""
    if arguments[:1] == ["heads"]:
        from dbsync.commands.quick import quick_heads

        text = quick_heads(arguments[1:], os.getcwd(), os.environ)
        if text is not None:
            sys.stdout.write(text)
        return text is not None
    if arguments in (["ensure"], ["status"], ["status", "--exit-code"], ["status", "--json"]):
        from dbsync.cli.text.in_sync import show_in_sync
        from dbsync.commands.quick import quick_status

        status = quick_status(os.getcwd(), os.environ)
        if status is not None:
            show_in_sync(status, arguments)
        return status is not None
    if arguments[:1] == ["check"] or arguments == ["hook", "pre-commit"]:
        from dbsync.commands.quick_check import finds_nothing, kinds_asked

        kinds = kinds_asked(arguments)
        if kinds is None or not finds_nothing(kinds, os.getcwd(), os.environ):
            return False
        if arguments[0] == "check":
            sys.stderr.write("dbsync: nothing is wrong with what is staged\n")
        return True
    return False


def _guarded(options: Namespace, arguments: list[str]) -> int:
    from dbsync.cli import console
    from dbsync.errors import EXIT_BUG, EXIT_FINDING, EXIT_INTERRUPTED, EXIT_OK, DbsyncError

    try:
        from dbsync.cli.dispatch import dispatch

        return dispatch(options)
    except DbsyncError as error:
        console.obstacle(error.obstacle)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_OK
    except Exception as error:  # noqa: BLE001 - the one place where a bug becomes a log and a sentence
        if isinstance(error, OSError) and error.errno in UNWRITABLE and error.filename:
            console.error(f"{error.filename}: {error.strerror}", "make room there, and let yourself write to it")
            return EXIT_FINDING
        path = console.write_log(error, arguments)
        console.error(f"this is a bug in dbsync: {type(error).__name__}: {error}", f"please report it with {path}")
        return EXIT_BUG

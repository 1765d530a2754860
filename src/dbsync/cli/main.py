"""The entry of `dbsync` and `git dbsync`: parse, call one verb, show what came of it, exit."""

import sys

if sys.version_info < (3, 11):
    sys.exit("error: the dbsync command needs Python 3.11 or newer; its hooks may use another one than the project")

import os

from dbsync.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_OK, DbsyncError


def main() -> None:
    """Run the command line and end the process with its exit code."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from dbsync import __version__

        print(f"dbsync {__version__}")
        sys.exit(EXIT_OK)
    if os.environ.get("DBSYNC") == "off" and arguments[:1] in (["hook"], ["ensure"]):
        sys.exit(EXIT_OK)
    hooked = arguments[:1] == ["hook"]
    code = _guarded(arguments)
    sys.stdout.flush()
    sys.exit(EXIT_OK if hooked else code)


def _guarded(arguments: list[str]) -> int:
    from dbsync.cli import console

    try:
        from dbsync.cli.dispatch import dispatch

        return dispatch(arguments)
    except DbsyncError as error:
        console.error(error.message, error.hint)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_OK
    except Exception as error:  # noqa: BLE001 - the one place where a bug becomes a log and a sentence
        path = console.write_log(error, arguments)
        console.error(f"this is a bug in dbsync: {type(error).__name__}: {error}", f"please report it with {path}")
        return EXIT_BUG

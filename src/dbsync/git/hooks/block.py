"""The text that dbsync adds to a hook file: pure, bytes in and bytes out, for hook files need not be UTF-8."""

from __future__ import annotations

import os
import re

BEGIN = b"# >>> dbsync >>>\n"
END = b"# <<< dbsync <<<\n"

# Shells that read the block as it is meant.
SHELLS = frozenset({b"sh", b"bash", b"dash", b"zsh", b"ksh"})

SHEBANG = b"#!/bin/sh\n"
CREATED = b"# Made by `dbsync init`; `dbsync uninstall` deletes this file unless it was edited.\n"
CALLING = """\
# The hook that was here; `dbsync uninstall` puts it back.
[ ! -x "${{0%/*}}/{name}{suffix}" ] || exec "${{0%/*}}/{name}{suffix}" "$@"
"""
SUFFIX = ".before-dbsync"

# In somebody's hook: whatever that sets, and whatever happens in here, the two do not notice each other.
GUEST = """\
(
    dbsync_hook={name} dbsync_hooks={hooks} dbsync_end=exit
    [ ! -r "$dbsync_hooks/gate" ] || . "$dbsync_hooks/gate"
) </dev/null || :
"""

# In a file of ours a subshell would only cost time, a tenth of what the hook takes.
OWN = """\
dbsync_hook={name} dbsync_hooks={hooks} dbsync_end=return
[ ! -r "$dbsync_hooks/gate" ] || . "$dbsync_hooks/gate" </dev/null
"""

# What follows in the file gets the standard input that was read.
GIVEN_BACK = """\
$dbsync_stdin
DBSYNC
case $dbsync_stdin in
    '') exec </dev/null ;;
    *) exec <<DBSYNC ;;
$dbsync_stdin
DBSYNC
esac
unset dbsync_stdin
"""

# Git says what was rewritten on standard input, once: it is read here and given to both.
REPLAYED = (
    """\
dbsync_stdin=$(cat) || :
(
    dbsync_hook={name} dbsync_hooks={hooks} dbsync_end=exit
    [ ! -r "$dbsync_hooks/gate" ] || . "$dbsync_hooks/gate"
) <<DBSYNC || :
"""
    + GIVEN_BACK
)

# Its exit code is git's: 1 stops the commit.
CHECKING = """\
( dbsync_hooks={hooks}; [ ! -x "$dbsync_hooks/check" ] || "$dbsync_hooks/check" {name} </dev/null ) || exit 1
"""

# In a file of ours a second shell would only cost time; nothing but the hook that was moved aside comes after it.
CHECKING_OWN = """\
dbsync_hook={name} dbsync_hooks={hooks} dbsync_end=return
[ ! -r "$dbsync_hooks/check" ] || . "$dbsync_hooks/check" </dev/null
"""

# As CHECKING, and what git says on standard input is for whoever follows in the file too.
CHECKING_PUSH = (
    """\
dbsync_stdin=$(cat) || :
( dbsync_hooks={hooks}; [ ! -x "$dbsync_hooks/check" ] || "$dbsync_hooks/check" {name} ) <<DBSYNC || exit 1
"""
    + GIVEN_BACK
)

# For a file that is not ours to write, in any clone: it must do nothing where dbsync is not installed.
LINE = (
    'dbsync="$(git rev-parse --git-common-dir)/dbsync/hooks/gate"; '
    '[ ! -x "$dbsync" ] || dbsync_hook={name} "$dbsync" "$@"'
)
CHECKING_LINE = (
    'dbsync="$(git rev-parse --git-common-dir)/dbsync/hooks/check"; [ ! -x "$dbsync" ] || "$dbsync" {name} || exit 1'
)
CALL = re.compile(rb"/dbsync/hooks/(gate|check)\b")


def block(name: str, hooks: str, *, own: bool = False) -> bytes:
    """Return the marked block for the hook `name`.

    `hooks` is the gate's folder as a word of shell; `own` says that the file is dbsync's own.
    """
    text = REPLAYED if name == "post-rewrite" else OWN if own else GUEST
    if name.startswith("pre-"):
        text = CHECKING_OWN if own else CHECKING
    text = CHECKING_PUSH if name == "pre-push" else text
    return BEGIN + os.fsencode(text.format(name=name, hooks=hooks)) + END


def created(name: str, hooks: str) -> bytes:
    """Return a hook file of our own, where there was none."""
    return SHEBANG + block(name, hooks, own=True) + CREATED


def calling(name: str, hooks: str) -> bytes:
    """Return a hook file of our own that ends as the one moved aside, called with the same arguments and stdin."""
    return SHEBANG + block(name, hooks, own=True) + _call(name)


def line(name: str) -> str:
    """Return the line of shell that a person adds to a hook file that dbsync does not write."""
    return (CHECKING_LINE if name.startswith("pre-") else LINE).format(name=name)


def can_hold(content: bytes) -> bool:
    """Return whether the block may stand after the first line: a shell's shebang, and then nothing but shell.

    A second line that starts with a quote is how a script says one thing to a shell and another to Python or Node; a
    NUL byte is what a shell archive carries, found by its line number.
    """
    first, newline, rest = content.partition(b"\n")
    return bool(newline) and _shell(first) in SHELLS and not rest.startswith((b"'", b'"')) and b"\0" not in rest


def insert(content: bytes, name: str, hooks: str) -> bytes:
    """Return somebody's hook file with the block after its shebang, in place of the block it has."""
    start, end = find(content) or (content.index(b"\n") + 1,) * 2
    return content[:start] + block(name, hooks) + content[end:]


def take_out(content: bytes) -> bytes:
    """Return the hook file as it is without the block, the same bytes where it has none."""
    start, end = find(content) or (0, 0)
    return content[:start] + content[end:]


def is_created(rest: bytes) -> bool:
    """Return whether what `take_out` left is nobody's work but ours."""
    return rest == SHEBANG + CREATED


def is_calling(rest: bytes, name: str) -> bool:
    """Return whether what `take_out` left only calls the hook that was moved aside."""
    return rest == SHEBANG + _call(name)


def find(content: bytes) -> tuple[int, int] | None:
    """Return where the block starts and ends, None where there is none."""
    start = (b"\n" + content).find(b"\n" + BEGIN)
    end = content.find(b"\n" + END, start)
    return None if start < 0 or end < 0 else (start, end + 1 + len(END))


def names(content: bytes, hooks: str) -> bool:
    """Return whether the block in a hook file names this folder: not where the repository was moved since."""
    return re.search(b" dbsync_hooks=" + re.escape(os.fsencode(hooks)) + b"[ ;]", content) is not None


def quote(text: str) -> str:
    """Return `text` as one word of shell, whatever is in it."""
    return "'" + text.replace("'", "'\\''") + "'"


def _call(name: str) -> bytes:
    return CALLING.format(name=name, suffix=SUFFIX).encode()


def _shell(first_line: bytes) -> bytes:
    """Return the name of the program a shebang starts, "" where it is none or ends in a carriage return."""
    if not first_line.startswith(b"#!") or first_line.endswith(b"\r"):
        return b""
    names = [word.rpartition(b"/")[2] for word in first_line[2:].split()]
    if names[:1] == [b"env"]:
        names = [name for name in names[1:] if not name.startswith(b"-")]
    return names[0] if names else b""

"""From a verb to its report and from that to text; every verb is imported when it is called."""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from dbsync.cli import console

if TYPE_CHECKING:
    from argparse import Namespace

    from dbsync.commands.context import Report
    from dbsync.commands.heads import Heads


def dispatch(options: Namespace) -> int:
    """Run the verb and show what came of it; returns the exit code. Raises what the verb raises."""
    from dbsync.commands.context import Context

    if options.verb == "completion":
        return _print_completion(options.shell)
    module = importlib.import_module(f"dbsync.commands.{options.verb}")
    context = Context(os.getcwd(), dict(os.environ), console.confirm, sys.stdin.read, console.Progress())
    report: Report = module.run(context, options)
    _show(options, report)
    if options.verb == "heads" and report.value.is_lasting:
        _remember_heads(report.value)
    return report.exit_code


def _show(options: Namespace, report: Report) -> None:
    if getattr(options, "json", False):
        console.data(json.dumps(report.value.as_json()))
        return
    text: Any = importlib.import_module(f"dbsync.cli.text.{options.verb}")
    text.show(report.value)


def _remember_heads(value: Heads) -> None:
    from dbsync.cli.text.heads import head_lines
    from dbsync.store.answers import remember_heads

    text = "".join(f"{line}\n" for line in head_lines(value))
    printed = {"text": text, "json": json.dumps(value.as_json()) + "\n"}
    remember_heads(value.common_dir, value.tree_id, value.ref, printed)


def _print_completion(shell: str) -> int:
    import shtab

    from dbsync.cli.parser import make_parser

    console.data(shtab.complete(make_parser(), shell=shell))
    return 0

"""The documents say all that is there, and nothing that is not."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from dbsync.cli.parser import make_parser
from dbsync.config import settings

TOP = Path(__file__).resolve().parents[2]
COMMANDS = (TOP / "docs/commands.md").read_text()
CODE = re.compile(r"DBS\d{3}")


def verbs():
    parser = make_parser()
    actions = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    return actions[0].choices


def section_of(verb):
    found = re.search(rf"^## `dbsync {verb}\b.*?(?=^## |\Z)", COMMANDS, re.MULTILINE | re.DOTALL)
    assert found, f"docs/commands.md has no section for {verb}"
    return found.group()


def test_every_command_and_option_is_documented():
    for verb, parser in verbs().items():
        section = section_of(verb)
        for action in parser._actions:
            for option in action.option_strings:
                assert option in ("-h", "--help") or f"`{option}" in section, f"{verb} {option}"


def test_no_command_or_option_is_documented_that_does_not_exist():
    known = verbs()
    for verb in re.findall(r"^## `dbsync ([a-z]+)", COMMANDS, re.MULTILINE):
        options = {option for action in known[verb]._actions for option in action.option_strings}
        assert set(re.findall(r"^- .*?`(--[a-z-]+)", section_of(verb), re.MULTILINE)) <= options


def test_every_obstacle_is_documented_and_none_that_is_not_there():
    written = set(CODE.findall((TOP / "docs/obstacles.md").read_text()))
    used = {code for path in (TOP / "src").rglob("*.py") for code in CODE.findall(path.read_text())}
    assert written == used


def test_every_setting_is_documented():
    text = (TOP / "docs/settings.md").read_text()
    for key in (
        "enabled",
        "auto",
        "quiet",
        "bisect",
        "interpreter",
        "runner",
        "runnerTop",
        "allowHost",
        "baseline",
        "trust",
        "shadowUrl",
        "shelfKeep",
        "undoSize",
        "undoClone",
        "data",
        "branchSize",
        "unjudged",
    ):
        assert f"| `dbsync.{key}` |" in text
    for choice in (*settings.AUTO, *settings.TRUST, *settings.UNJUDGED, *settings.UNDO_CLONE, *settings.DATA):
        assert f"`{choice}`" in text


def test_the_documents_name_only_files_that_exist():
    for path in [TOP / "README.md", TOP / "CONTRIBUTING.md", *(TOP / "docs").glob("*.md")]:
        for name in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
            assert name.startswith("http") or (path.parent / name).exists(), f"{path.name} names {name}"

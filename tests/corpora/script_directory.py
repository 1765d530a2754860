"""What Alembic's own ScriptDirectory says: a line `[revisions, [head, ...]]` for each configuration.

    python tests/corpora/script_directory.py alembic.ini ...

Modules that are not there are made up. What a revision does with them while it is loaded may fail, after its
identifiers were set.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import os
import sys
import types
from contextlib import suppress

import alembic.script.base
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import ArgumentError


class Maker(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes up every module that nobody else finds."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__path__ = []
        module.__getattr__ = lambda name: type(name, (), {})
        return module

    def exec_module(self, module):
        pass


def load(folder: str, name: str) -> types.ModuleType:
    """Return the module of a revision, as far as it can be run."""
    module = types.ModuleType(name)
    with open(os.path.join(folder, name), "rb") as file, suppress(AttributeError, TypeError, ValueError, ArgumentError):
        exec(compile(file.read(), name, "exec"), module.__dict__)
    return module


def main() -> None:
    """Print the answers."""
    sys.meta_path.append(Maker())
    alembic.script.base.util.load_python_file = load
    for name in sys.argv[1:]:
        script = ScriptDirectory.from_config(Config(name))
        print(json.dumps([len(list(script.walk_revisions())), sorted(script.get_heads())]))


if __name__ == "__main__":
    main()

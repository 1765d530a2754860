"""Which functions of the project are never called while it is judged: what is in their bodies cannot matter.

Each function gets a first statement that notes its call, when its module is compiled.
"""

from __future__ import annotations

import ast
import builtins
import os
import sys
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTE = "__dbsync_called__"
# What shows a function's or class's text to a program; then docstrings may become comments of tables.
READS_TEXT = (b"__doc__", b"getdoc", b"getsource", b"getcomments", b"__code__")


class Called:
    """Notes the calls of every function below the top."""

    def __init__(self, top: str) -> None:
        self._top = os.path.join(os.path.realpath(top), "")
        self._functions: list[tuple[str, int, str]] = []
        self._called: set[int] = set()
        self._modules: set[str] = set()
        self.text_is_read = False

    def install(self) -> None:
        """Note from now on."""
        setattr(builtins, NOTE, self._called.add)
        compiled = SourceFileLoader.source_to_code

        def noting(loader: Any, data: Any, path: Any, *args: Any, **options: Any) -> Any:
            name = self._name(path)
            return compiled(loader, self._noting(data, name) if name else data, path, *args, **options)

        SourceFileLoader.source_to_code = noting  # type: ignore[method-assign,assignment]  # all of them pass here

    def idle(self, as_data: set[str]) -> dict[str, list[tuple[int, str]]]:
        """Return, by module, the functions that were not called; without modules that were read as data too."""
        idle: dict[str, list[tuple[int, str]]] = {name: [] for name in self._modules - as_data}
        for number, (name, line, function) in enumerate(self._functions):
            if number not in self._called and name in idle:
                idle[name].append((line, function))
        typing: Any = sys.modules["typing"]
        return {} if typing.TYPE_CHECKING else idle

    def _name(self, path: Any) -> str:
        whole = os.path.realpath(os.fsdecode(path))
        return whole[len(self._top) :] if whole.startswith(self._top) and "site-packages" not in whole else ""

    def _noting(self, data: Any, name: str) -> Any:
        """Return the module as syntax with the notes in it; as it is where it has no functions, or cannot be read."""
        content = bytes(data) if isinstance(data, (bytes, bytearray)) else b""
        self.text_is_read = self.text_is_read or reads_text(content)
        try:
            module = ast.parse(content) if b"def " in content else None
        except (SyntaxError, ValueError, RecursionError):
            return data  # compiling it says so
        self._modules.add(name)
        if module is None:
            return data
        for function in _functions(module.body):
            self._note(function, name)
        return module

    def _note(self, function: Any, name: str) -> None:
        first = function.decorator_list[0].lineno if function.decorator_list else function.lineno
        place = 1 if ast.get_docstring(function, clean=False) is not None else 0
        at = function.body[min(place, len(function.body) - 1)]
        number = ast.Constant(len(self._functions), kind=None)
        call = ast.Expr(ast.Call(ast.Name(NOTE, ast.Load()), [number], []))
        for node in (call, call.value, call.value.func, number):  # type: ignore[attr-defined]  # it is a call
            ast.copy_location(node, at)
        function.body.insert(place, call)
        self._functions.append((name, first, function.name))


def reads_text(source: bytes) -> bool:
    """Say whether a module may look at the text of a function or class."""
    return any(word in source for word in READS_TEXT)


def _functions(statements: list[Any]) -> Iterator[Any]:
    """Yield every function that is defined in statements, however deep."""
    waiting = list(statements)
    while waiting:
        one = waiting.pop()
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield one
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(one, part, ())

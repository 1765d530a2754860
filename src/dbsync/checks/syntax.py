"""Whether two versions of a module do the same when they are imported, by their compiled code: nothing is run.

What differs in bodies of functions that are known not to be called does not count, nor do comments and what stands
below `if TYPE_CHECKING:`. All else does. Imports nothing that costs before it is needed.
"""

from __future__ import annotations

import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Collection
    from types import CodeType

    # The line on which a function begins (its first decorator's, if any), and its name.
    Function = tuple[int, str]

NOT_COMPILABLE = (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError)
# What is all of one when two pieces of code do the same; constants apart.
PARTS = (
    "co_name",
    "co_code",
    "co_names",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_flags",
    "co_exceptiontable",
)
VARIABLE_ARGUMENTS, KINDS = (0x4, 0x8), 0x2A0  # CO_VARARGS, CO_VARKEYWORDS; generators and coroutines (inspect)
NEVER_TRUE = "TYPE_CHECKING"
# Where one of these is in a module, it matters what -OO takes out.
KEPT_ASIDE = (b"assert", b"__debug__")


class Comparison:
    """A comparison of two versions of a module; `idle` are the functions of the old one that are never called.

    `documented`: docstrings count, since something reads them.
    """

    def __init__(self, idle: Collection[Function], *, documented: bool) -> None:
        self._idle = set(idle)
        self._documented = documented

    def idle_in(self, old: bytes, new: bytes) -> list[Function] | None:
        """Return the idle functions of the new version, None where importing it may do something else."""
        aside = self._documented or any(word in source for word in KEPT_ASIDE for source in (old, new))
        level = 0 if aside else 2
        found = self._compared(_compiled(old, level), _compiled(new, level))
        if found is None and NEVER_TRUE.encode() in old and NEVER_TRUE.encode() in new:
            found = self._compared(_without_typing(old, level), _without_typing(new, level))
        return found

    def _compared(self, old: CodeType | None, new: CodeType | None) -> list[Function] | None:
        found: list[Function] = []
        return found if old and new and self._same(old, new, found) else None

    def _same(self, old: CodeType, new: CodeType, found: list[Function]) -> bool:
        if (old.co_firstlineno, old.co_name) in self._idle:
            found.append((new.co_firstlineno, new.co_name))
            return self._face(old) == self._face(new)
        if any(getattr(old, part, None) != getattr(new, part, None) for part in PARTS):
            return False
        return len(old.co_consts) == len(new.co_consts) and all(
            self._same_constant(one, other, found) for one, other in zip(old.co_consts, new.co_consts, strict=True)
        )

    def _same_constant(self, old: object, new: object, found: list[Function]) -> bool:
        if type(old) is not type(new):
            return False
        if hasattr(old, "co_consts") and hasattr(new, "co_consts"):
            return self._same(old, new, found)  # type: ignore[arg-type]  # both are code
        return repr(old) == repr(new)  # 0.0 equals -0.0, and (1,) equals (True,)

    def _face(self, function: CodeType) -> tuple[object, ...]:
        """Return what is seen of a function that is not called: its name, parameters, kind, and docstring."""
        flags = function.co_flags
        counts = (function.co_argcount, function.co_posonlyargcount, function.co_kwonlyargcount)
        parameters = counts[0] + counts[2] + sum(bool(flags & one) for one in VARIABLE_ARGUMENTS)
        names = function.co_varnames[:parameters]
        said = [one for one in function.co_consts[:1] if self._documented and isinstance(one, str)]
        return (function.co_name, counts, [flags & one for one in (*VARIABLE_ARGUMENTS, KINDS)], names, said)


def _compiled(source: bytes | ast.Module, level: int) -> CodeType | None:
    """Compile; None where Python refuses it, or warns: a project may have made errors of warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            code: CodeType = compile(source, "module", "exec", dont_inherit=True, optimize=level)
        except NOT_COMPILABLE:
            return None
    return code


def _without_typing(source: bytes, level: int) -> CodeType | None:
    """Compile a module without what stands below `if TYPE_CHECKING:`; None where that name may be anything else."""
    import ast

    try:
        module = ast.parse(source)
    except NOT_COMPILABLE:
        return None
    if not all(_leaves_false(one) for one in ast.walk(module)):
        return None
    for one in module.body:
        if isinstance(one, ast.If) and isinstance(one.test, ast.Name) and one.test.id == NEVER_TRUE:
            one.body = [ast.copy_location(ast.Pass(), one)]
    return _compiled(module, level)


def _leaves_false(node: ast.AST) -> bool:
    """Say whether a part of a module can bind TYPE_CHECKING to nothing but what `typing` says."""
    import ast

    if isinstance(node, ast.Name):
        return node.id != NEVER_TRUE or isinstance(node.ctx, ast.Load)
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        from_typing = isinstance(node, ast.ImportFrom) and node.module == "typing" and not node.level
        bound = [one.asname or one.name for one in node.names]
        return "*" not in bound and (from_typing or NEVER_TRUE not in bound)
    if isinstance(node, ast.alias):
        return True
    return NEVER_TRUE not in (getattr(node, "name", ""), *getattr(node, "names", ()))

"""Which changes of a module can matter when it is imported."""

from __future__ import annotations

import pytest

from dbsync.checks.syntax import Comparison

START = """\
import sqlalchemy as sa
from typing import TYPE_CHECKING, Any


class User(Base):
    "A user."
    id = sa.Column(sa.Integer, primary_key=True)

    @property
    def name(self, *args, suffix: str = "x", **more):
        "Its name."
        return self.first + suffix

    def __init_subclass__(cls):
        cls.extra = sa.Column(sa.Integer)


def pk():
    return sa.Column(sa.Integer)


def items(of):
    def each(one):
        return one

    return [each(one) for one in of]


if TYPE_CHECKING:
    from elsewhere import Thing
"""
# Lines and names of the functions that are not called when it is imported: not __init_subclass__ and pk.
IDLE = [(9, "name"), (22, "items"), (23, "each")]


def compared(old, new, idle=IDLE, *, documented=False):
    return Comparison(idle, documented=documented).idle_in(old.encode(), new.encode())


def changed(before, after):
    assert before in START
    return START.replace(before, after, 1)


SAME = [
    ("a comment", "import sqlalchemy as sa", "# sa\nimport sqlalchemy as sa  # here"),
    ("blank lines", "\n\nclass User", "\n\n\n\nclass User"),
    (
        "the way it is written",
        "sa.Column(sa.Integer, primary_key=True)",
        "sa.Column(\n        sa.Integer,\n        primary_key=(True),\n    )",
    ),
    (
        "a body",
        "return self.first + suffix",
        "for one in args:\n            yes = one\n        return (suffix, lambda: yes)",
    ),
    ("a nested function", "return one\n", "return one, of\n"),
    ("a nested function more", "    return [each", "    def more(): pass\n\n    return [more and each"),
    ("a docstring of a class", '"A user."', '"Somebody."'),
    ("a docstring of a function", '"Its name."', '"The name."'),
    ("an import for types", "import Thing", "import Thing, Other"),
    ("a local import", "return self.first + suffix", "import os\n        return os"),
]
DIFFERENT = [
    ("a column", "sa.Integer, primary_key", "sa.BigInteger, primary_key"),
    ("a column more", "primary_key=True)", "primary_key=True)\n    age = sa.Column(sa.Integer)"),
    ("a name", "class User", "class Person"),
    ("a base class", "User(Base)", "User(Mixin, Base)"),
    (
        "a called function",
        "def pk():\n    return sa.Column(sa.Integer)",
        "def pk():\n    return sa.Column(sa.BigInteger)",
    ),
    ("a called method", "cls.extra = sa.Column(sa.Integer)", "cls.extra = sa.Column(sa.BigInteger)"),
    ("a default argument", 'suffix: str = "x"', 'suffix: str = "y"'),
    ("an annotation", "suffix: str", "suffix: Any"),
    ("a parameter", "suffix: str", "ending: str"),
    ("a decorator", "@property", "@hybrid_property"),
    ("a method more", "    def __init_subclass__", "    def more(self): pass\n\n    def __init_subclass__"),
    ("a method less", "    def __init_subclass__(cls):\n        cls.extra = sa.Column(sa.Integer)\n", ""),
    ("a function that is another kind", "return self.first + suffix", "yield self.first + suffix"),
    ("a statement", "def pk", "LENGTH = 5\n\n\ndef pk"),
    ("an import", "import sqlalchemy as sa", "import sqlalchemy as sa, app.more"),
    ("true for one", "primary_key=True", "primary_key=1"),
    ("what is not for types only", "if TYPE_CHECKING", "if not TYPE_CHECKING"),
    ("an else of it", "import Thing\n", "import Thing\nelse:\n    Thing = 1\n"),
    ("the name set", "\n\nclass User", "\nTYPE_CHECKING = True\nclass User"),
    ("the name from elsewhere", "typing import TYPE_CHECKING", "app import TYPE_CHECKING"),
    ("a star", "from typing import TYPE_CHECKING, Any", "from typing import *"),
    ("an error in a body", "return self.first + suffix", "return self.first +"),
    ("an error that compiling finds", "return self.first + suffix", "nonlocal gone"),
    ("a warning", "return self.first + suffix", 'return "\\d"'),
    ("an assertion", "\n\nclass User", "\nassert sa\nclass User"),
    ("super, which the class sees", "return self.first + suffix", "return super().name"),
]


@pytest.mark.parametrize(("before", "after"), [one[1:] for one in SAME], ids=[one[0] for one in SAME])
def test_what_cannot_matter(before, after):
    found = compared(START, changed(before, after))

    assert found is not None
    assert {name for _, name in found} >= {"name", "items"}


@pytest.mark.parametrize(("before", "after"), [one[1:] for one in DIFFERENT], ids=[one[0] for one in DIFFERENT])
def test_what_may_matter(before, after):
    assert compared(START, changed(before, after)) is None


def test_the_same_is_the_same():
    assert compared(START, START) == [(9, "name"), (22, "items")]


def test_lines_are_those_of_the_new_version():
    found = compared(START, "\n\n" + START)

    assert found == [(11, "name"), (24, "items")]


def test_a_function_that_is_called_counts_to_its_inside():
    old = "def outer():\n    def inner():\n        return 1\n    return inner\n"

    assert compared(old, old.replace("1", "2"), [(2, "inner")]) == [(2, "inner")]
    assert compared(old, old.replace("1", "2"), []) is None


@pytest.mark.parametrize(("before", "after"), [('"A user."', '"Somebody."'), ('"Its name."', '"The name."')])
def test_docstrings_count_where_something_reads_them(before, after):
    assert compared(START, changed(before, after), documented=True) is None


def test_docstrings_count_beside_assertions():
    old = '"Said."\nassert True\n'

    assert compared(old, old.replace("Said", "Told"), []) is None
    assert compared(old, f"# here\n{old}", []) == []


@pytest.mark.parametrize("content", ["x = \x00", "def :", "(" * 500])
def test_what_is_no_python_is_never_the_same(content):
    assert compared(content, content) is None
    assert compared("x = 1", content) is None


@pytest.mark.parametrize(
    ("one", "other"), [("0.0", "-0.0"), ("(1,)", "(True,)"), ("'a'", "b'a'"), ("{1, 2}", "{1, 3}")]
)
def test_values_that_are_nearly_equal(one, other):
    assert compared(f"x = {one}", f"x = {other}") is None
    assert compared(f"x = y in {one}", f"x = y in {other}") is None
    assert compared(f"x = {one}", f"x =  {one}") == []

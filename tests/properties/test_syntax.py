"""A change that is answered from a module's code leaves the tables as they were: the oracle is the real import."""

from __future__ import annotations

import importlib.util
import itertools
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.schema import CreateTable

from dbsync.checks.syntax import Comparison
from dbsync.worker.called import Called

HEADER = """\
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, declared_attr
from sqlalchemy.ext.hybrid import hybrid_property

class Base(DeclarativeBase):
    pass

def called_at_once(function):
    function()
    return function

def kept(function):
    return function
"""
# Each may be there or not; {0} and {1} are numbers that a change may touch.
PIECES = (
    "LENGTH = {0}\n",
    "def length(more=0):\n    'Says {1}.'\n    return {0} + more\n",
    "def twice():\n    def once():\n        return length() + {0}\n    return once() or {1}\n",
    "def unused():\n    return sa.Column(sa.String({0}))\n",
    (
        "class Mixin:\n    @declared_attr\n    def mixed(cls):\n        return sa.Column(sa.String({0}))\n"
        "    def said(self):\n        return {1}\n"
    ),
    (
        "class Sub:\n    def __init_subclass__(cls, **more):\n        cls.subbed = sa.Column(sa.String({0}))\n"
        "        super().__init_subclass__(**more)\n    def never(self):\n        return {1}\n"
    ),
    "SIZES = []\n@called_at_once\ndef sizes():\n    SIZES.append({0})\n",
    "@kept\ndef never(size={0}):\n    return size + {1}\n",
    "pick = lambda: {0}\n",
    "SWITCH = {0} > 40\nif SWITCH:\n    def chosen():\n        return {0}\nelse:\n    def chosen():\n        return {1}\n",
    "async def later():\n    return {0}\n",
)
TABLE = """
class Table(Base):
    __tablename__ = "t"
    id = sa.Column(sa.Integer, primary_key=True)
    a = sa.Column(sa.String({first}))
    b = sa.Column(sa.String({second}), default=lambda: {0})

    @hybrid_property
    def name(self):
        return {1}

    def method(self):
        def inner():
            return {0}
        return inner
"""
SIZES_OF = (
    "1",
    "LENGTH",
    "length()",
    "twice()",
    "unused().type.length",
    "pick()",
    "SIZES[0]",
    "chosen()",
    "int(Mixin.said(0))",
)
NUMBERS = st.integers(2, 99)


@st.composite
def versions(draw):
    """Return two versions of a module; the second differs in one number, in a line, or in how it is written."""
    numbers = iter(draw(st.lists(NUMBERS, min_size=2 * len(PIECES) + 2, max_size=2 * len(PIECES) + 2)))
    chosen = [one.format(next(numbers), next(numbers)) for one in PIECES if draw(st.integers(0, 3))]
    sizes = {"first": draw(st.sampled_from(SIZES_OF)), "second": draw(st.sampled_from(SIZES_OF))}
    table = TABLE.format(next(numbers), next(numbers), **sizes)
    bases = [one for one in ("Mixin", "Sub") if f"class {one}" in "".join(chosen) and draw(st.booleans())]
    old = HEADER + "".join(chosen) + table.replace("(Base)", f"({', '.join([*bases, 'Base'])})")
    return old, draw(changes(old))


def changes(old):
    def number(place, value):
        found = list(re.finditer(r"\b\d+\b", old))
        one = found[place % len(found)]
        return old[: one.start()] + str(value) + old[one.end() :]

    def line(place, text):
        lines = old.split("\n")
        lines[place % len(lines)] += text
        return "\n".join(lines)

    def without(place):
        lines = old.split("\n")
        del lines[place % len(lines)]
        return "\n".join(lines)

    places = st.integers(0, 1000)
    return st.one_of(
        st.builds(number, places, NUMBERS),
        st.builds(line, places, st.sampled_from(("  # said", "\n", "; X = 1"))),
        st.builds(without, places),
    )


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """Give a function that imports a text and returns its tables, or why not, and the functions that were not called."""
    top, count = tmp_path_factory.mktemp("modules"), itertools.count()
    called = Called(str(top))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "importlib.machinery.SourceFileLoader.source_to_code", importlib.machinery.SourceFileLoader.source_to_code
        )
        called.install()

        def loaded(text):
            name = f"m{next(count)}"
            (top / f"{name}.py").write_text(text)
            spec = importlib.util.spec_from_file_location(name, top / f"{name}.py")
            module = importlib.util.module_from_spec(spec)
            try:
                spec.loader.exec_module(module)
                tables = module.Base.metadata.tables.values()
                made = sorted(str(CreateTable(one)) for one in tables)
            except Exception as error:  # noqa: BLE001 - whatever a module raises, the other version has to raise too
                made = [type(error).__name__]
            return made, called.idle(set()).get(f"{name}.py", [])

        yield loaded


@settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(versions())
def test_what_is_answered_from_code_makes_the_same_tables(load, both):
    old, new = both
    made, idle = load(old)

    if Comparison(idle, documented=False).idle_in(old.encode(), new.encode()) is not None:
        assert load(new)[0] == made


@pytest.mark.parametrize("piece", ["return inner", "'Says", "def never(self):\n        return "])
def test_some_changes_are_answered(load, piece):
    old = HEADER + "".join(one.format(5, 6) for one in PIECES) + TABLE.format(7, 8, first="length()", second="LENGTH")
    _, idle = load(old)

    assert (
        Comparison(idle, documented=False).idle_in(old.encode(), old.replace(piece, f"{piece}1").encode()) is not None
    )

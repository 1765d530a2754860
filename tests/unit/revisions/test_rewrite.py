"""Other parents are written into a revision file, and nothing else of it changes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbsync.errors import Obstacle
from dbsync.revisions.compare import same_body
from dbsync.revisions.parse import parse
from dbsync.revisions.revision import Revision
from dbsync.revisions.rewrite import with_down_revision

HEAD = '"""add a\n\nRevision ID: f1\nRevises: {revises}\nCreate Date: 2026\n\n"""\n'
TAIL = "\n\ndef upgrade():\n    down_revision = 'm1'\n    op.execute('m1')  # é Revises: m1\n"

# How the parent is written, the parents it is to have, how it is written then.
CASES = {
    "single quotes": ("down_revision = 'm1'", ["m2"], "down_revision = 'm2'"),
    "double quotes": ('down_revision = "m1"', ["m2"], 'down_revision = "m2"'),
    "annotated": ("down_revision: Union[str, None] = 'm1'", ["m2"], "down_revision: Union[str, None] = 'm2'"),
    "an annotation that names it": ("down_revision: 'm1' = 'm1'", ["m2"], "down_revision: 'm1' = 'm2'"),
    "a comment": ("down_revision  =  'm1'  # was 'm1'", ["m2"], "down_revision  =  'm2'  # was 'm1'"),
    "a prefix": ("down_revision = u'm1'", ["m2"], "down_revision = u'm2'"),
    "brackets": ("down_revision = (\n    'm1'\n)", ["m2"], "down_revision = (\n    'm2'\n)"),
    "three quotes": ("down_revision = '''m1'''", ["m2"], "down_revision = 'm2'"),
    "two parts": ("down_revision = 'm' '1'", ["m2"], "down_revision = 'm2'"),
    "an escape": (r"down_revision = 'm\x31'", ["m2"], "down_revision = 'm2'"),
    "one of two": ("down_revision = (\"f0\",\n  'm1',)", ["f0", "m2"], "down_revision = (\"f0\",\n  'm2',)"),
    "a list": ("down_revision = ['m1', 'f0']", ["m2", "f0"], "down_revision = ['m2', 'f0']"),
    "two become one": ('down_revision = ("m1", "f0")', ["f0"], 'down_revision = "f0"'),
    "one becomes two": ('down_revision = "m1"', ["m1", "f0"], 'down_revision = ("m1", "f0")'),
    "a set": ("down_revision = {'f0', 'm1'}", ["f0", "m2"], "down_revision = ('f0', 'm2')"),
    "a parent becomes none": ("down_revision = 'm1'", [], "down_revision = None"),
    "none becomes a parent": ("down_revision = None", ["m2"], "down_revision = 'm2'"),
    "the last one counts": (
        "down_revision = 'm0'\ndown_revision = 'm1'",
        ["m2"],
        "down_revision = 'm0'\ndown_revision = 'm2'",
    ),
    "behind another statement": (
        "é = 'é'; down_revision = 'm1'; x = 1",
        ["m2"],
        "é = 'é'; down_revision = 'm2'; x = 1",
    ),
    "with another target": ("down_revision = down_revision = 'm1'", ["m2"], "down_revision = down_revision = 'm2'"),
    "an id of other letters": ("down_revision = 'm1'", ["é\\"], r"down_revision = '\xe9\\'"),
}
NOT_LITERAL = {
    "a name": "parent = 'm1'\ndown_revision = parent",
    "a name in a tuple": "parent = 'm1'\ndown_revision = (parent, 'm2')",
    "taken from a tuple": "x, down_revision = 1, 'm1'",
    "no assignment": "x = 1",
}


@pytest.mark.parametrize(("before", "parents", "after"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_only_the_literal_changes(before, parents, after, newline, encoding):
    def source(statement):
        text = f"# coding: {'latin-1' if encoding == 'latin-1' else 'utf-8'}\nrevision = 'f1'\n{statement}{TAIL}"
        return text.replace("\n", newline).encode(encoding)

    assert with_down_revision(source(before), "f1.py", parents) == source(after)


@pytest.mark.parametrize("statement", NOT_LITERAL.values(), ids=NOT_LITERAL)
def test_what_is_no_literal_is_not_written(statement):
    found = with_down_revision(f"revision = 'f1'\n{statement}\n".encode(), "f1.py", ["m2"])
    assert isinstance(found, Obstacle)
    assert (found.code, found.path) == ("DBS103", "f1.py")


def test_what_is_not_python_is_not_written():
    assert with_down_revision(b"<<<<<<< HEAD\n", "f1.py", ["m2"]).code == "DBS101"


REVISES = {
    "one": ("m1", ["m2"], "m2"),
    "several": ("m1, f0", ["m2", "f0"], "m2, f0"),
    "out of date": ("m0", ["m2"], "m2"),
    "prose": ("m1 and more", ["m2"], "m1 and more"),
    "an id that is not written as it is": ("m1", ["é"], "m1"),
}


@pytest.mark.parametrize(("before", "parents", "after"), REVISES.values(), ids=REVISES)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_the_docstring_says_what_is_revised(before, parents, after, newline):
    def source(revises, down):
        text = f"{HEAD.format(revises=revises)}revision = 'f1'\ndown_revision = {down}{TAIL}"
        return text.replace("\n", newline).encode()

    down = ascii(tuple(parents)) if len(parents) > 1 else ascii(parents[0])
    assert with_down_revision(source(before, "'m1'"), "f1.py", parents) == source(after, down)


@pytest.mark.parametrize("docstring", ["'Revises: m1'", '"""Revises: m1"""', 'r"""x\nRevises: m1  \n"""'])
def test_any_docstring_is_read(docstring):
    found = with_down_revision(f"{docstring}\ndown_revision = 'm1'\n".encode(), "f1.py", ["m2"])
    assert found == f"{docstring.replace('m1', 'm2')}\ndown_revision = 'm2'\n".encode()


IDS = st.text("abcdef0123456789", min_size=1, max_size=12)
PARENTS = st.lists(IDS, max_size=4, unique=True)
ODD = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="'@-+"), min_size=1, max_size=5)
LITERALS = st.sampled_from(["{0!r}", "[{1}]", "({1},)", "{{{1}}}", "(\n    {1},  # é\n)"])
PLACES = st.sampled_from(["down_revision = {}", "down_revision: 'x' = {}", "é = 'é'; down_revision = {} ; x = 1"])


@given(
    st.lists(IDS, min_size=1, max_size=3, unique=True),
    st.one_of(PARENTS, st.lists(ODD, max_size=3, unique=True)),
    LITERALS,
    PLACES,
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "latin-1"]),
    st.sampled_from(["'", '"']),
)
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_what_is_read(old, new, literal, place, newline, encoding, quote):
    listed = ", ".join(f"{quote}{one}{quote}" for one in old)
    value = literal.format(tuple(old) if len(old) > 1 else old[0], listed)
    cookie = "# coding: latin-1\n" if encoding == "latin-1" else ""
    head = f"{cookie}{HEAD.format(revises=', '.join(old))}revision = 'x'\nbranch_labels = ('l',)\ndepends_on = 'd'\n"
    start, end = place.split("{}")
    source = (head + start + value + end + TAIL).replace("\n", newline).encode(encoding)

    after = with_down_revision(source, "f1.py", new)

    read, was = parse(after, "f1.py"), parse(source, "f1.py")
    assert isinstance(read, Revision)
    assert read == was._replace(down_revision=tuple(new))
    assert same_body(source, after)
    tail = (end + TAIL).replace("\n", newline).encode(encoding.removesuffix("-sig"))
    assert after.endswith(tail)
    before_docs_line = source[: source.index(b"Revises:")]
    assert after.startswith(before_docs_line)
    skipped = (
        (f"{newline}Create Date" + head.split("Create Date")[1] + start).replace("\n", newline).replace("\r\r", "\r")
    )
    assert skipped.encode(encoding.removesuffix("-sig")) in after

"""Whatever a file holds, reading it has an answer; a revision is what Python would have made of the file."""

from __future__ import annotations

import encodings.aliases
from types import ModuleType

from alembic.script import Script
from alembic.util import CommandError, to_tuple
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dbsync.errors import Obstacle
from dbsync.revisions.compare import same_body
from dbsync.revisions.parse import IDENTIFIERS, parse
from dbsync.revisions.revision import Revision
from tests.support.project import REVISION

moderate = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEMPLATE = REVISION.format(
    message="one",
    id="a",
    revises="b",
    down="b",
    branch_labels=None,
    depends_on=None,
    up="    pass",
    down_code="    pass",
).encode()
FRAGMENTS = [
    b"<<<<<<< HEAD\n",
    b"=======\n",
    b"\0",
    b"\xff",
    b"\r",
    b"(",
    b")",
    b'"""',
    b"\\",
    b"'",
    b":",
    b"\t",
    b"if x:\n",
]

NAMES = st.sampled_from([*IDENTIFIERS, *IDENTIFIERS, "x", "y"])
VALUES = st.recursive(
    st.one_of(
        st.sampled_from(["None", "''", "'a'", "'b'", "'c'", "()", "[]", "1", "len('a')", "x + y", "f'a'"]), NAMES
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({', '.join(parts)},)"),
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        inner.map(lambda part: f"(*{part},)"),
    ),
    max_leaves=4,
)
TARGETS = st.recursive(
    NAMES,
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({', '.join(parts)},)"),
    max_leaves=4,
)
SIMPLE = st.one_of(
    st.builds("{} = {}".format, TARGETS, VALUES),
    st.builds("{} = {} = {}".format, TARGETS, TARGETS, VALUES),
    st.builds("{}: str = {}".format, NAMES, VALUES),
    st.builds("{}: str".format, NAMES),
    st.builds("{} += {}".format, NAMES, VALUES),
    st.builds("({} := {})".format, NAMES, VALUES),
    st.builds("x = [{} for {} in 'abc']".format, NAMES, NAMES),
    st.builds("x = [({} := {}) for y in 'abc']".format, NAMES, VALUES),
    st.builds("x = lambda {}: {}".format, NAMES, VALUES),
    st.builds("del {}".format, NAMES),
    st.builds("import types as {}".format, NAMES),
)
STATEMENTS = st.one_of(
    SIMPLE,
    SIMPLE,
    st.builds("for {} in 'abc': pass".format, TARGETS),
    st.builds("if {}: {}".format, VALUES, SIMPLE),
    st.builds("def {}({}): {}".format, NAMES, NAMES, SIMPLE),
    st.builds("class {}: {}".format, NAMES, SIMPLE),
    st.builds("try: {}\nexcept Exception as {}: pass".format, SIMPLE, NAMES),
    st.builds("match {}:\n    case [{}, *{}]: pass\n    case _: pass".format, VALUES, NAMES, NAMES),
)
MODULES = st.lists(STATEMENTS, max_size=6).map(lambda lines: "revision, down_revision = 'a', 'b'\n" + "\n".join(lines))


def run(source):
    """Return what Alembic has for a source once it has run; None where it does not run or Alembic refuses it."""
    module = ModuleType("one")
    try:
        exec(compile(source, "one.py", "exec"), module.__dict__)
        script = Script(module, module.revision, "one.py")
    except (Exception, CommandError):  # noqa: BLE001 - a random program fails in any way
        return None
    named = script._versioned_down_revisions, to_tuple(script.dependencies, ()), script._orig_branch_labels
    if not all(isinstance(one, str) for names in named for one in names):
        return None
    # None, "" and () all say "none"; Alembic keeps "" and then cannot find it.
    return Revision(script.revision, *(tuple(dict.fromkeys(one for one in names if one)) for names in named))


def well_formed(answer):
    """Say whether an answer is of a form that all of dbsync can rely on."""
    if isinstance(answer, Obstacle):
        return answer.code in {"DBS101", "DBS102", "DBS103", "DBS104", "DBS109"} and answer.line >= 1
    names = (answer.id, *answer.down_revision, *answer.depends_on, *answer.branch_labels)
    return all(isinstance(name, str) for name in names)


@given(MODULES)
@settings(moderate, max_examples=500)
@example("revision, down_revision = 'a', 'b'\nx = revision\nrevision = 'c'\nrevision = x")
@example("revision = down_revision = 'a'\n(revision, x), y = down_revision = ('b', 'c'), 'd'")
def test_a_revision_that_is_read_is_the_one_that_python_makes(source):
    read, made = parse(source.encode(), ""), run(source)

    assert well_formed(read)
    if isinstance(read, Revision) and made is not None:
        assert read == made


@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
)
@moderate
def test_any_bytes_have_an_answer(source):
    assert well_formed(parse(source, "versions/one.py"))
    assert same_body(source, source)
    same_body(source, TEMPLATE)


@given(st.lists(st.tuples(st.integers(0, len(TEMPLATE)), st.integers(0, 20), st.sampled_from(FRAGMENTS)), max_size=4))
@moderate
def test_a_damaged_file_has_an_answer(damage):
    source = TEMPLATE
    for place, length, fragment in damage:
        source = source[:place] + fragment + source[place + length :]

    assert well_formed(parse(source, "versions/one.py"))
    same_body(source, TEMPLATE)


def test_every_encoding_has_an_answer():
    for name in {
        *encodings.aliases.aliases,
        *encodings.aliases.aliases.values(),
        "idna",
        "punycode",
        "undefined",
        "mbcs",
    }:
        for body in (TEMPLATE, b"revision = '\xe9\x80\\x'\ndown_revision = None\n"):
            assert well_formed(parse(b"# coding: " + name.encode() + b"\n" + body, "versions/one.py")), name

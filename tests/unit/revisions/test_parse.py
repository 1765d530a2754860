"""Reading identifiers from source; the judge is Alembic, which runs the same file."""

from __future__ import annotations

import codecs
import warnings

import pytest
from alembic.script import Script
from alembic.util import to_tuple

from dbsync.errors import Obstacle
from dbsync.revisions.parse import parse
from dbsync.revisions.revision import Revision
from tests.support.project import REVISION

PATH = "migrations/versions/one.py"
NONE = "down_revision = None\n"


def alembics(tmp_path, source, name="one.py"):
    """Return a file's identifiers as Alembic has them once it has run the file."""
    (tmp_path / name).write_bytes(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = Script._from_path(type("Directory", (), {"sourceless": False}), tmp_path / name)
    # Alembic keeps "" as a parent and then cannot find it (KeyError); dbsync reads what was meant.
    down = tuple(one for one in script._versioned_down_revisions if one)
    labels = dict.fromkeys(script._orig_branch_labels)
    depends = dict.fromkeys(to_tuple(script.dependencies, default=()))
    return Revision(script.revision, tuple(dict.fromkeys(down)), tuple(depends), tuple(labels), PATH, "oid")


LOADABLE = {
    "template": REVISION.format(
        message="one",
        id="a",
        revises="b",
        down="b",
        branch_labels=None,
        depends_on=None,
        up="    pass",
        down_code="    pass",
    ),
    "plain": "revision = 'a'\ndown_revision = 'b'\nbranch_labels = None\ndepends_on = None\n",
    "double quotes": 'revision = "a"\ndown_revision = "b"\n',
    "no labels, no depends_on": f"revision = 'a'\n{NONE}",
    "empty string": "revision = 'a'\ndown_revision = ''\n",
    "empty tuple": "revision = 'a'\ndown_revision = ()\n",
    "empty list": "revision = 'a'\ndown_revision = []\n",
    "tuple": "revision = 'a'\ndown_revision = ('b', 'c')\n",
    "tuple of one": "revision = 'a'\ndown_revision = ('b',)\n",
    "list": "revision = 'a'\ndown_revision = ['b', 'c']\n",
    "annotated": "revision: str = 'a'\ndown_revision: 'str | None' = 'b'\n",
    "annotated at length": "from typing import Union\nrevision: str = 'a'\ndown_revision: Union[str, None] = None\n",
    "an annotation alone says nothing": f"revision: str\nrevision = 'a'\n{NONE}",
    "a parent named twice": "revision = 'a'\ndown_revision = ('b', 'b')\n",
    "depends_on": f"revision = 'a'\n{NONE}depends_on = 'b'\n",
    "depends_on tuple": f"revision = 'a'\n{NONE}depends_on = ('b', 'label')\n",
    "depends_on set": f"revision = 'a'\n{NONE}depends_on = {{'b'}}\n",
    "depends_on twice": f"revision = 'a'\n{NONE}depends_on = None\ndepends_on = 'b'\n",
    "label": f"revision = 'a'\n{NONE}branch_labels = 'x'\n",
    "labels": f"revision = 'a'\n{NONE}branch_labels = ('x', 'y')\n",
    "a label in a name of the module": f"NAME = 'x'\nrevision = 'a'\n{NONE}branch_labels = (NAME,)\n",
    "a name as it was then": f"x = 'a'\nrevision = x\nx = 'b'\n{NONE}",
    "chained": "revision = other = 'a'\ndown_revision = depends_on = None\n",
    "unpacked": "revision, down_revision = 'a', 'b'\n",
    "unpacked from a name": "both = ('a', ('b', 'c'))\nrevision, down_revision = both\n",
    "nested unpacking": "(revision, [down_revision]), x = ('a', ['b']), 1\n",
    "another part unreadable": "revision, down_revision, x = 'a', 'b', len('c')\n",
    "swapped": "revision = 'b'\ndown_revision = 'a'\nrevision, down_revision = down_revision, revision\n",
    "joined strings": "revision = 'a' 'b'\ndown_revision = ('b'\n 'c')\n",
    "escapes": f"revision = 'a\\x62'\n{NONE}",
    "raw": f"revision = r'a'\n{NONE}",
    "semicolons": "revision = 'a'; down_revision = 'b'\n",
    "a word": f"revision = 'add_users'\n{NONE}",
    "dots": "revision = 'v3.0.0.a'\ndown_revision = 'v2.6.0.a'\n",
    "unicode": f"revision = 'größe'\n{NONE}",
    "docstring that says otherwise": '"""one\n\nRevision ID: z\nRevises: y\n"""\nrevision = "a"\ndown_revision = "b"\n',
    "a function's own name": f"revision = 'a'\n{NONE}def upgrade():\n    revision = 'z'\n    down_revision = 1\n",
    "a class's own name": f"revision = 'a'\n{NONE}class Model:\n    revision = 'z'\n",
    "a comprehension's own name": f"revision = 'a'\n{NONE}ids = [revision for revision in 'xyz']\n",
    "a function inside if": f"revision = 'a'\n{NONE}if True:\n    def upgrade():\n        revision = 'z'\n",
    "hidden, then said": f"if True:\n    revision = 'z'\nrevision = 'a'\n{NONE}",
    "attributes and items": f"class X: pass\nX.revision = 'z'\nd = {{}}\nd['revision'] = 'z'\nrevision = 'a'\n{NONE}",
    "escape that Python warns of": f"revision = 'a'\n{NONE}pattern = '\\d'\nx = 1 if 1 is 1 else 2\n",
    "carriage returns": "revision = 'a'\r\ndown_revision = 'b'\r\n",
    "form feed": f"\fimport re\nrevision = 'a'\n{NONE}",
    "no newline at the end": "revision = 'a'\ndown_revision = 'b'",
    "future": f"from __future__ import annotations\nrevision: str = 'a'\n{NONE}",
    "a heading underlined with seven": f'"""One\n=======\n"""\nrevision = "a"\n{NONE}',
    "markers in a string": f'text = """\n<<<<<<< ours\n=======\n>>>>>>> theirs\n"""\nrevision = "a"\n{NONE}',
}


@pytest.mark.parametrize("source", LOADABLE.values(), ids=LOADABLE)
def test_what_alembic_reads_is_read_the_same(tmp_path, source):
    source = source.encode()

    assert parse(source, PATH, "oid")._replace(doc="") == alembics(tmp_path, source)


ENCODED = {
    "byte order mark": codecs.BOM_UTF8 + b"revision = 'a'\ndown_revision = None\n",
    "latin-1": "# -*- coding: latin-1 -*-\nrevision = 'größe'\ndown_revision = None\n".encode("latin-1"),
    "second line": "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nrevision = '€'\ndown_revision = None\n".encode(
        "cp1252"
    ),
    "shift-jis": "# coding: shift_jis\nrevision = '表'\ndown_revision = None\n".encode("shift_jis"),
    "utf-8 declared": "# coding: utf-8\nrevision = '表'\ndown_revision = None\n".encode(),
}


@pytest.mark.parametrize("source", ENCODED.values(), ids=ENCODED)
def test_the_encoding_is_the_one_that_python_takes(tmp_path, source):
    assert parse(source, PATH, "oid") == alembics(tmp_path, source)


def test_the_first_line_of_the_docstring_is_kept():
    revision = parse(b'"""\n  Add users.\n\nRevises: b\n"""\nrevision = "a"\ndown_revision = None\n', PATH)

    assert revision.doc == "Add users."


def test_an_id_from_the_files_name_as_alembic_0_1_had_it(tmp_path):
    source = NONE.encode()

    assert parse(source, "versions/1975ea83b712.py").id == alembics(tmp_path, source, "1975ea83b712.py").id


@pytest.mark.parametrize("name", ["add_1975ea83b712.py", "1975ea83b712_add.py", "cafe_beef.py", "env.py"])
def test_a_name_that_is_more_than_an_id_is_none(name):
    assert parse(NONE.encode(), f"versions/{name}").code == "DBS104"


REFUSED = {
    "empty": ("", "DBS104", 1),
    "only a docstring": ('"""one"""\n', "DBS104", 1),
    "a module that is no revision": ("def helper():\n    return 1\n", "DBS104", 1),
    "no down_revision": ("revision = 'a'\n", "DBS104", 1),
    "empty revision": (f"revision = ''\n{NONE}", "DBS104", 1),
    "revision None": (f"revision = None\n{NONE}", "DBS104", 1),
    "call": (f"{NONE}\nrevision = make()\n", "DBS103", 3),
    "call of down_revision": ("revision = 'a'\ndown_revision = latest()\n", "DBS103", 2),
    "f-string": (f"{NONE}revision = f'{{x}}'\n", "DBS103", 2),
    "concatenation": (f"{NONE}revision = 'a' + 'b'\n", "DBS103", 2),
    "attribute": (f"import x\nrevision = 'a'\n{NONE}branch_labels = (x.NAME,)\n", "DBS103", 4),
    "unknown name": (f"revision = 'a'\n{NONE}depends_on = OTHER\n", "DBS103", 3),
    "name that is assigned later": (f"revision = ID\nID = 'a'\n{NONE}", "DBS103", 1),
    "itself": (f"revision = revision\n{NONE}", "DBS103", 1),
    "number": (f"revision = 12\n{NONE}", "DBS103", 1),
    "bytes": (f"revision = b'a'\n{NONE}", "DBS103", 1),
    "set as id": (f"revision = {{'a'}}\n{NONE}", "DBS103", 1),
    "tuple as id": (f"revision = ('a',)\n{NONE}", "DBS103", 1),
    "number among parents": ("revision = 'a'\ndown_revision = ('b', 3)\n", "DBS103", 2),
    "None among parents": ("revision = 'a'\ndown_revision = ('b', None)\n", "DBS103", 2),
    "dict": ("revision = 'a'\ndown_revision = {'b': 1}\n", "DBS103", 2),
    "False": ("revision = 'a'\ndown_revision = False\n", "DBS103", 2),
    "starred": ("revision = 'a'\ndown_revision = (*OTHERS, 'b')\n", "DBS103", 2),
    "conditional value": ("revision = 'a'\ndown_revision = 'b' if x else 'c'\n", "DBS103", 2),
    "under if": ("revision = 'a'\nif x:\n    down_revision = 'b'\n", "DBS103", 3),
    "under else": ("revision = 'a'\nif x:\n    pass\nelse:\n    down_revision = 'b'\n", "DBS103", 5),
    "under try": (f"{NONE}try:\n    revision = 'a'\nexcept E:\n    pass\n", "DBS103", 3),
    "a name under if": (f"if x:\n    ID = 'a'\nrevision = ID\n{NONE}", "DBS103", 3),
    "for": (f"{NONE}for revision in 'a': pass\n", "DBS103", 2),
    "with": (f"{NONE}with open(x) as revision: pass\n", "DBS103", 2),
    "walrus": (f"{NONE}revision = 'a'\nprint(revision := 'b')\n", "DBS103", 3),
    "walrus in an assignment": (f"{NONE}revision = 'a'\nx = (revision := 'b')\n", "DBS103", 3),
    "walrus in a comprehension": (f"{NONE}revision = 'a'\n[revision := y for y in 'b']\n", "DBS103", 3),
    "exception's name": (f"{NONE}revision = 'a'\ntry: f()\nexcept E as revision: pass\n", "DBS103", 4),
    "pattern": (f"{NONE}revision = 'a'\nmatch x:\n    case [*revision]: pass\n", "DBS103", 4),
    "pattern's rest": (f"{NONE}revision = 'a'\nmatch x:\n    case {{**revision}}: pass\n", "DBS103", 4),
    "augmented": (f"revision = 'a'\n{NONE}depends_on = ('b',)\ndepends_on += ('c',)\n", "DBS103", 4),
    "deleted": (f"revision = 'a'\n{NONE}del revision\n", "DBS103", 3),
    "imported": (f"from ids import revision\n{NONE}", "DBS103", 1),
    "imported as": (f"import ids as revision\n{NONE}", "DBS103", 1),
    "function": (f"def revision(): pass\n{NONE}", "DBS103", 1),
    "class": (f"class revision: pass\n{NONE}", "DBS103", 1),
    "unpacked from a call": ("x = 1\nrevision, down_revision = f()\n", "DBS103", 2),
    "unpacked with a star": ("revision, *down_revision = 'a', 'b'\n", "DBS103", 1),
    "unpacked from a string": ("revision, down_revision = 'ab'\n", "DBS103", 1),
    "unpacked, too few": ("revision, down_revision = ('a',)\n", "DBS103", 1),
    "at sign": (f"{NONE}revision = 'a@b'\n", "DBS109", 2),
    "hyphen": (f"{NONE}revision = 'a-b'\n", "DBS109", 2),
    "plus": (f"{NONE}revision = 'a+b'\n", "DBS109", 2),
    "syntax": (f"revision = 'a'\n{NONE}def upgrade(:\n", "DBS101", 3),
    "indentation": (f"revision = 'a'\n{NONE}  x = 1\n", "DBS101", 3),
    "unclosed": (f"revision = 'a'\n{NONE}x = (\n", "DBS101", 3),
    "Python 2": (f"revision = 'a'\n{NONE}print 'x'\n", "DBS101", 3),
    "null byte": (f"revision = 'a'\n{NONE}\0", "DBS101", 1),
    "template that was not filled in": ("revision = ${repr(up_revision)}\n", "DBS101", 1),
    "conflict": (f"<<<<<<< HEAD\nrevision = 'a'\n=======\nrevision = 'b'\n>>>>>>> feature\n{NONE}", "DBS102", 1),
    "conflict further down": (f"revision = 'a'\n{NONE}<<<<<<< HEAD\n=======\n>>>>>>> x\n", "DBS102", 3),
    "conflict with diff3": (f"{NONE}<<<<<<< HEAD\nx\n||||||| b\n=======\n>>>>>>> y\n", "DBS102", 2),
    "conflict with carriage returns": ("<<<<<<< HEAD\r\n=======\r\n>>>>>>> y\r\n", "DBS102", 1),
    "marker without a name": ("<<<<<<<\n=======\n>>>>>>>\n", "DBS102", 1),
    "underlined heading and another error": ('"""One\n=======\n"""\ndef upgrade(:\n', "DBS101", 4),
    "lone surrogate": (f"revision = '\\ud800'\n{NONE}", "DBS109", 1),
    "line end in an id": (f"revision = 'a\\nb'\n{NONE}", "DBS109", 1),
    "quote": (f'{NONE}revision = "a\'b"\n', "DBS109", 2),
    "null in an id": (f"revision = 'a\\0'\n{NONE}", "DBS109", 1),
}


@pytest.mark.parametrize(("source", "code", "line"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_an_obstacle_with_its_line(source, code, line):
    obstacle = parse(source.encode(), PATH)

    assert isinstance(obstacle, Obstacle)
    assert (obstacle.code, obstacle.path, obstacle.line) == (code, PATH, line)
    assert obstacle.message
    assert obstacle.hint


BYTES = {
    "not utf-8": b"revision = '\xff'\ndown_revision = None\n",
    "unknown encoding": b"# coding: nope\nrevision = 'a'\ndown_revision = None\n",
    "an encoding of bytes": b"# coding: hex\n7265\n",
    "an encoding that is none": b"# coding: undefined\nrevision = 'a'\n",
    "two encodings": codecs.BOM_UTF8 + b"# coding: latin-1\nrevision = 'a'\ndown_revision = None\n",
    "utf-16": "revision = 'a'\ndown_revision = None\n".encode("utf-16"),
    "binary": bytes(range(256)),
    "nested brackets": b"x = " + b"(" * 3000,
    "nested operators": b"x = " + b"-" * 100_000 + b"1",
    "nested blocks": b"".join(b" " * n + b"if x:\n" for n in range(200)),
    "huge number": b"x = " + b"9" * 5000,
}


@pytest.mark.parametrize("source", BYTES.values(), ids=BYTES)
def test_bytes_that_are_no_source_are_an_obstacle(source):
    assert parse(source, PATH).code == "DBS101"


def test_the_authors_warnings_are_not_shown_by_us(recwarn):
    parse(b"revision = '\\d'\ndown_revision = None\nx = 1 is 1\n", PATH)

    assert not recwarn.list

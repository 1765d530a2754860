"""When two sources of a revision do the same."""

from __future__ import annotations

import pytest

from dbsync.revisions.compare import same_body, same_upgrade

SOURCE = '''"""one"""
revision = "a"
down_revision = "b"


def upgrade():
    """Upgrade."""
    op.create_table("t", sa.Column("id", sa.Integer))


def downgrade():
    op.drop_table("t")
'''

SAME = {
    "docstring": SOURCE.replace('"""one"""', '"""two"""'),
    "no docstring": SOURCE.replace('"""one"""\n', ""),
    "a function's docstring": SOURCE.replace("Upgrade.", "Make t."),
    "comment": SOURCE.replace("def upgrade():", "# make t\ndef upgrade():  # now"),
    "layout": SOURCE.replace('create_table("t", ', "create_table(\n        't',\n        "),
    "carriage returns": SOURCE.replace("\n", "\r\n"),
    "parent": SOURCE.replace('"b"', '("b", "c")'),
    "annotated identifiers": SOURCE.replace("revision =", "revision: str ="),
    "labels": SOURCE.replace('"b"\n', '"b"\nbranch_labels = ("x",)\ndepends_on = None\n'),
    "u before a string": SOURCE.replace('"t"', 'u"t"'),
    "raw string": SOURCE.replace('"t"', 'r"t"'),
    "annotation": SOURCE.replace("upgrade():", "upgrade() -> None:"),
    "imports for annotations": SOURCE.replace("\nrevision", "\nfrom typing import Sequence, Union\nrevision"),
}
OTHER = {
    "table": SOURCE.replace('"t"', '"u"'),
    "type": SOURCE.replace("Integer", "BigInteger"),
    "value of a module's name": SOURCE + "x = 1\n",
    "order of functions": SOURCE[SOURCE.index("def downgrade") :] + SOURCE[: SOURCE.index("def downgrade")],
    "more in a function": SOURCE + "    op.drop_table('u')\n",
    "a string that is used": SOURCE.replace('    """Upgrade."""', '    op.execute("""Upgrade.""")'),
    "a name bound with an identifier": SOURCE.replace('revision = "a"', 'revision = name = "a"', 1),
    "broken": SOURCE + "<<<<<<< ours\n",
}


@pytest.mark.parametrize("other", SAME.values(), ids=SAME)
def test_sources_that_do_the_same(other):
    assert same_body(SOURCE.encode(), other.encode())
    assert same_body(other.encode(), SOURCE.encode())


@pytest.mark.parametrize("other", OTHER.values(), ids=OTHER)
def test_sources_that_do_something_else(other):
    assert not same_body(SOURCE.encode(), other.encode())
    assert not same_body(other.encode(), SOURCE.encode())


IMPORTS = """import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Integer
from ambuda.seed.utils.data_utils import create_db
x = sa, op, Column, Integer, create_db
"""


def test_isort_over_every_revision_rewrites_none():
    """Ambuda's 2da9325 and f5318b8: without this, ten applied revisions would go down and up again."""
    by_isort = """from alembic import op

import sqlalchemy as sa
from ambuda.seed.utils.data_utils import create_db
from sqlalchemy import Integer
from sqlalchemy import Column
x = sa, op, Column, Integer, create_db
"""
    assert same_body(IMPORTS.encode(), by_isort.encode())


def test_a_module_of_the_project_that_moved_rewrites_none():
    """Ambuda's 7ad64d4: fourteen revisions would have to go, up again through one that today's models cannot follow."""
    moved = IMPORTS.replace("ambuda.seed.utils.data_utils", "ambuda.seed.utils.itihasa_utils")
    inside = "def upgrade():\n    from app.models import Status\n"

    assert same_body(IMPORTS.encode(), moved.encode())
    assert same_body(inside.encode(), inside.replace("models", "enums").encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from ambuda.", "from sanskrit."),
        ("import create_db", "import create_all"),
        ("import Column, Integer", "import Column, Integer as Column"),
        ("sqlalchemy import Column", "sqlalchemy.dialects import Column"),
        ("import sqlalchemy as sa", "import sqlalchemy"),
        ("from alembic", "from .alembic"),
        ("import create_db", "import *"),
    ],
)
def test_other_imports_are_a_rewrite(old, new):
    assert not same_body(IMPORTS.encode(), IMPORTS.replace(old, new).encode())


def test_what_is_imported_and_never_used_rewrites_none():
    """Mealie's b28fde4, by ruff: without this, a switch over it would take sixteen applied revisions down and up."""
    old = b"import app.types\nimport sqlalchemy as sa\nfrom alembic import op\nop.execute(f'x')\n"
    new = b"from alembic import op\n\nop.execute('x')\n"
    placeholder = b"from alembic import op\n\nop.execute(f'{x}')\n"

    assert same_body(old, new)
    assert not same_body(placeholder, new)
    assert not same_body(new, b"op.execute('x')\n")
    assert not same_body(new, new.replace(b"import op", b"import *"))


@pytest.mark.parametrize("use", ["Base.metadata.create_all(op.get_bind())", "globals()['User']"])
def test_an_import_that_may_be_used_without_its_name_counts(use):
    source = f"from app.models import User\n{use}\n"

    assert not same_body(source.encode(), source.replace("from app.models import User\n", "").encode())


def test_the_order_of_imports_counts_where_one_replaces_another():
    assert not same_body(b"from a import x\nfrom b import x\nx()", b"from b import x\nfrom a import x\nx()")
    assert not same_body(b"from a import *\nfrom b import x\nx()", b"from b import x\nfrom a import *\nx()")


def test_the_order_of_imports_counts_where_something_stands_between():
    assert not same_body(b"import a\nf()\nimport b\na, b", b"import b\nf()\nimport a\na, b")


def test_new_type_hints_rewrite_none():
    """Optuna 5.0.0, and what ruff does to every revision of Alembic's own template."""
    old = """from typing import List, Optional
import sqlalchemy as sa
def persist(rows: List[int], *, size: Optional[int] = None) -> List[int]:
    left: List[int] = []
    return (left, size)
"""
    new = """from __future__ import annotations
import sqlalchemy as sa
def persist(rows: list[int], *, size: int | None = None) -> list[int]:
    left: list[int] = []
    return left, size
"""
    assert same_body(old.encode(), new.encode())
    assert not same_body(old.encode(), new.replace("= []", "= [0]").encode())
    assert not same_body(old.encode(), new.replace("size: int | None = None", "size: int | None = 1").encode())


def test_the_hints_of_a_model_are_its_columns():
    model = b"class T(Base):\n    id: Mapped[int] = mapped_column()\n"

    assert not same_body(model, model.replace(b"int", b"str"))
    assert not same_body(b"def upgrade():\n    " + model.replace(b"\n", b"\n    "), b"def upgrade(): pass\n")


def test_a_corrected_downgrade_builds_the_same():
    """The template of FastAPI's 8b35efe9 names the constraint that the downgrade of 1a31ce608336 drops."""
    corrected = SOURCE.replace('op.drop_table("t")', 'op.drop_table("t", if_exists=True)')

    assert same_upgrade(SOURCE.encode(), corrected.encode())
    assert not same_body(SOURCE.encode(), corrected.encode())


@pytest.mark.parametrize("other", OTHER.values(), ids=OTHER)
def test_what_else_differs_builds_something_else(other):
    reordered_or_more_of_downgrade = (OTHER["order of functions"], OTHER["more in a function"])

    assert same_upgrade(SOURCE.encode(), other.encode()) == (other in reordered_or_more_of_downgrade)


def test_a_downgrade_that_upgrade_calls_counts():
    calling = SOURCE.replace("    op.create", "    downgrade()\n    op.create")

    assert not same_upgrade(calling.encode(), calling.replace("drop_table", "drop").encode())


def test_values_are_told_apart_by_their_type():
    for one, other in [
        (b"x = 1", b"x = 1.0"),
        (b"x = 1", b"x = True"),
        (b"x = 'a'", b"x = b'a'"),
        (b"x = 0.0", b"x = -0.0"),
    ]:
        assert not same_body(one, other)


def test_a_list_that_ends_elsewhere_is_another():
    assert not same_body(b"f([a], b)", b"f([a, b])")
    assert not same_body(b"f(a)\ng(b)", b"f(a, g(b))")


def test_a_long_sum_is_compared():
    long = b"x = " + b" + ".join([b"'a'"] * 900)

    assert same_body(long, long + b"  # all of them")
    assert not same_body(long, long.replace(b"'a'", b"'b'", 1))


def test_what_is_no_python_is_the_same_only_byte_for_byte():
    assert same_body(b"def", b"def")
    assert not same_body(b"def", b"def ")
    assert not same_body(b"x = " + b"-" * 100_000 + b"1", b"x = 1")
    assert not same_body(b"\0", b"\0\0")


def test_the_authors_warnings_are_not_shown_by_us(recwarn):
    assert same_body(b"x = '\\d'", b"x = '\\d' # digit")

    assert not recwarn.list

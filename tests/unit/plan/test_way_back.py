"""Revisions that cannot be taken down, told by their source."""

from __future__ import annotations

import pytest

from dbsync.plan.way_back import lacks_way_back

SOURCE = "def upgrade():\n    {}\n\n\ndef downgrade():\n    {}\n"
CREATE = "op.create_table('t')"


@pytest.mark.parametrize("down", ["pass", "...", "'''Some day.'''", "return", "return None", "'''Some day.'''; pass"])
@pytest.mark.parametrize(
    "up",
    [
        CREATE,
        "op.add_column('t', c)",
        "with op.batch_alter_table('t') as batch:\n        batch.drop_column('c')",
        "if True:\n        op.rename_table('t', 'u')",
    ],
)
def test_an_empty_downgrade_of_a_changed_schema(up, down):
    """Optuna's v2.4.0.a: `# TODO: Implement downgrade`, and `pass`."""
    assert lacks_way_back(SOURCE.format(up, down).encode())


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("pass", "pass"),
        ("op.execute('UPDATE t SET a = 1')", "pass"),
        ("op.get_bind()", "pass"),
        (CREATE, "op.drop_table('t')"),
        (CREATE, "raise NotImplementedError"),
        (CREATE, "undo()"),
    ],
)
def test_other_revisions(up, down):
    assert not lacks_way_back(SOURCE.format(up, down).encode())


def test_what_cannot_be_told():
    assert not lacks_way_back(b"def upgrade(): op.create_table('t')")
    assert not lacks_way_back(b"def downgrade(): pass")
    assert not lacks_way_back(b"def")
    assert not lacks_way_back(b"\0")

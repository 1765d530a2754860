"""Writing and removing the gate; what the shell makes of it is in tests/hooks."""

from __future__ import annotations

import os

import pytest

from dbsync.errors import DbsyncError
from dbsync.store.gate import remove_all_gates, remove_gate, write_gate

OID = "1" * 40


def mode(path) -> int:
    return os.stat(path).st_mode & 0o777


def test_the_file_names_every_entry(tmp_path):
    assert write_gate(str(tmp_path), {"b dir/versions": OID, "alembic.ini": None})

    first, *rest = (tmp_path / "dbsync-gate").read_text().splitlines()
    assert first.startswith("dbsync-gate 1 ")
    assert rest == ["id missing alembic.ini", f"id {OID} b dir/versions"]


def test_only_the_owner_reads_it_and_nothing_else_is_left(tmp_path):
    write_gate(str(tmp_path), {"a": OID})

    assert mode(tmp_path / "dbsync-gate") == 0o600
    assert mode(tmp_path / "dbsync-gate.seen") == 0o700
    assert sorted(os.listdir(tmp_path)) == ["dbsync-gate", "dbsync-gate.seen"]


def test_a_new_gate_has_a_new_token(tmp_path):
    tokens = set()
    for _ in range(3):
        write_gate(str(tmp_path), {"a": OID})
        tokens.add((tmp_path / "dbsync-gate").read_text().split()[2])

    assert len(tokens) == 3


@pytest.mark.parametrize("path", ["new\nline", "return\r", "nul\0"])
def test_a_path_that_is_no_line_leaves_no_gate(tmp_path, path):
    write_gate(str(tmp_path), {"a": OID})

    assert not write_gate(str(tmp_path), {"a": OID, path: OID})
    assert os.listdir(tmp_path) == []


def test_no_entries_leave_no_gate(tmp_path):
    write_gate(str(tmp_path), {"a": OID})

    assert not write_gate(str(tmp_path), {})
    assert os.listdir(tmp_path) == []


def test_remove_takes_what_was_seen_too_and_may_be_repeated(tmp_path):
    write_gate(str(tmp_path), {"a": OID})
    (tmp_path / "dbsync-gate.seen" / "token.commit").touch()

    remove_gate(str(tmp_path))
    remove_gate(str(tmp_path))

    assert os.listdir(tmp_path) == []


def test_remove_all_takes_the_linked_work_trees_too(tmp_path):
    linked = tmp_path / "worktrees" / "one"
    linked.mkdir(parents=True)
    for folder in (tmp_path, linked):
        write_gate(str(folder), {"a": OID})

    remove_all_gates(str(tmp_path))

    assert os.listdir(tmp_path) == ["worktrees"]
    assert os.listdir(linked) == []


def test_a_gate_that_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(DbsyncError, match="dbsync-gate: No such file or directory") as caught:
        write_gate(str(tmp_path / "nowhere"), {"a": OID})

    assert caught.value.hint

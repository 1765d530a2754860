"""Random Git histories on a real repository and a real SQLite database: after each step the database is a fresh build.

What git and plain Alembic do is done by git and plain Alembic. `ensure` and `status` are called in this process, hooks
run as git runs them, or not at all (DBSYNC=off), as `reset --hard` and a client without hooks leave them out.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from dbsync.commands import ensure, status, sync, undo
from dbsync.commands.context import Context
from dbsync.revisions.parse import parse
from dbsync.revisions.revision_map import RevisionMap
from tests.support.following import dump, follow, ledger_entries, sql, tables_of
from tests.support.histories import HISTORIES, STEPS, history_settings
from tests.support.project import Project
from tests.support.schema import alembic_server, assert_in_sync, versions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.histories

HOOKS = st.booleans()


class Change(NamedTuple):
    """What a revision does: `kind` table, column, index, drop table or drop column; `name` of a column or an index."""

    kind: str
    table: str
    name: str = ""

    def code(self, length: int = 50) -> tuple[str, str]:
        """Return the bodies of upgrade and downgrade."""
        column = f'op.add_column("{self.table}", sa.Column("{self.name}", sa.String({length})))'
        table = f'op.create_table("{self.table}", sa.Column("id", sa.Integer), sa.Column("name", sa.String({length})))'
        index = f'op.create_index("ix_{self.table}", "{self.table}", ["name"])'
        pairs = {
            "table": (table, f'op.drop_table("{self.table}")'),
            "column": (column, f'op.drop_column("{self.table}", "{self.name}")'),
            "index": (index, f'op.drop_index("ix_{self.table}", "{self.table}")'),
            "merge": ("pass", "pass"),
        }
        if self.kind.startswith("drop "):
            return pairs[self.kind.removeprefix("drop ")][::-1]
        return pairs[self.kind]


class Histories(RuleBasedStateMachine):
    """A developer in one repository with one database."""

    # Where no fresh build tells which of two sources was applied, plain Alembic runs with dbsync's plugin only.
    always_recorded = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="dbsync-history-"))
        self.changes: dict[str, Change] = {}

    @initialize()
    def begin(self) -> None:
        """Start with one table that is committed and applied."""
        self.project = Project.create(self.folder / "project", **self.options())
        self.write_revision(Change("table", "t0"), ())
        self.project.commit("Start")
        self.prepare()
        follow(self.project)
        self.check()

    def options(self) -> dict[str, str]:
        """Return what the project is made with."""
        return {}

    def prepare(self) -> None:
        """Do more before the database follows."""

    def teardown(self) -> None:
        """Remove the repository."""
        shutil.rmtree(self.folder, ignore_errors=True)

    # what is there

    def files(self) -> dict[str, Path]:
        """Return the work tree's revision files by id."""
        folder = self.project.path("migrations/versions")
        return {path.name.split("_")[0]: path for path in sorted(folder.glob("*.py"))}

    def revisions(self) -> RevisionMap:
        """Return the work tree's graph with its strays."""
        return RevisionMap(parse(path.read_bytes(), path.name, "") for path in self.files().values())

    def strays(self) -> list[str]:
        """Return untracked revisions whose parent is not there, and what builds on them."""
        found, ids = self.revisions(), set(self.files())
        orphans = [one.id for one in found.revisions.values() if not ids.issuperset(one.down_revision)]
        return sorted(found.descendants(orphans))

    def heads(self) -> list[str]:
        """Return the revision heads that count."""
        found = self.revisions()
        return list(found.maximal(set(found.revisions) - set(self.strays())))

    def untracked(self) -> list[str]:
        """Return the ids of revision files that are not committed."""
        listed = self.project.git("ls-files", "--others", "migrations/versions").out.split()
        return [one for one, path in self.files().items() if any(path.name in name for name in listed)]

    def branches(self) -> list[str]:
        """Return the other git branches."""
        lines = self.project.git("branch", "--format=%(refname:short) %(HEAD)").out.splitlines()
        return [line.split()[0] for line in lines if not line.endswith("*")]

    # what is done

    def write_revision(self, change: Change, down: tuple[str, ...]) -> str:
        """Write a revision file and remember what it does."""
        one = f"r{len(self.changes)}"
        up, down_code = change.code()
        if change.kind.startswith("drop "):
            down_code = "\n".join(self.made_by(change, down))
        self.changes[one] = change
        self.project.revision(one, down or None, up, down_code, message="change")
        return one

    def made_by(self, dropped: Change, heads: tuple[str, ...]) -> Iterator[str]:
        """Yield the statements, as they are written now, that made what a revision drops: its downgrade."""
        found = self.revisions()
        below = found.ordered(found.ancestors(heads))
        gone = {self.changes[one].name for one in below if self.changes[one].kind == "drop column"}
        for one in below:
            change = self.changes[one]
            kinds = ("column",) if dropped.name else ("table", "column")
            wanted = change.name == dropped.name if dropped.name else change.name not in gone
            if change.table == dropped.table and change.kind in kinds and wanted:
                yield self.files()[one].read_text().partition('"""Upgrade schema."""')[2].split("\n")[1].strip()

    def possible(self, head: str) -> Iterator[Change]:
        """Yield what can be done on top of a head and stays buildable, whatever is merged with it later."""
        below = self.revisions().ancestors([head])
        done = [change for one, change in self.changes.items() if one in below]
        others = [change for one, change in self.changes.items() if one not in below]
        number = len(self.changes)
        yield Change("table", f"t{number}")
        dropped = {change.table for change in self.changes.values() if change.kind == "drop table"}
        for table in [change.table for change in done if change.kind == "table" and change.table not in dropped]:
            yield Change("column", table, f"c{number}")
            of_table = [change for change in self.changes.values() if change.table == table]
            if not any(change.kind == "index" for change in of_table):
                yield Change("index", table)
            shared = any(change.table == table for change in others)
            if table != "t0" and not shared and not any(change.kind == "index" for change in of_table):
                yield Change("drop table", table)
            for change in of_table:
                gone = Change("drop column", table, change.name)
                if change.kind == "column" and change in done and gone not in of_table:
                    yield gone

    def new(self, data: Any) -> str:
        """Write a revision on top of one of the heads."""
        head = data.draw(st.sampled_from(self.heads()))
        return self.write_revision(data.draw(st.sampled_from(list(self.possible(head)))), (head,))

    def git(self, *args: str, hooks: bool = True) -> int:
        """Run git with or without hooks; return its exit code."""
        note(f"git {' '.join(args)}{'' if hooks else ' (no hooks)'}")
        done = self.project.git(*args, check=False, env={} if hooks else {"DBSYNC": "off"})
        assert "bug in dbsync" not in done.err, done.err
        assert "Traceback" not in done.err, done.err
        return done.rc

    def commit(self, *options: str, hooks: bool = True) -> None:
        """Commit everything but strays: a committed revision without its parent is rightly refused."""
        files = self.files()
        self.project.git("add", "--all", ".", *(f":!*/{files[one].name}" for one in self.strays()))
        self.git("commit", "--quiet", "--no-verify", "--allow-empty", "-m", "change", *options, hooks=hooks)

    def call(self, verb: Any, **options: Any) -> Any:
        """Run a verb of dbsync in this process."""
        context = Context(str(self.project.top), self.project.environment(), lambda _: False, str)
        return verb.run(context, Namespace(**options))

    def settle(self, act: Callable[[], object]) -> None:
        """Do something, let the database catch up, and check.

        Rows that would be lost must stop it, and so must more downgrades than a hook carries out.
        """
        before, rows = dump(self.project), self.rows()
        act()
        report = self.call(ensure)
        codes = self.codes(report)
        if codes in (["DBS305"], ["DBS304"]):
            assert report.exit_code == 1
            assert dump(self.project) == before
            report = self.call(sync, to=None, yes=True, rebuild=False, dry_run=False)
        forked = self.codes(report) == ["DBS320"]
        assert report.exit_code == forked, (report.value, self.project.git("log", "--oneline", "--graph", "--all").out)
        self.check(forked=forked)
        self.check_rows(rows)

    def rows(self) -> dict[str, int]:
        """Return how many rows each table has."""
        return {table: sql(self.project, f"SELECT count(*) FROM {table}")[0][0] for table in tables_of(self.project)}

    def check_rows(self, before: dict[str, int]) -> None:
        """Assert that no row is gone of a table that was there before, whatever was done to it meanwhile."""
        now = self.rows()
        assert {table: now[table] for table in before if table in now} == {
            table: count for table, count in before.items() if table in now
        }

    @staticmethod
    def codes(report: Any) -> list[str]:
        """Return the codes of what was in the way."""
        return [one.code for outcome in report.value.result.outcomes for one in outcome.obstacles]

    def held_back(self) -> list[str]:
        """Return the revisions that are not applied; only such as some head builds on and another does not."""
        found = self.revisions()
        not_applied = set(found.revisions) - found.ancestors(versions_of(self.project.database)) - set(self.strays())
        for one in not_applied:
            assert not all(one in found.ancestors([head]) for head in self.heads())
        return sorted(not_applied)

    def check(self, *, forked: bool = False) -> None:
        """Assert that database, version table, ledger and status agree with the work tree, less what a fork holds back."""
        held_back = self.held_back() if forked else []
        files, left_out = self.files(), {*self.strays(), *held_back}
        paths = tuple(str(files[one].relative_to(self.project.top)) for one in left_out)
        assert_in_sync(self.project, leave_out=paths, ignore_column_order=True)
        applied = set(files) - left_out
        assert list(versions_of(self.project.database)) == sorted(self.revisions().maximal(applied))
        assert sorted(ledger_entries(self.project)) == sorted(applied)
        (environment,) = self.call(status, exit_code=False).value.as_json()["environments"]
        (database,) = environment["databases"]
        assert (database["state"], database["pending"]) == ("forked" if forked else "in_sync", held_back), json.dumps(
            database
        )

    # the rules

    @rule(data=st.data(), committed=st.booleans(), hooks=HOOKS)
    def write(self, data: Any, *, committed: bool, hooks: bool) -> None:
        """Write a revision, and perhaps commit it."""
        self.new(data)
        self.settle(lambda: committed and self.commit(hooks=hooks))

    @rule(data=st.data(), again=st.booleans(), recorded=st.booleans())
    def use_plain_alembic(self, data: Any, *, again: bool, recorded: bool) -> None:
        """Write a revision and apply it with plain Alembic; perhaps take it down, change it and apply it again."""
        one = self.new(data)
        self.alembic("upgrade", "heads", recorded=recorded)
        if again:
            if not recorded:
                self.settle(lambda: None)
            before = self.files()[one].read_text()
            self.alembic("downgrade", f"{one}-1", recorded=recorded)
            # Of another size: where size and second are the same, Python runs the compiled file of before. What drops
            # something stays: its downgrade would no longer go back.
            if not self.changes[one].kind.startswith("drop "):
                self.files()[one].write_text(before.replace("String(50)", "String(600)"))
            self.alembic("upgrade", "heads", recorded=recorded)
        self.settle(lambda: None)

    def alembic(self, *args: str, recorded: bool) -> None:
        """Run plain Alembic, where no stray keeps it from running; `recorded` by dbsync's plugin or noticed later."""
        if not self.strays():
            note(f"alembic {' '.join(args)}{'' if recorded else ' (not recorded)'}")
            environ = {} if recorded or self.always_recorded else {"DBSYNC": "off"}
            answer = alembic_server().run(str(self.project.top), *args, **environ)
            assert answer.rc == 0, answer.out

    @rule(data=st.data(), hooks=HOOKS)
    def edit_and_amend(self, data: Any, *, hooks: bool) -> None:
        """Change what an applied revision makes, and amend the last commit."""
        dropped = {(change.table, change.name) for change in self.changes.values() if change.kind.startswith("drop ")}
        tables = {change.table for change in self.changes.values() if change.kind == "drop table"}
        editable = [
            one
            for one in self.files()
            if self.changes[one].kind in ("table", "column")
            and (self.changes[one].table, self.changes[one].name) not in dropped
            and self.changes[one].table not in tables
        ]
        one = data.draw(st.sampled_from(editable))
        length = data.draw(st.sampled_from([50, 70, 80]))
        path = self.files()[one]
        note(f"edit {one}: {length}")
        text = path.read_text()
        for old in (50, 600, 70, 80):
            text = text.replace(f"String({old})", f"String({length})")
        self.settle(lambda: (path.write_text(text), self.commit("--amend", hooks=hooks)))

    @rule(hooks=HOOKS)
    def branch(self, *, hooks: bool) -> None:
        """Start a git branch here."""
        name = f"b{len(self.branches())}-{len(self.changes)}"
        self.settle(lambda: self.git("switch", "--quiet", "-c", name, hooks=hooks))

    @precondition(lambda self: self.branches())
    @rule(data=st.data(), hooks=HOOKS)
    def switch(self, data: Any, *, hooks: bool) -> None:
        """Switch to another git branch; git may refuse."""
        name = data.draw(st.sampled_from(self.branches()))
        self.settle(lambda: self.git("switch", "--quiet", name, hooks=hooks))

    @precondition(lambda self: self.branches())
    @rule(data=st.data())
    def switch_and_undo(self, data: Any) -> None:
        """Switch, and undo what that did to the database; then undo the undo."""
        before = dump(self.project)
        name = data.draw(st.sampled_from(self.branches()))
        self.git("switch", "--quiet", name, hooks=False)
        report = self.call(ensure)
        after = dump(self.project)
        if not report.exit_code and after != before and not self.call(undo, yes=False, wait=False).exit_code:
            assert dump(self.project) == before
            self.call(undo, yes=False, wait=False)
            assert dump(self.project) == after
        self.settle(lambda: None)

    @precondition(lambda self: self.branches())
    @rule(data=st.data(), hooks=HOOKS)
    def merge(self, data: Any, *, hooks: bool) -> None:
        """Merge another git branch; a conflict is aborted."""
        name = data.draw(st.sampled_from(self.branches()))

        def act() -> None:
            if self.git("merge", "--quiet", "--no-edit", name, hooks=hooks):
                self.git("merge", "--abort")

        self.settle(act)

    @precondition(lambda self: len(self.heads()) > 1)
    @rule(hooks=HOOKS)
    def merge_revisions(self, *, hooks: bool) -> None:
        """Join the revision heads."""
        self.write_revision(Change("merge", ""), tuple(self.heads()))
        self.settle(lambda: self.commit(hooks=hooks))

    @precondition(lambda self: self.branches())
    @rule(data=st.data())
    def delete_branch(self, data: Any) -> None:
        """Delete a git branch and everything that only it reached."""
        name = data.draw(st.sampled_from(self.branches()))

        def act() -> None:
            self.git("branch", "--quiet", "-D", name)
            self.git("reflog", "expire", "--expire=now", "--all")
            self.git("gc", "--quiet", "--prune=now")

        self.settle(act)

    @precondition(lambda self: int(self.project.git("rev-list", "--count", "--first-parent", "HEAD").out) > 2)
    @rule()
    def reset(self) -> None:
        """Throw the last commit away; no hook hears of it."""
        self.settle(lambda: self.git("reset", "--quiet", "--hard", "HEAD~1"))

    @rule(data=st.data())
    def fill(self, data: Any) -> None:
        """Put a row into a table."""
        table = data.draw(st.sampled_from(tables_of(self.project)))
        note(f"a row in {table}")
        sql(self.project, f"INSERT INTO {table} (name) VALUES ('kept')")


class ForkedHistories(Histories):
    """The same, from a fork: two git branches with a revision each, and one that is not committed."""

    def prepare(self) -> None:
        """Leave main with r1 and other with r2, on other, with an uncommitted r3."""
        self.write_revision(Change("table", "t1"), ("r0",))
        self.project.commit("On main")
        self.project.switch("--quiet", "-c", "other", "HEAD~1")
        self.write_revision(Change("column", "t0", "c2"), ("r0",))
        self.project.commit("On other")
        self.write_revision(Change("table", "t3"), ("r2",))


@pytest.mark.parametrize("machine", [Histories, ForkedHistories])
def test_after_every_step_of_a_random_history_the_database_is_a_fresh_build(machine: type[Histories]):
    run_state_machine_as_test(machine, settings=history_settings(steps=STEPS, histories=(HISTORIES + 1) // 2))

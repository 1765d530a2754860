"""Random histories that are rewritten as people do; a tree that cannot be built is refused and changes nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from dbsync.commands import ensure, sync
from tests.properties.test_histories import HOOKS, Change, ForkedHistories
from tests.support.following import dump
from tests.support.histories import HISTORIES, STEPS, history_settings
from tests.support.schema import BuildFailedError, fresh_build

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.histories

# What a person is asked about before it is done: a long plan, rows, an empty downgrade, one that does not go back.
ASKED = ({"DBS304"}, {"DBS305"}, {"DBS309"}, {"DBS310"})
DOWN = re.compile(r"(?m)^down_revision.*$")


class RewrittenHistories(ForkedHistories):
    """A developer who rebases, squashes, picks, reverts, stashes, renumbers and cleans."""

    def prepare(self) -> None:
        """Want as many revision heads as there are: what they do side by side is what is tried."""
        super().prepare()
        self.project.write(".git/info/exclude", "*.orig\npyproject.toml\n")
        self.project.write("pyproject.toml", "[tool.dbsync]\nheads = 99\n")  # in no commit, so that none takes it back

    # a tree that cannot be built

    def is_buildable(self) -> bool:
        """Say whether plain Alembic builds the work tree's revisions, strays left out; of none, nothing is made."""
        files, strays = self.files(), self.strays()
        if set(files) <= set(strays):
            return False
        untracked = set(self.untracked())
        if any(one.code != "DBS106" for one in self.revisions().obstacles) or not set(strays) <= untracked:
            return False
        try:
            fresh_build(
                self.project,
                leave_out=tuple(str(files[one].relative_to(self.project.top)) for one in strays),
                ignore_column_order=True,
            )
        except BuildFailedError:
            return False
        return True

    def settle(self, act: Callable[[], object]) -> None:
        """As before; a tree that cannot be built is refused with the database unchanged, and then left."""
        start, rows = self.project.rev("HEAD"), self.rows()
        act()
        if not self.is_buildable():
            note("refused")
            before = dump(self.project)
            assert self.call(ensure).exit_code == 1
            assert dump(self.project) == before
            self.git("reset", "--quiet", "--hard", start)
            self.git("clean", "-fdq")
        self.catch_up()
        self.check()
        self.check_rows(rows)

    def catch_up(self) -> None:
        """Let the database catch up; what a person is asked about changes nothing, and is then said yes to."""
        before, git = dump(self.project), self.git_state()
        report = self.call(ensure)
        if report.exit_code:
            codes = {one.code for outcome in report.value.result.outcomes for one in outcome.obstacles}
            assert codes in ASKED, report.value
            assert dump(self.project) == before
            report = self.call(sync, to=None, yes=True, rebuild=False, dry_run=False)
        assert report.exit_code == 0, (report.value, self.project.git("log", "--oneline", "--graph", "--all").out)
        done = dump(self.project)
        assert self.call(ensure).exit_code == 0
        assert (dump(self.project), self.git_state()) == (done, git)

    def git_state(self) -> str:
        """Return what dbsync never changes: HEAD, index and work tree as git sees them, refs, stashes."""
        return self.project.git("status", "--porcelain=v2", "--branch").out + self.project.git("for-each-ref").out

    # the rules

    def or_abort(self, *args: str, hooks: bool) -> None:
        """Run git; a conflict is aborted."""
        if self.git(*args, hooks=hooks):
            self.git(args[0], "--abort")

    @precondition(lambda self: self.branches())
    @rule(data=st.data(), backend=st.sampled_from(["--merge", "--apply", "--autostash"]), hooks=HOOKS)
    def rebase(self, data: Any, *, backend: str, hooks: bool) -> None:
        """Rebase onto another git branch."""
        name = data.draw(st.sampled_from(self.branches()))
        self.settle(lambda: self.or_abort("rebase", "--quiet", backend, name, hooks=hooks))

    @precondition(lambda self: self.branches())
    @rule(data=st.data(), hooks=HOOKS)
    def squash(self, data: Any, *, hooks: bool) -> None:
        """Squash another git branch into this one."""
        name = data.draw(st.sampled_from(self.branches()))

        def act() -> None:
            if self.git("merge", "--quiet", "--squash", name, hooks=hooks):
                self.git("reset", "--quiet", "--merge")
            else:
                self.commit(hooks=hooks)

        self.settle(act)

    @precondition(lambda self: self.branches())
    @rule(data=st.data(), hooks=HOOKS)
    def cherry_pick(self, data: Any, *, hooks: bool) -> None:
        """Pick the last commit of another git branch."""
        name = data.draw(st.sampled_from(self.branches()))
        self.settle(lambda: self.or_abort("cherry-pick", name, hooks=hooks))

    @rule(hooks=HOOKS)
    def revert(self, *, hooks: bool) -> None:
        """Revert the last commit, where it is no merge."""
        self.settle(lambda: self.or_abort("revert", "--no-edit", "HEAD", hooks=hooks))

    @rule(back=st.booleans())
    def stash(self, *, back: bool) -> None:
        """Put away what is not committed; the database follows, then perhaps it comes back."""
        self.settle(lambda: self.git("stash", "push", "--quiet", "--include-untracked"))
        if back:
            self.settle(lambda: self.git("stash", "pop", "--quiet"))

    @rule()
    def clean(self) -> None:
        """Throw away what is not committed."""
        self.settle(lambda: (self.git("reset", "--quiet", "--hard"), self.git("clean", "-fdq")))

    @precondition(lambda self: len(self.heads()) > 1)
    @rule(data=st.data(), hooks=HOOKS)
    def re_parent(self, data: Any, *, hooks: bool) -> None:
        """Put what only one head has on top of another head."""
        onto, moved = data.draw(st.permutations(self.heads()))[:2]
        found = self.revisions()
        own = found.ancestors([moved]) - found.ancestors([onto])
        lowest = next(one for one in found.ordered(own) if not own & set(found.parents(one)))
        note(f"{lowest} on top of {onto}")
        path = self.files()[lowest]

        def act() -> None:
            path.write_text(DOWN.sub(f"down_revision = {onto!r}", path.read_text()))
            self.commit(hooks=hooks)

        self.settle(act)

    @rule(data=st.data(), amend=st.booleans(), hooks=HOOKS)
    def renumber(self, data: Any, *, amend: bool, hooks: bool) -> None:
        """Give a head another id."""
        old, new = data.draw(st.sampled_from(self.heads())), f"r{len(self.changes)}"
        self.changes[new] = self.changes[old]
        path = self.files()[old]

        def act() -> None:
            path.with_name(path.name.replace(old, new, 1)).write_text(
                path.read_text().replace(f"'{old}'", f"'{new}'", 1)
            )
            path.unlink()
            self.commit(*(["--amend"] if amend else []), hooks=hooks)

        note(f"{old} becomes {new}")
        self.settle(act)

    @rule(data=st.data(), hooks=HOOKS)
    def move_rows(self, data: Any, *, hooks: bool) -> None:
        """Write a revision that only changes rows."""
        head = data.draw(st.sampled_from(self.heads()))
        one = f"r{len(self.changes)}"
        self.changes[one] = Change("merge", "")
        self.project.revision(one, head, "op.execute(\"UPDATE t0 SET name = '1'\")", message="change")
        self.settle(lambda: self.commit(hooks=hooks))

    @rule(data=st.data(), hooks=HOOKS)
    def write_without_a_way_back(self, data: Any, *, hooks: bool) -> None:
        """Write a revision whose downgrade does nothing."""
        head = data.draw(st.sampled_from(self.heads()))
        one = self.write_revision(Change("table", f"t{len(self.changes)}"), (head,))
        path = self.files()[one]
        path.write_text(re.sub(r"op\.drop_table\(.*\)", "pass", path.read_text()))
        self.settle(lambda: self.commit(hooks=hooks))


def test_after_every_step_of_a_rewritten_history_the_database_is_a_fresh_build_or_unchanged():
    run_state_machine_as_test(
        RewrittenHistories, settings=history_settings(steps=STEPS, histories=(HISTORIES + 1) // 2)
    )

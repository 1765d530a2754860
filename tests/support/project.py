"""A real project: a Git repository with an Alembic environment of the stock template, in a folder of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from datetime import datetime, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.isolation import DATE

SQLITE_URL = "sqlite:///dev.db"

IGNORED = "*.db\n*.db-journal\n*.db-shm\n*.db-wal\n__pycache__/\n"

REVISION = '''\
"""{message}

Revision ID: {id}
Revises: {revises}
Create Date: 2026-01-05 09:00:00.000000

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = {id!r}
down_revision: Union[str, Sequence[str], None] = {down!r}
branch_labels: Union[str, Sequence[str], None] = {branch_labels!r}
depends_on: Union[str, Sequence[str], None] = {depends_on!r}


def upgrade() -> None:
    """Upgrade schema."""
{up}


def downgrade() -> None:
    """Downgrade schema."""
{down_code}
'''


class Completed(NamedTuple):
    """How a command ended: its argv, exit code, and what it said, as text."""

    argv: tuple[str, ...]
    rc: int
    out: str
    err: str


class CommandFailedError(AssertionError):
    """A command that a test relies on ended with another code than 0."""

    def __init__(self, done: Completed) -> None:
        super().__init__(f"{' '.join(done.argv)}: exit {done.rc}\n{done.out}{done.err}")
        self.done = done


@cache
def stock(name: str) -> str:
    """Return a file of Alembic's `generic` template as it is shipped."""
    spec = find_spec("alembic")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "templates" / "generic" / name).read_text()


def ini_text(script_location: str, url: str) -> str:
    """Return the `alembic.ini` that `alembic init` writes, with the URL filled in."""
    text = stock("alembic.ini.mako").replace("${script_location}", script_location)
    escaped = url.replace("%", "%%")
    return re.sub(r"(?m)^sqlalchemy\.url = .*$", lambda _: f"sqlalchemy.url = {escaped}", text)


def body(code: str) -> str:
    """Return `code` as the body of a function, `pass` when it is empty."""
    return textwrap.indent(textwrap.dedent(code).strip("\n") or "pass", "    ")


class Project:
    """A Git repository with an Alembic environment, and the commands a developer runs in it.

    `top` is the work tree, created when it is not there. `url` is what alembic.ini holds: a SQLite file `dev.db` in the
    work tree unless told. `environ` are variables that every command gets on top of the (isolated) process environment;
    a value of None takes a variable away. `python` is the project's interpreter, set as `dbsync.interpreter` when it is
    not this test run's own; DBSYNC_TESTS_PYTHON names another for all projects. `recorded` says whether plain Alembic runs
    with dbsync's plugin (as far as its version has plugins), or as if only dbsync's hooks were there.
    """

    def __init__(
        self,
        top: str | os.PathLike[str],
        *,
        url: str = SQLITE_URL,
        script_location: str = "migrations",
        python: str = "",
    ) -> None:
        self.top = Path(os.path.realpath(top))
        self.url = url
        self.script_location = script_location
        self.python = python or os.environ.get("DBSYNC_TESTS_PYTHON") or sys.executable
        self.environ: dict[str, str | None] = {}
        self.recorded = True
        self.clock = datetime.fromisoformat(DATE)

    @classmethod
    def create(cls, top: str | os.PathLike[str], **options: str) -> Project:
        """Make the repository with one commit that holds the environment and no revision."""
        project = cls(top, **options)
        project.top.mkdir(parents=True, exist_ok=True)
        project.git("init", "--quiet")
        if project.python != sys.executable:
            project.git("config", "dbsync.interpreter", project.python)
        project.write(".gitignore", IGNORED)
        project.configure()
        project.commit("Start")
        return project

    def configure(self) -> None:
        """Write what `alembic init` writes, without running it."""
        self.write("alembic.ini", ini_text(f"%(here)s/{self.script_location}", self.url))
        self.write(f"{self.script_location}/env.py", stock("env.py"))
        self.write(f"{self.script_location}/script.py.mako", stock("script.py.mako"))
        self.write(f"{self.script_location}/versions/.gitkeep", "")

    # commands

    def run(
        self,
        *argv: str,
        check: bool = False,
        cwd: str = "",
        env: dict[str, str | None] | None = None,
        input: str = "",
    ) -> Completed:
        """Run a command in the work tree (or `cwd` below it); with `check`, a failing one raises CommandFailedError."""
        ended = subprocess.run(
            argv,
            cwd=self.top / cwd,
            env=self.environment(env),
            input=input,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
        done = Completed(argv, ended.returncode, ended.stdout, ended.stderr)
        if check and done.rc:
            raise CommandFailedError(done)
        return done

    def environment(self, extra: dict[str, str | None] | None = None) -> dict[str, str]:
        """Return what a command gets: the process's variables, the project's clock, `environ`, then `extra`."""
        date = self.clock.isoformat()
        merged = {**os.environ, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        merged |= {**self.environ, **(extra or {})}
        return {name: value for name, value in merged.items() if value is not None}

    def git(self, *args: str, check: bool = True, **options: str) -> Completed:
        """Run git; hooks run as they do for a developer."""
        return self.run("git", *args, check=check, **options)

    def alembic(self, *args: str, check: bool = True, **options: Any) -> Completed:
        """Run plain Alembic under the project's interpreter."""
        env = {} if self.recorded else {"DBSYNC": "off"}
        return self.run(
            self.python, "-m", "alembic", *args, check=check, env={**env, **options.pop("env", {})}, **options
        )

    def dbsync(self, *args: str, check: bool = True, **options: str) -> Completed:
        """Run dbsync under this test run's interpreter."""
        return self.run(sys.executable, "-P", "-m", "dbsync", *args, check=check, **options)

    # files and commits

    def path(self, name: str) -> Path:
        """Return where the file `name` (relative to the work tree) lies."""
        return self.top / name

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file of the work tree, with the folders it needs."""
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def remove(self, name: str) -> None:
        """Delete a file of the work tree."""
        (self.top / name).unlink()

    def commit(self, message: str, *paths: str, allow_empty: bool = False, verify: bool = True) -> str:
        """Commit `paths` (everything when none is named), a minute after the last commit; return the commit's id.

        Without `verify` the hooks before a commit do not run: what they would stop is wanted.
        """
        self.clock += timedelta(minutes=1)
        self.git("add", "--all", "--", *(paths or (".",)))
        self.git(
            "commit",
            "--quiet",
            "--message",
            message,
            *(["--allow-empty"] if allow_empty else []),
            *([] if verify else ["--no-verify"]),
        )
        return self.rev("HEAD")

    def rev(self, name: str) -> str:
        """Return the commit id of a ref."""
        return self.git("rev-parse", "--verify", "--quiet", name).out.strip()

    def switch(self, *args: str, check: bool = True) -> Completed:
        """Run `git switch`."""
        return self.git("switch", *args, check=check)

    # revisions

    def revision(
        self,
        id: str,
        down: str | tuple[str, ...] | None = None,
        up: str = "pass",
        down_code: str = "pass",
        message: str = "",
        *,
        depends_on: str | tuple[str, ...] | None = None,
        branch_labels: str | tuple[str, ...] | None = None,
        path: str = "",
    ) -> Path:
        """Write a revision file in the shape of Alembic's default template; `up` and `down_code` are the bodies."""
        parents = (down,) if isinstance(down, str) else down or ()
        text = REVISION.format(
            message=message or id,
            id=id,
            revises=", ".join(parents),
            down=down,
            branch_labels=branch_labels,
            depends_on=depends_on,
            up=body(up),
            down_code=body(down_code),
        )
        return self.write(path or self.revision_path(id, message), text)

    def revision_path(self, id: str, message: str = "") -> str:
        """Return the name `alembic revision` would give the file, relative to the work tree."""
        slug = "_".join(re.findall(r"\w+", message.lower()))[:40]
        return f"{self.script_location}/versions/{id}_{slug}.py"

    def table(self, id: str, down: str | tuple[str, ...] | None = None, name: str = "") -> Path:
        """Write a revision that creates the table `name` (`t_<id>` unless told) with two columns."""
        name = name or f"t_{id}"
        return self.revision(
            id,
            down,
            f'op.create_table("{name}", sa.Column("id", sa.Integer, primary_key=True),'
            ' sa.Column("name", sa.String(50)))',
            f'op.drop_table("{name}")',
            f"create {name}",
        )

    def column(self, id: str, down: str | tuple[str, ...] | None, table: str, name: str) -> Path:
        """Write a revision that adds the nullable text column `name` to `table`."""
        return self.revision(
            id,
            down,
            f'op.add_column("{table}", sa.Column("{name}", sa.String(50)))',
            f'op.drop_column("{table}", "{name}")',
            f"add {name} to {table}",
        )

    # the database

    @property
    def database(self) -> str:
        """Return the URL of the dev database, a relative SQLite path made absolute."""
        prefix = "sqlite:///"
        if self.url.startswith(prefix):
            return prefix + str(self.top / self.url.removeprefix(prefix))
        return self.url

"""F8, F9, F14: drift against `alembic check`: judged anew, known, and with a shadow at the known head."""

from __future__ import annotations

import os
import re

from harness import ALEMBIC, DBSYNC, compare, cpu, folder, git, make_project

TABLES = [int(size) for size in os.environ.get("DBSYNC_BENCH_TABLES", "50,200").split(",")]
KNOWN = {50: 0.03, 1000: 0.002}
HEADER = (
    "import sqlalchemy as sa\nfrom sqlalchemy.orm import DeclarativeBase\n\n\nclass Base(DeclarativeBase):\n    pass\n"
)
COLUMNS = "".join(f"    c{number} = sa.Column(sa.String({number + 10}))\n" for number in range(11))
CHECK = [*DBSYNC, "check", "--staged", "--only", "drift"]


def write_models(top, tables, note):
    classes = (
        f'\n\nclass T{n}(Base):\n    __tablename__ = "t{n}"\n    id = sa.Column(sa.Integer, primary_key=True)\n{COLUMNS}'
        for n in range(tables)
    )
    (top / "models.py").write_text(f"# {note}\n{HEADER}{''.join(classes)}")


def with_models(top, tables):
    write_models(top, tables, "")
    env = top / "migrations/env.py"
    env.write_text(
        re.sub(
            r"(?m)^target_metadata = None$",
            "from models import Base\n\ntarget_metadata = Base.metadata",
            env.read_text(),
        )
    )
    cpu([*ALEMBIC, "revision", "--autogenerate", "-m", "tables"], top)
    git(top, "add", ".")
    git(top, "commit", "--quiet", "--no-verify", "-m", "models")
    cpu([*ALEMBIC, "upgrade", "head"], top)


for tables in TABLES:
    with folder() as path:
        top = make_project(path, 3)
        with_models(top, tables)
        turns = iter(range(10_000))

        def judged_anew():
            write_models(top, tables, next(turns))  # noqa: B023 - called in this round only
            git(top, "add", ".")  # noqa: B023
            return cpu(CHECK, top)  # noqa: B023

        def alembic_check():
            return cpu([*ALEMBIC, "check"], top)  # noqa: B023

        def known():
            return cpu(CHECK, top)  # noqa: B023

        compare(f"F8 drift, models changed, {tables} tables", 0.60, judged_anew, alembic_check)
        known()
        compare(
            f"F9 drift, nothing changed, {tables} tables", KNOWN.get(tables, 0.03), known, alembic_check, less_bare=True
        )

"""Model changes without a revision: found in what is staged, by real commits, with the way out."""

from __future__ import annotations

import json

import pytest

from tests.support.flask import with_flask
from tests.support.models import MODELS, model, with_models
from tests.support.schema import assert_in_sync

EMAIL = "email = sa.Column(sa.String(20))"
WHERE = '__table_args__ = (sa.Index("ix", "name", {}_where=sa.text("name > {}")),)'
ADD_EMAIL = ('op.add_column("users", sa.Column("email", sa.String(20)))', 'op.drop_column("users", "email")')


@pytest.fixture
def modelled(project):
    """Give a project with models whose database follows Git."""
    with_models(project)
    project.dbsync("init", "--yes")
    return project


def commit(project, *args):
    return project.git("commit", "-m", "change", *args, check=False)


def test_a_model_change_without_a_revision_stops_the_commit(modelled):
    model(modelled, columns=EMAIL)
    head = modelled.rev("HEAD")

    done = commit(modelled, "-a")

    assert done.rc == 1
    assert "+ column users.email VARCHAR(20)" in done.err
    assert "[DBS201]" in done.err
    assert "hint: `alembic revision --autogenerate" in done.err
    assert modelled.rev("HEAD") == head


def test_with_its_revision_the_commit_passes_and_the_database_has_it(modelled):
    model(modelled, columns=EMAIL)
    modelled.revision("r2", "r1", *ADD_EMAIL)
    modelled.git("add", ".")

    done = commit(modelled)

    assert (done.rc, "DBS" in done.err) == (0, False)
    assert_in_sync(modelled)


def test_a_revision_left_untracked_is_named(modelled):
    model(modelled, columns=EMAIL)
    path = modelled.revision("r2", "r1", *ADD_EMAIL, "email")
    modelled.git("add", MODELS)

    done = commit(modelled)

    assert done.rc == 1
    assert f"`git add migrations/versions/{path.name}`" in done.err


def test_what_is_not_staged_does_not_count_and_is_not_touched(modelled):
    modelled.write("README", "text")
    modelled.git("add", "README")
    model(modelled, columns=EMAIL)
    before = modelled.path(MODELS).read_bytes()

    assert commit(modelled).rc == 0

    assert modelled.path(MODELS).read_bytes() == before
    assert modelled.git("status", "--porcelain").out == f" M {MODELS}\n"


@pytest.mark.parametrize("args", [["-a"], ["--", MODELS], ["--amend", "-a"], ["--only", MODELS]])
def test_however_it_is_committed(modelled, args):
    model(modelled, columns=EMAIL)

    assert commit(modelled, *args).rc == 1


def test_a_part_of_a_file_that_is_staged_is_judged_as_staged(modelled):
    model(modelled, columns=EMAIL)
    modelled.git("add", MODELS)
    model(modelled)  # and taken back on disk only

    assert commit(modelled).rc == 1


def test_a_first_commit_is_judged(project):
    with_models(project)
    project.dbsync("init", "--yes")
    project.git("switch", "--orphan", "fresh")
    project.git("checkout", "main", "--", ".")
    project.git("rm", "--quiet", "--cached", "-r", "migrations/versions")

    assert "[DBS201]" in project.dbsync("check", "--staged", check=False).err


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('kind = sa.Column(sa.Enum("a", "b"))', 'kind = sa.Column(sa.Enum("a", "b", "c"))'),
        ("age = sa.Column(sa.Integer)", 'age = sa.Column(sa.Integer, sa.CheckConstraint("age > 0"))'),
        ("age = sa.Column(sa.Integer)", 'age = sa.Column(sa.Integer, server_default="1")'),
        ("a = sa.Column(sa.Integer)", 'a = sa.Column(sa.Integer, sa.Computed("id + 1"))'),
        (WHERE.format("sqlite", 1), WHERE.format("sqlite", 2)),
        ("a = sa.Column(sa.Integer)", 'a = sa.Column(sa.Integer)\n__table_args__ = {"sqlite_autoincrement": True}'),
    ],
)
def test_what_autogenerate_passes_over_is_a_finding_of_its_own(modelled, before, after):
    model(modelled, columns=before)
    modelled.git("commit", "-qam", "before", env={"DBSYNC": "off"})
    model(modelled, columns=after)

    done = commit(modelled, "-a")

    assert done.rc == 1
    assert "[DBS202]" in done.err or "[DBS201]" in done.err


POSTS = 'class Post(Base):\n    __tablename__ = "posts"\n    id = sa.Column(sa.Integer, primary_key=True)'
MAKE_POSTS = ('op.create_table("posts", sa.Column("id", sa.Integer, primary_key=True))', 'op.drop_table("posts")')
AGE = "age = sa.Column(sa.Integer)"
ADULT = 'age = sa.Column(sa.Integer, sa.CheckConstraint("age > 0"))'


@pytest.fixture
def aged(modelled):
    """Give the project with one more column, which a commit is to give a CHECK."""
    model(modelled, columns=AGE)
    modelled.revision(
        "r2", "r1", 'op.add_column("users", sa.Column("age", sa.Integer))', 'op.drop_column("users", "age")'
    )
    modelled.commit("age")
    return modelled


def test_a_revision_about_another_table_hides_nothing(aged):
    model(aged, columns=ADULT, more=POSTS)
    aged.revision("r3", "r2", *MAKE_POSTS, "posts")
    aged.git("add", ".")

    done = commit(aged)

    assert (done.rc, "[DBS202]" in done.err) == (1, True), done.err
    assert "the DDL of users changed and no revision that came with it is about that" in done.err


@pytest.mark.parametrize(
    "up",
    [
        'with op.batch_alter_table("users") as batch:\n    batch.create_check_constraint("adult", "age > 0")',
        """op.execute("CREATE TRIGGER adult BEFORE INSERT ON users BEGIN SELECT RAISE(FAIL, 'young'); END")""",
        'table = "us" + "ers"\nop.execute(f"CREATE INDEX i ON {table} (age) WHERE age > 0")\nop.execute("DROP INDEX i")',
        'def add(table):\n    op.bulk_insert(sa.table(table), [])\nadd("us" + "ers")',
    ],
    ids=["batch", "SQL", "f-string", "function"],
)
def test_a_revision_that_may_be_about_the_table_is_believed(aged, up):
    model(aged, columns=ADULT, more=POSTS)
    aged.revision("r3", "r2", f"{MAKE_POSTS[0]}\n{up}", MAKE_POSTS[1], "posts")
    aged.git("add", ".")

    done = commit(aged)

    assert (done.rc, "DBS202" in done.err) == (0, False), done.err


@pytest.mark.parametrize("what", [[], ["--ref", "HEAD"]], ids=["work tree", "ref"])
def test_what_autogenerate_passes_over_is_found_by_hand_too(aged, what):
    assert aged.dbsync("check", *what).rc == 0
    model(aged, columns=ADULT)
    if what:
        aged.commit("adults only", verify=False)

    done = aged.dbsync("check", *what, check=False)

    assert (done.rc, "[DBS202]" in done.err) == (1, True), done.err


def test_by_hand_what_differs_is_an_error_whenever_it_came(aged):
    model(aged, columns=f"{AGE}\n{EMAIL}")
    aged.commit("no revision", verify=False)

    done = aged.dbsync("check", check=False)

    assert (done.rc, "+ column users.email" in done.err) == (1, True), done.err
    assert "there before this" not in done.err


def test_a_revision_that_was_committed_before_its_model_is_known(aged):
    batch = 'with op.batch_alter_table("users") as batch:\n    batch.{}("adult"{})'
    aged.revision(
        "r3", "r2", batch.format("create_check_constraint", ', "age > 0"'), batch.format("drop_constraint", "")
    )
    aged.commit("grown up in the database")
    model(aged, columns=f'{AGE}\n__table_args__ = (sa.CheckConstraint("age > 0", name="adult"),)')

    done = commit(aged, "-a")

    assert (done.rc, "DBS202" in done.err) == (0, False), done.err


def test_an_amended_commit_is_judged_by_all_that_it_brings(aged):
    model(aged, columns=ADULT, more=POSTS)
    path = aged.revision("r3", "r2", *MAKE_POSTS, "posts")
    aged.commit("posts", verify=False)
    path.write_text(path.read_text() + "# users are looked after by hand\n")

    done = commit(aged, "--amend", "-a")

    assert (done.rc, "DBS202" in done.err) == (0, False), done.err


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "a = sa.Column(sa.Integer)\nb = sa.Column(sa.Integer)",
            "b = sa.Column(sa.Integer)\na = sa.Column(sa.Integer)",
        ),
        ("a = sa.Column(sa.Integer)", "a = sa.Column(sa.Integer, default=7)"),
        (
            'a = sa.Column(sa.Integer, sa.CheckConstraint("a > 0"))',
            'a = sa.Column(sa.Integer, sa.CheckConstraint("a  >\\n 0"))',
        ),
        ("a = sa.Column(sa.Integer)", 'a = sa.Column(sa.Integer, comment="no such thing on SQLite")'),
        ("a = sa.Column(sa.Integer)", "a = sa.Column(sa.Integer)\ndef said(self): return self.a"),
        ("a = sa.Column(sa.Integer)", 'a = sa.Column(sa.Integer)\n__table_args__ = {"mysql_engine": "InnoDB"}'),
        (WHERE.format("postgresql", 1), WHERE.format("postgresql", 2)),
    ],
)
def test_what_changes_no_table_is_none(modelled, before, after):
    model(modelled, columns=before)
    modelled.git("commit", "-qam", "before", env={"DBSYNC": "off"})
    model(modelled, columns=after)

    done = commit(modelled, "-a")

    assert (done.rc, "DBS" in done.err) == (0, False), done.err


def test_the_order_of_columns_is_none_of_it_in_a_table_without_a_key_either(modelled):
    columns = ['sa.Column("a", sa.Integer)', 'sa.Column("b", sa.Integer)']
    for ordered in (columns, columns[::-1]):
        model(modelled, more=f'sa.Table("likes", Base.metadata, {", ".join(ordered)})')
        done = commit(modelled, "-a", *([] if ordered[0] == columns[1] else ["--no-verify"]))

    assert (done.rc, "DBS" in done.err) == (0, False), done.err


def test_what_differed_before_is_not_this_commits(modelled):
    model(modelled, columns=EMAIL)
    modelled.git("commit", "-qam", "waived", "--no-verify")
    model(modelled, columns=f"{EMAIL}\ndef said(self): return 1")

    assert commit(modelled, "-a").rc == 0

    model(modelled, columns=f"{EMAIL}\nage = sa.Column(sa.Integer)")
    done = commit(modelled, "-a")
    assert done.rc == 1
    assert "users.age" in done.err
    assert "users.email" not in done.err
    by_hand = modelled.dbsync("check", check=False)
    assert by_hand.rc == 1
    assert "users.email" in by_hand.err


@pytest.mark.parametrize("judged_before", [True, False])
def test_what_a_new_library_keeps_from_loading_is_known_from_before(modelled, judged_before):
    modelled.write(".gitignore", modelled.path(".gitignore").read_text() + "library.py\n")
    modelled.write("library.py", "old = 1\n")
    model(modelled, columns=EMAIL, more="from library import old")
    modelled.commit("waived", verify=False)
    if judged_before:
        model(modelled, columns=EMAIL, more="from library import old\nX = 1")
        modelled.commit("judged with the library as it is")
    modelled.write("library.py", "new = 1\n")
    model(modelled, columns=EMAIL, more="from library import new")

    done = commit(modelled, "-a")

    assert done.rc == (not judged_before), done.err
    said = "1 difference between the models and what the revisions make, the old ones too, since what is there before"
    assert (said in done.err) != judged_before
    assert "Error" not in done.err


def test_a_warning_names_no_way_past_it(modelled):
    modelled.write(MODELS, "import gone_module\n")
    modelled.commit("broken", verify=False)
    modelled.write(MODELS, "import gone_module\nX = 1\n")
    assert "--no-verify" not in commit(modelled, "-a").err


def test_a_branch_without_alembic_is_left_in_peace(modelled):
    modelled.git("switch", "--quiet", "--orphan", "pages")
    modelled.write("index.html", "text")
    modelled.commit("a page", verify=False)
    modelled.write("index.html", "another text")

    done = commit(modelled, "-a")

    assert (done.rc, "DBS112" in done.err) == (0, False), done.err


def test_the_dev_database_is_not_needed_and_not_touched(modelled):
    model(modelled, columns=EMAIL)
    path = modelled.path("dev.db")
    path.write_bytes(b"not a database")

    assert commit(modelled, "-a").rc == 1

    assert path.read_bytes() == b"not a database"


def test_models_that_cannot_be_loaded_stop_the_commit_with_their_own_error(modelled):
    modelled.write(MODELS, "import gone_module\n")

    done = commit(modelled, "-a")

    assert done.rc == 1
    assert "gone_module" in done.err
    assert "[DBS222]" in done.err
    assert "--no-verify" in done.err


def test_what_never_could_be_loaded_warns_only(modelled):
    modelled.write(MODELS, "import gone_module\n")
    modelled.git("commit", "-qam", "broken", "--no-verify")
    modelled.write(MODELS, "import gone_module\nX = 1\n")

    done = commit(modelled, "-a")

    assert done.rc == 0
    assert "warning: not judged" in done.err


def test_a_chain_that_does_not_start_from_nothing_is_judged_upon_the_models(modelled):
    modelled.revision(
        "r2", "r1", 'op.add_column("legacy", sa.Column("x", sa.Integer))', 'op.drop_column("legacy", "x")'
    )
    legacy = 'class Legacy(Base):\n    __tablename__ = "legacy"\n    id = sa.Column(sa.Integer, primary_key=True)\n    x = sa.Column(sa.Integer)'
    model(modelled, more=legacy)
    modelled.git("add", ".")
    modelled.git("commit", "-qm", "legacy", env={"DBSYNC": "off"})

    model(modelled, columns=EMAIL, more=legacy)
    assert "+ column users.email" in commit(modelled, "-a").err

    modelled.revision("r3", "r2", *ADD_EMAIL)
    modelled.git("add", ".")
    assert modelled.dbsync("check", "--staged", check=False).rc == 0


def test_ignored_settings_of_this_machine_are_there_and_untracked_code_is_not(modelled):
    modelled.write(".gitignore", "dev.db\n.env\n")
    modelled.write(".env", "x=1")
    model(modelled, more='assert open(".env").read() == "x=1"')
    modelled.git("add", ".")
    assert commit(modelled).rc == 0

    modelled.write("app/extra.py", "")
    model(modelled, more="import app.extra")
    modelled.git("add", MODELS)
    done = commit(modelled)
    assert done.rc == 1
    assert "app.extra" in done.err


def test_ways_to_waive(modelled):
    model(modelled, columns=EMAIL)
    modelled.git("add", ".")
    assert commit(modelled, "--dry-run").rc in (0, 1)
    modelled.write("pyproject.toml", '[tool.dbsync]\nignore = ["DBS2xx"]\n')
    assert commit(modelled).rc == 0


def test_check_says_the_same_as_json(modelled):
    model(modelled, columns=EMAIL)

    done = modelled.dbsync("check", "--json", check=False)

    found = json.loads(done.out)
    assert (done.rc, found["version"], found["subject"]) == (1, 1, "the work tree")
    (finding,) = found["findings"]
    assert (finding["code"], finding["level"], finding["lines"]) == (
        "DBS201",
        "error",
        ["+ column users.email VARCHAR(20)"],
    )
    assert modelled.dbsync("check", "--ref", "HEAD").rc == 0


def test_check_needs_no_init(project):
    with_models(project)
    model(project, columns=EMAIL)

    assert project.dbsync("check", check=False).rc == 1
    assert project.dbsync("check", "--ref", "HEAD").rc == 0
    assert not project.path("dev.db").exists()


def test_a_merge_that_brings_drift_from_both_sides_is_not_blamed_for_it(modelled):
    modelled.switch("-c", "feature")
    model(modelled, columns=EMAIL)
    modelled.git("commit", "-qam", "waived there", "--no-verify")
    modelled.switch("main")
    modelled.write("README", "text")
    modelled.git("add", "README")
    modelled.git("commit", "-qm", "readme")

    assert modelled.git("merge", "--no-edit", "feature", check=False).rc == 0


def test_against_a_ref_the_merge_to_come_is_judged(modelled):
    modelled.switch("-c", "feature")
    model(modelled, columns=EMAIL)
    modelled.git("commit", "-qam", "waived", "--no-verify")
    modelled.switch("main")

    done = modelled.dbsync("check", "--against", "feature", check=False)
    assert (done.rc, "error:" in done.err) == (0, False)  # it has it already

    modelled.switch("feature")
    done = modelled.dbsync("check", "--against", "main", check=False)
    assert done.rc == 1
    assert "users.email" in done.err
    assert modelled.git("status", "--porcelain").out == ""


def test_after_init_a_commit_without_code_starts_no_python(modelled):
    modelled.path(".git/dbsync/hooks/interpreter").write_text("/nowhere/python\n")
    modelled.write("README", "text")
    modelled.git("add", "README")
    assert "commits are not checked" not in commit(modelled).err

    model(modelled, columns=EMAIL)
    assert "commits are not checked" in commit(modelled, "-a").err


def test_files_that_are_committed_with_an_index_of_their_own(modelled):
    model(modelled, columns=EMAIL)
    modelled.git("read-tree", "HEAD", env={"GIT_INDEX_FILE": ".git/own-index"})
    modelled.git("add", MODELS, env={"GIT_INDEX_FILE": ".git/own-index"})

    done = modelled.git("commit", "-m", "own", check=False, env={"GIT_INDEX_FILE": ".git/own-index"})

    assert done.rc == 1
    assert "+ column users.email" in done.err


def test_what_env_py_leaves_out_or_names_is_judged_its_way(modelled):
    env = modelled.path("migrations/env.py")
    options = 'include_object=lambda o, name, kind, *_: name != "elsewhere", compare_server_default=True, render_as_batch=True'
    ahead = "\n\ndef none_if_empty(context, revision, directives):\n    if config.cmd_opts.autogenerate and directives[0].upgrade_ops.is_empty():\n        directives[:] = []\n\n\ndef run_migrations_offline("
    text = env.read_text().replace("\n\ndef run_migrations_offline(", ahead, 1)
    options += ", process_revision_directives=none_if_empty"
    env.write_text(text.replace("connection=connection, ", f"connection=connection, {options}, "))
    base = modelled.path(MODELS).read_text()
    convention = 'metadata = sa.MetaData(naming_convention={"ix": "ix_%(column_0_label)s", "uq": "uq_%(table_name)s_%(column_0_name)s"})'
    modelled.write(
        MODELS,
        base.replace("class Base(DeclarativeBase):\n    pass", f"class Base(DeclarativeBase):\n    {convention}"),
    )
    elsewhere = '\n\nclass Elsewhere(Base):\n    __tablename__ = "elsewhere"\n    id = sa.Column(sa.Integer, primary_key=True)\n'
    modelled.path(MODELS).write_text(modelled.path(MODELS).read_text() + elsewhere)
    done = commit(modelled, "-a")
    assert (done.rc, "DBS" in done.err) == (0, False), done.err

    text = modelled.path(MODELS).read_text()
    modelled.write(MODELS, text.replace("sa.String(50))", 'sa.String(50), unique=True, server_default="x")'))
    done = commit(modelled, "-a")
    assert "uq_users_name" in done.err
    assert "default" in done.err


def test_an_application_that_hangs_holds_up_git_no_longer_than_it_may(modelled):
    modelled.git("config", "dbsync.checkTimeout", "3")
    modelled.write(MODELS, f"import time\ntime.sleep(600)\n{modelled.path(MODELS).read_text()}")

    done = commit(modelled, "-a")

    assert done.rc == 0
    assert "warning: not judged: env.py and the revisions took longer than 3 s [DBS221]" in done.err
    assert "hint: `git config dbsync.checkTimeout SECONDS`" in done.err
    model(modelled, columns=EMAIL)
    assert "[DBS201]" in commit(modelled, "-a").err

    modelled.git("config", "dbsync.unjudged", "stop")
    modelled.write(MODELS, f"import time\ntime.sleep(600)\n{modelled.path(MODELS).read_text()}")
    assert commit(modelled, "-a").rc == 1


FLASK_USERS = """

class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    age = db.Column(db.Integer)
"""


def test_flask_migrates_developers_are_told_their_own_commands(project):
    with_flask(project, FLASK_USERS)
    project.commit("Flask")
    assert "hint: `flask db revision` writes the first one" in project.dbsync("check", check=False).err
    columns = 'sa.Column("id", sa.Integer, primary_key=True), sa.Column("age", sa.Integer)'
    project.revision("r1", None, f'op.create_table("users", {columns})', 'op.drop_table("users")')
    project.commit("users")
    project.dbsync("init", "--yes")
    with_flask(project, f"{FLASK_USERS}    {EMAIL.replace('sa.', 'db.')}\n")
    assert 'hint: `flask db migrate -m "…"`' in commit(project, "-a").err
    with_flask(project, FLASK_USERS.replace("db.Integer)", 'db.Integer, db.CheckConstraint("age > 0"))'))
    assert 'hint: `flask db revision -m "…"`' in commit(project, "-a").err

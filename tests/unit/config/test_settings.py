"""Settings of git config and of the tracked table, and which of them count."""

from __future__ import annotations

import pytest

from dbsync.config.settings import Declared, Settings
from dbsync.errors import EXIT_USAGE, DbsyncError


def tracked(files, *lines):
    files.put(**{"pyproject.toml": "\n".join(["[tool.dbsync]", *lines]) + "\n"})
    return files.settings()


def test_defaults(files):
    assert files.settings() == Settings(top=files.repository.top)
    assert (files.settings().enabled, files.settings().auto, files.settings().trust) == (True, "ordinary", "branches")


def test_git_config_counts(files):
    for key, value in {
        "enabled": "no",
        "auto": "always",
        "interpreter": "/opt/py",
        "runner": "docker compose exec -T app python",
        "quiet": "1",
        "trust": "always",
        "baseline": "make schema",
        "seed": "make seed",
    }.items():
        files.git("config", f"dbsync.{key}", value)
    for host in ("db.one", "db.two", "db.one"):
        files.git("config", "--add", "dbsync.allowHost", host)
    assert files.settings() == Settings(
        top=files.repository.top,
        enabled=False,
        auto="always",
        quiet=True,
        trust="always",
        allow_host=("db.one", "db.two"),
        interpreter="/opt/py",
        runner="docker compose exec -T app python",
        baseline="make schema",
        seed="make seed",
    )


def test_a_later_empty_value_clears(files):
    files.git("config", "dbsync.interpreter", "/opt/py")
    files.git("config", "--add", "dbsync.interpreter", "")
    for host in ("db.one", "", "db.two"):
        files.git("config", "--add", "dbsync.allowHost", host)
    assert (files.settings().interpreter, files.settings().allow_host) == (None, ("db.two",))


@pytest.mark.parametrize(("value", "expected"), [("", True), (" = on", True), (" = Off", False), (" = 0", False)])
def test_booleans_as_git_writes_them(files, value, expected):
    with files.path(".git/config").open("a") as config:
        config.write(f"[dbsync]\n\tquiet{value}\n")
    assert files.settings().quiet is expected


def test_an_environments_own_interpreter_and_runner(files):
    name = "Svc/alembic.ini#other"
    files.git("config", "dbsync.interpreter", "/opt/py")
    files.git("config", f"dbsync.{name}.interpreter", "/opt/other")
    files.git("config", f"dbsync.{name}.runner", "ssh box python")
    found = files.settings()
    assert (found.interpreter_for(name), found.interpreter_for("alembic.ini")) == ("/opt/other", "/opt/py")
    assert (found.runner_for(name), found.runner_for("alembic.ini")) == ("ssh box python", None)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("auto", "sometimes", "git config dbsync.auto is 'sometimes': it takes always, ordinary or never"),
        ("enabled", "maybe", "git config dbsync.enabled is 'maybe': it takes true or false"),
        ("trust", "all", "git config dbsync.trust is 'all': it takes branches, default-branch or always"),
        (
            "allowHost",
            "postgresql://me@db/x",
            "git config dbsync.allowHost is 'postgresql://me@db/x': it takes one host name a value",
        ),
    ],
)
def test_a_wrong_value_gets_one_sentence(files, key, value, message):
    files.git("config", f"dbsync.{key}", value)
    with pytest.raises(DbsyncError) as caught:
        files.settings()
    assert (caught.value.message, caught.value.exit_code) == (message, EXIT_USAGE)
    assert f"dbsync.{key} " in caught.value.hint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("auto = 'x'", "auto in [tool.dbsync] of pyproject.toml is 'x': it takes always, ordinary or never"),
        ("quiet = 'yes'", "quiet in [tool.dbsync] of pyproject.toml is 'yes': it takes true or false"),
        ("exclude = 'a'", "exclude in [tool.dbsync] of pyproject.toml is 'a': it takes a list of strings"),
        (
            "environments = [{confg = 'a'}]",
            "environments in [tool.dbsync] of pyproject.toml is [{'confg': 'a'}]: it takes a list of tables of strings",
        ),
    ],
)
def test_a_wrong_value_in_the_tracked_table(files, line, message):
    with pytest.raises(DbsyncError) as caught:
        tracked(files, line)
    assert caught.value.message.startswith(message)
    assert caught.value.exit_code == EXIT_USAGE


@pytest.mark.parametrize("line", ["environments = [{directory = 'a'}]", "environments = [3]", "environments = {}"])
def test_an_environment_needs_a_config_or_a_script_location(files, line):
    with pytest.raises(DbsyncError, match="it takes a list of tables"):
        tracked(files, line)


@pytest.mark.parametrize(
    "value", ["schema.sql", "db/base line.sql", "../schema.sql", "/etc/schema.sql", "~/schema.sql"]
)
def test_a_tracked_baseline_counts_where_it_is_a_file_of_the_repository(files, value):
    found = tracked(files, f'baseline = "{value}"')

    assert (found.baseline, dict(found.proposals)) == (
        (value, {}) if value == "schema.sql" else (None, {"baseline": value})
    )


def test_tracked_programs_hosts_and_trust_are_proposals(files):
    found = tracked(
        files,
        'interpreter = "./evil"',
        'runner = "sh -c evil"',
        'allow-host = ["prod"]',
        'baseline = "sh evil"',
        'seed = "sh evil"',
        'trust = "always"',
        'auto = "always"',
    )
    assert found._replace(proposals={}) == Settings(top=files.repository.top)
    assert found.proposals == {
        "interpreter": "./evil",
        "runner": "sh -c evil",
        "allowHost": ["prod"],
        "baseline": "sh evil",
        "seed": "sh evil",
        "trust": "always",
        "auto": "always",
    }


def test_the_tracked_table_may_ask_for_less(files):
    found = tracked(files, "enabled = false", 'auto = "never"', "quiet = true")
    assert (found.enabled, found.auto, found.quiet, found.proposals) == (False, "never", True, {})


def test_git_config_wins_over_the_tracked_table(files):
    files.git("config", "dbsync.enabled", "true")
    files.git("config", "dbsync.auto", "ordinary")
    found = tracked(files, "enabled = false", 'auto = "never"')
    assert (found.enabled, found.auto) == (True, "ordinary")


def test_the_table_of_the_tree_is_read(files):
    tracked(files, 'auto = "never"', 'environments = [{config = "a.ini", directory = "b"}]', 'exclude = ["c"]')
    tree = files.commit_tree
    files.remove("pyproject.toml")
    found = files.settings(tree)
    assert (found.auto, found.exclude) == ("never", ("c",))
    assert found.environments == (Declared(config="a.ini", directory="b"),)
    assert files.settings().auto == "ordinary"


def test_a_table_that_cannot_be_read_is_an_obstacle(files):
    found = tracked(files, "auto = ")
    assert [(obstacle.code, obstacle.path, obstacle.line) for obstacle in found.obstacles] == [
        ("DBS110", "pyproject.toml", 2)
    ]


def test_unknown_keys_are_left_to_later_versions(files):
    files.git("config", "dbsync.later", "x")
    assert tracked(files, 'later = "x"') == Settings(top=files.repository.top)

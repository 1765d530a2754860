#!/bin/sh
# A project with two branches whose tables differ, and a database that follows plain `git switch`. Leaves nothing behind.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HOME="$folder" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL="$folder/gitconfig"
unset VIRTUAL_ENV PYTHONPATH GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE 2>/dev/null || true
git config --global user.name Demo
git config --global user.email demo@example.invalid
git config --global init.defaultBranch main
git config --global advice.detachedHead false

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() {
    printf '$ %s\n' "$*"
    "$@"
}
tables() {
    python -P -c 'import sqlite3; print("tables:", *sorted(r[0] for r in sqlite3.connect("dev.db").execute(
        "SELECT name FROM sqlite_master WHERE type = ?", ("table",)) if r[0] != "alembic_version"))'
}
expect() {
    found=$(tables)
    echo "$found"
    [ "$found" = "tables: $*" ] || {
        echo "demo: the database should hold: $*" >&2
        exit 1
    }
}
# revision ID PARENT TABLE: a revision file that creates a table
revision() {
    parent=None
    [ -z "$2" ] || parent="'$2'"
    cat >"migrations/versions/$1_$3.py" <<END
"""create $3"""
from alembic import op
import sqlalchemy as sa

revision = '$1'
down_revision = $parent


def upgrade():
    op.create_table('$3', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(50)))


def downgrade():
    op.drop_table('$3')
END
    git add migrations
    git commit --quiet --message "create $3"
}

mkdir "$folder/shop"
cd "$folder/shop"
say 'A project: Alembic, SQLite, one revision on main, one more on each of two branches'
git init --quiet
alembic init migrations >/dev/null 2>&1
sed 's|^sqlalchemy.url = .*|sqlalchemy.url = sqlite:///dev.db|' alembic.ini >alembic.ini.new && mv alembic.ini.new alembic.ini
printf 'dev.db*\n__pycache__/\n' >.gitignore
git add . && git commit --quiet --message 'alembic init'
revision 1a2b3c '' users
git switch --quiet -c feature/tags && revision 2b3c4d 1a2b3c tags
git switch --quiet -c feature/billing main && revision 3c4d5e 1a2b3c invoices
alembic upgrade heads 2>/dev/null
show git log --oneline --graph --all
expect invoices users

say 'Once: dbsync takes the database on and installs its hooks'
show dbsync init --yes

say 'From now on the database follows Git'
show git switch feature/tags
expect tags users
show git switch main
expect users
show git switch feature/billing
expect invoices users
show dbsync status

say 'A revision that was never committed comes down too'
revision_file=migrations/versions/4d5e6f_refunds.py
sed -e "s/3c4d5e/4d5e6f/; s/1a2b3c/3c4d5e/; s/invoices/refunds/g" migrations/versions/3c4d5e_invoices.py >"$revision_file"
show dbsync sync
expect invoices refunds users
show git stash --quiet --include-untracked
show dbsync sync
expect invoices users
say 'That is all: the same switches on your own project are `dbsync init` away.'

# Each target sets up all it needs, in $(VENV): git, make and Python 3.11 or newer are enough, and nobody needs to be root.
#
#   make demo    a small project whose database follows two branches
#   make test    the tests, and an eighth of the slow ones; SLOW=2/8 names another eighth, SLOW=0/1 is all of them;
#                HISTORIES=200 for that many random Git histories (20 unless told); the commit is their seed, so that
#                a run can be repeated, and another commit tries others; SEED=7 names one
#   make real    the migrations of real projects' releases, downloaded once from the package index
#   make long    only the random histories: HISTORIES=1000 STEPS=25 SEED=7 repeats exactly that run
#   make lint    ruff, mypy --strict, the layers, the shell syntax of the hooks
#   make oldest  the scenarios against the oldest Alembic, SQLAlchemy and Python that are promised
#   make bench   the figures of benchmarks/
#   make clean   removes what the others made

SHELL := /bin/sh
VENV ?= .venv
OLDEST ?= .venv-oldest
JOBS ?= auto
TESTS ?= tests

PYTEST := $(VENV)/bin/python -m pytest -q -n $(JOBS)

# Empty where there is a MariaDB for the tests: the installed one, or what apt-get has, unpacked below build.
WITHOUT_MARIADB = $(shell sh tests/support/find_mariadb.sh >/dev/null || echo "-m 'not mariadb'")

.PHONY: demo test real long lint oldest bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/.ready
	@PATH="$(abspath $(VENV))/bin:$$PATH" sh docs/demo.sh

test: HISTORIES ?= 20
test: SLOW ?= 0/8
test: SEED ?= $(shell printf '%d' 0x$$(git rev-parse --short=7 HEAD 2>/dev/null || echo 0))
test: $(VENV)/.ready
	@$(if $(WITHOUT_MARIADB),echo 'no MariaDB here and none to be had by apt-get: the tests that need one are left out',:)
	DBSYNC_HISTORIES=$(HISTORIES) DBSYNC_TESTS_SLOW=$(SLOW) $(PYTEST) --hypothesis-seed=$(SEED) \
	    $(WITHOUT_MARIADB) --ignore=tests/corpora $(TESTS)

real: $(VENV)/.ready
	$(PYTEST) tests/corpora

long: HISTORIES ?= 1000
long: SEED ?= $(shell date +%s)
long: STEPS ?= 25
long: $(VENV)/.ready
	DBSYNC_HISTORIES=$(HISTORIES) DBSYNC_STEPS=$(STEPS) $(PYTEST) -m histories --hypothesis-seed=$(SEED) $(TESTS)

lint: $(VENV)/.ready
	$(VENV)/bin/ruff check --output-format=concise .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	@for script in hooks/* docs/demo.sh; do sh -n "$$script" || exit 1; done
	bash -n .ci/run

oldest: $(VENV)/.ready $(OLDEST)/.ready
	DBSYNC_TESTS_PYTHON="$(abspath $(OLDEST))/bin/python" $(PYTEST) \
	    tests/scenarios/test_switch.py tests/scenarios/test_rewriting.py tests/scenarios/test_plugin.py \
	    tests/engines/test_oldest.py

bench: $(VENV)/.ready
	@for script in benchmarks/f[0-9]*.py; do $(VENV)/bin/python "$$script" || exit 1; done

clean:
	rm -rf "$(VENV)" "$(OLDEST)" build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# The first Python that is new enough and can make a virtual environment.
$(VENV)/.ready: pyproject.toml
	@found=; \
	for python in python3.13 python3.12 python3.11 python3; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    found=$$python; \
	    ! "$$python" -c 'import ensurepip, venv' 2>/dev/null || break; \
	    found="$$python without venv"; \
	done; \
	case $$found in \
	    '') echo 'dbsync needs Python 3.11 or newer: no python3.13, python3.12, python3.11 or python3 here is one.' >&2; exit 1 ;; \
	    *' without venv') echo "$${found%% *} cannot make virtual environments: install its venv module (python3-venv)." >&2; exit 1 ;; \
	esac; \
	echo "setting up $(VENV) with $$found"; \
	"$$found" -m venv --clear "$(VENV)" && \
	"$(VENV)/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# What is promised at the old end: the project's own Python, from 3.9 on, with Alembic 1.13 and SQLAlchemy 2.0.
$(OLDEST)/.ready: pyproject.toml
	@for python in python3.9 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.9.*/bin/python python3.10 python3.11 python3; do \
	    "$$python" -c 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || continue; \
	    echo "setting up $(OLDEST) with $$python"; \
	    "$$python" -m venv --clear "$(OLDEST)" && \
	    "$(OLDEST)/bin/python" -m pip install --quiet --disable-pip-version-check --editable . \
	        'alembic==1.13.0' 'sqlalchemy==2.0.*' 'psycopg[binary]' psycopg2-binary asyncpg aiosqlite greenlet pymysql \
	        flask-migrate python-dotenv && exit 0; \
	    exit 1; \
	done; \
	echo 'no Python 3.9 or newer here can make a virtual environment.' >&2; exit 1
	@touch $@

# Each target sets itself up in .venv the first time and needs no network afterwards.
# ARGS goes to the command: make up ARGS="--data-dir /some/where", make test ARGS="-k mailbox".

PYTHON ?= $(shell sh scripts/python.sh)
VENV_PYTHON := .venv/bin/python
ARGS ?=

.PHONY: help demo up test test-all lint bench torture clean preflight run-environment test-environment

help:
	@echo 'make demo      real events become graded alerts in a mailbox on this machine'
	@echo 'make up        Kafka, PostgreSQL, worker, courier and mailbox on this machine'
	@echo 'make test      every test that takes seconds      make test-all  the long ones too'
	@echo 'make lint      style, types, import rules         make bench     figures'
	@echo 'make torture   ten minutes of faults at random, watched, and the verdict'
	@echo 'make clean     removes .venv and caches; data in var/ stays'

demo: run-environment
	@$(VENV_PYTHON) -P -m tocsin demo $(ARGS)

up: run-environment
	@$(VENV_PYTHON) -P -m tocsin up $(ARGS)

test: test-environment
	@$(VENV_PYTHON) -m pytest -m 'not long and not browser' $(ARGS)

test-all: test-environment
	@$(VENV_PYTHON) -m pytest $(ARGS)

lint: test-environment
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .
	@$(VENV_PYTHON) -m mypy
	@$(VENV_PYTHON) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
	@$(VENV_PYTHON) -m schemas.publish --check

bench: test-environment
	@$(VENV_PYTHON) -m tests.bench $(ARGS)

torture: test-environment
	@$(VENV_PYTHON) -m tests.torture $(ARGS)

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

preflight:
	@$(PYTHON) scripts/preflight.py

run-environment:
	@command -v $(PYTHON) >/dev/null || { echo 'missing: Python 3.11 or 3.12' >&2; exit 1; }
	@$(PYTHON) scripts/setup_venv.py run

test-environment:
	@command -v $(PYTHON) >/dev/null || { echo 'missing: Python 3.11 or 3.12' >&2; exit 1; }
	@$(PYTHON) scripts/setup_venv.py test

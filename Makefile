# Everything below needs python3 >= 3.11 (with venv and pip) and make, nothing else.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# One more than there are cores: a test that waits for a server or a browser leaves its core to another.
WORKERS = $(shell $(BIN)/python -c 'import os; print(len(os.sched_getaffinity(0)) + 1)' 2>/dev/null || echo auto)
PIP := $(BIN)/pip --disable-pip-version-check -q

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.run: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "pushgate needs python3 >= 3.11; set PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing locked dependencies into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "installing locked development dependencies ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: help compiled demo test lint bench docs messages requirements lock clean

# Byte code, which pip makes of a package that it installs, but not of an editable one.
compiled: $(VENV)/.run
	@$(BIN)/python -m compileall -q src

demo: compiled ## run a server with sample data and watch the whole flow (ARGS="--once" to stop after it)
	@$(BIN)/pushgate demo $(ARGS)

test: $(VENV)/.dev compiled ## run the whole suite (services that are missing are skipped by name)
	@$(BIN)/python tools/peers.py
	@$(BIN)/python -m pytest -n $${PYTEST_WORKERS:-$(WORKERS)} $(ARGS)

lint: $(VENV)/.dev ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.dev compiled ## paired benchmark against node-oidc-provider and a bare ASGI responder
	@$(BIN)/python -m benchmarks $(ARGS)

messages: $(VENV)/.dev ## bring the translations in step with the texts of the pages (ARGS=--check only compares)
	@$(BIN)/python tools/messages.py $(ARGS)

docs: $(VENV)/.dev ## regenerate the reference pages under docs/ from the server's own tables
	@$(BIN)/python tools/docs.py $(ARGS)

requirements: $(VENV)/.dev ## which specification rows have a test, which have none
	@$(BIN)/python tools/requirements.py $(ARGS)

lock: $(VENV)/.dev ## renew the lock files
	@$(BIN)/python tools/lock.py

clean: ## remove the virtual environment and caches
	@find src tests benchmarks tools -name __pycache__ -prune -exec rm -rf {} +
	@rm -rf $(VENV) node_modules tests/peers/node_modules benchmarks/peer/node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

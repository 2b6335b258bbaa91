# `make help` says what there is. Needs make, git and Python 3.11 to 3.14; everything else comes from uv.lock.

.DEFAULT_GOAL := help
.PHONY: help install demo up test test-train chaos lint format clean
BIN := .venv/bin
READY := .venv/.installed
TRAIN_READY := .venv-train/.installed
# At most four test processes: each has a PostgreSQL, a Valkey, an api and a worker of its own.
TEST_PROCESSES ?= 4

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-10s %s\n", $$1, $$2}' Makefile

install: $(READY) ## Make the environment in .venv, every package locked by hash

demo: $(READY) ## Start everything on this machine, tell the whole story, stop
	@$(BIN)/tunehouse demo $(ARGS)

up: $(READY) ## Run everything on this machine until Ctrl-C
	@$(BIN)/tunehouse up $(ARGS)

test: $(READY) ## Run every test; ARGS="tests/jobs -k cancel" runs some
	@$(BIN)/python -m pytest -q -n logical --maxprocesses $(TEST_PROCESSES) $(ARGS)

test-train: $(TRAIN_READY) ## Run the tests of real training, in .venv-train with torch for CPUs
	@.venv-train/bin/python -m pytest -q tests/train $(ARGS)

chaos: $(READY) ## Kill everything again and again while 200 jobs run, then count; some minutes
	@$(BIN)/python -m tests.chaos.run $(ARGS)

lint: $(READY) ## Check style, types and which floor imports which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY) ## Put the code into the one format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## Remove the environment and caches; data dirs stay
	rm -rf .venv .venv-train .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(TRAIN_READY): pyproject.toml uv.lock .ci/install-train $(READY)
	@.ci/install-train

$(READY): pyproject.toml uv.lock .ci/install .ci/uv.txt
	@.ci/install

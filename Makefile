# `make help` lists the targets. Requires make, git and Python 3.11 to 3.14; uv.lock pins everything else.

.DEFAULT_GOAL := help
.PHONY: help install demo up dev docs test test-train test-operations upgrades test-pages test-providers test-clients chaos soak lint platforms dist format images clean
BIN := .venv/bin
READY := .venv/.installed
# The same environment with what tests and lint need; users of `make demo` and `make up` do without.
DEV_READY := .venv/.installed-dev
SITE := service/app/pages/site/index.html
DOCS_READY := .venv-docs/.installed
PAGES_READY := .venv-pages/.installed
TRAIN_READY := .venv-train/.installed
PROVIDERS_READY := .venv-providers/.installed
CLIENTS_READY := .venv-clients/.installed
# At most four test processes, because each starts its own PostgreSQL, Valkey, api and worker.
TEST_PROCESSES ?= 4
# Where it is set, every process that the tests start compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-15s %s\n", $$1, $$2}' Makefile

install: $(READY) $(SITE) ## Create the environment in .venv, with every package locked by hash, and build the documentation

demo: $(READY) ## Run a walkthrough of the whole service that checks every step
	@$(BIN)/tunehouse demo $(ARGS)

up: $(READY) $(SITE) ## Run everything on this machine until Ctrl-C
	@$(BIN)/tunehouse up $(ARGS)

dev: $(DEV_READY) ## Run everything, and start it again whenever a file of the code changes
	@$(BIN)/watchfiles --filter python --ignore-paths service/app/pages/site "$(BIN)/tunehouse up $(ARGS)" service worker trainer migrations

docs: $(DOCS_READY) ## Build the documentation's site, which the api serves at /docs/; fail on a dead link
	@$(BIN)/python -m docs.site .cache/docs
	@.venv-docs/bin/zensical build --strict --clean --config-file .cache/docs/zensical.toml
	@rm -rf service/app/pages/site
	@rm .cache/docs/site/404.html  # it would look for its style at the root of the host
	@mv .cache/docs/site service/app/pages/site

test: $(DEV_READY) $(SITE) ## Run the tests; ARGS="tests/jobs -k cancel" selects some
	@$(BIN)/python -m pytest -q -n logical --maxprocesses $(TEST_PROCESSES) $(ARGS)

test-train: $(TRAIN_READY) ## Run the tests of real training, with torch for CPUs in .venv-train
	@.venv-train/bin/python -m pytest -q tests/train $(ARGS)

test-operations: $(DEV_READY) ## Run the tests of `tunehouse up`, and those on Debian's servers (PostgreSQL, Redis, pgbouncer, haproxy, Prometheus)
	@.ci/install-operations
	@$(BIN)/python -m pytest -q -rs $(or $(ARGS),tests/operations --ignore=tests/operations/upgrades)

upgrades: $(DEV_READY) ## Upgrade from the version before, to the next one and back under load; takes minutes
	@.ci/install-operations
	@$(BIN)/python -m pytest -q -rs tests/operations/upgrades $(ARGS)

test-pages: $(PAGES_READY) ## Run the tests of the pages in Chromium, from .venv-pages
	@.venv-pages/bin/python -m pytest -q tests/pages $(ARGS)

test-providers: $(PROVIDERS_READY) ## Run every kind of provider against servers that imitate the vendors
	@.venv-providers/bin/python -m pytest -q tests/vendors $(ARGS)

test-clients: $(DEV_READY) $(CLIENTS_READY) ## Run the SDKs and frameworks that people use against the service, each in its own environment
	@CLIENT_ENVIRONMENTS=.venv-clients $(BIN)/python -m pytest -q tests/clients $(ARGS)

chaos: $(DEV_READY) ## Kill processes at random while 200 jobs run, then check the books; takes minutes
	@$(BIN)/python -m tests.chaos.run $(ARGS)

soak: $(DEV_READY) ## Let five teams work for an hour and show what grows; ARGS="--minutes 5" is shorter
	@$(BIN)/python -m tests.soak.run $(ARGS)

lint: $(DEV_READY) ## Check style, types and import layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/squawk --reporter gcc migrations/*.sql migrations/*/*.sql
	@$(BIN)/python -m migrations.lint

platforms: $(DEV_READY) ## Check that uv.lock installs from wheels on every Python and processor that we support
	@.ci/resolve-platforms

dist: $(DEV_READY) $(SITE) ## Build the wheel, its bill of materials and the image
	@.ci/build $(ARGS)

format: $(DEV_READY) ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

images: ## Pin the images of others by digest, where their registries can be reached; ARGS=--check asks nobody
	@python3 deploy/images.py $(ARGS)

clean: ## Remove the environment and caches, but not data directories
	rm -rf service/app/pages/site .venv .venv-docs .venv-train .venv-operations .venv-pages .venv-providers .venv-clients tests/clients/node/node_modules .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(TRAIN_READY): pyproject.toml uv.lock .ci/install-train .ci/install-torch $(READY)
	@.ci/install-train

$(DOCS_READY): pyproject.toml uv.lock .ci/install-docs $(READY)
	@.ci/install-docs

$(SITE): $(DOCS_READY) $(wildcard docs/*.md docs/*/*.md docs/site/*.py)
	@$(MAKE) --no-print-directory docs

$(PAGES_READY): pyproject.toml uv.lock .ci/install-pages $(READY)
	@.ci/install-pages

$(PROVIDERS_READY): pyproject.toml uv.lock .ci/install-providers .ci/providers.txt $(READY)
	@.ci/install-providers

$(CLIENTS_READY): tests/clients/uv.lock tests/clients/node/package-lock.json .ci/install-clients .ci/install-torch $(READY)
	@.ci/install-clients

$(DEV_READY): .ci/install-dev $(READY)
	@.ci/install-dev

$(READY): pyproject.toml uv.lock .ci/install .ci/uv.txt
	@.ci/install

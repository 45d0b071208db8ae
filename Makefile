# Entry point for all tasks: `make demo` runs a demonstration, `make test` runs the tests.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup ready fmt check test trust bench peers docs demo replay clean

export PYTHON ?= python3
export PDM_DATA ?= $(abspath ../shared/data)

run := .venv/bin
pytest := $(run)/python -m pytest -q
# One process per core, three or four: tests wait for processes too. tests/conftest.py starts one database cluster for
# all and marks serial tests.
spread := -n $(shell cores=$$(nproc); echo $$((cores < 3 ? 3 : cores > 4 ? 4 : cores))) --dist loadgroup --no-loadscope-reorder
stamp := .venv/setup-is-done
tested := .venv/setup-for-tests-is-done
compared := .venv-peers/setup-is-done
areas := kills delivery load reorder schemathesis health replay mutants features upgrade
# The fast suites first, for early failures.
suites := tests/unit tests/contract tests/integration tests/migration tests/acceptance tests/fault

help:
	@echo "setup   install what the machine lacks, TimescaleDB, and .venv (all other targets do it first)"
	@echo "demo    a simulated fleet through the whole service (DEMO_EXIT=1: end by itself; SEED=n)"
	@echo "replay  one recorded life held out: DATA=folder HOLD=name (MODE=live or bulk)"
	@echo "test    the suite;  check: lint, types, layers, doctests;  fmt: format the code"
	@echo "trust   the long programme (AREA=$(subst $() ,|,$(areas)); AGAIN=1: what passed too)"
	@echo "bench: the benchmarks;  clean: remove what was made"
	@echo "docs    write docs/features.md, its pictures, docs/licences.md and docs/develop/constants.md again;  peers: what the benchmark of features compares with"

setup: ready $(tested)

# Requirements of the service; the tests require some more packages.
ready: $(stamp)
	@deploy/setup/timescaledb.sh

$(stamp): $(wildcard deploy/setup/*.sh deploy/*.lock) pyproject.toml
	@deploy/setup/system.sh
	@deploy/setup/timescaledb.sh & build=$$!; status=0; \
		deploy/setup/python.sh || status=1; wait $$build || status=1; exit $$status
	@touch $@

$(tested): $(stamp) tests/migration/community/package.json
	@deploy/setup/test_tools.sh
	@touch $@

fmt: setup
	@$(run)/ruff check --quiet --select I --fix .
	@$(run)/ruff format .

check: setup
	@$(run)/ruff check --quiet .
	@$(run)/ruff format --quiet --check .
	@$(run)/mypy --strict
	@$(run)/lint-imports
	@$(pytest) --doctest-modules features pdm

test: setup
	@$(pytest) $(spread) -m "not trust" $(suites)

# An area takes at most 45 minutes. Tests that passed on this revision are skipped, so that a second run continues.
trust: setup
	@status=0; for area in $(or $(AREA),$(areas)); do \
		echo "trust: $$area"; \
		$(pytest) --area "$$area" $(if $(AGAIN),--again) --session-timeout 2700 tests || status=$$?; \
	done; exit $$status

# TSFEL and tsfresh in a separate environment; shared dependencies have the versions of .venv.
peers: $(compared)

$(compared): benchmarks/requirements.txt $(stamp)
	@$(PYTHON) -m venv .venv-peers
	@$(run)/python -m pip --disable-pip-version-check freeze --exclude-editable > .venv-peers/constraints.txt
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
		-c .venv-peers/constraints.txt -r benchmarks/requirements.txt
	@touch $@

bench: ready peers
	@mkdir -p out; : > out/bench.jsonl
	@for program in $$(grep -l __main__ benchmarks/*.py); do \
		echo "bench: $$program" >&2; \
		environment=$(run); [ "$$program" != benchmarks/features.py ] || environment=.venv-peers/bin; \
		$$environment/python -m "benchmarks.$$(basename "$$program" .py)" | tee -a out/bench.jsonl; \
	done

docs: setup
	@$(run)/python -m docs.pictures
	@$(run)/python -m docs.features
	@$(run)/python -m docs.constants
	@$(run)/python -m docs.licences

demo: ready
	@$(run)/pdm demo

replay: ready
	@: $${DATA:?say which recordings: make replay DATA=folder HOLD=name} $${HOLD:?say which life to hold out: HOLD=name}
	@$(run)/pdm replay --data "$$DATA" --hold "$$HOLD" --mode "$${MODE:-bulk}"

clean:
	@rm -rf .venv .venv-peers build dist out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache tests/migration/community/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Everything a person or a CI machine does here. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help run test test-all check audit bench sdl lock migration up setup setup-test
.SUFFIXES:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
# What to test: a folder, a file, or file::name, of which every test runs.
T ?=
# Test processes side by side; each starts servers of its own.
TEST_PROCESSES ?= 2

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup ## Run everything here: Redis, API and worker; Ctrl-C ends it (set-up included)
	@exec $(BIN)/safelight run

test: setup-test ## Run the tests of every change, ten minutes; T=path for all of one file or folder
	@exec $(BIN)/python -m pytest $(if $(T),$(T),--tier test -n $(TEST_PROCESSES))

test-all: setup-test ## Run every test, an hour, with branch coverage of app/
	@exec $(BIN)/python -m tests.support.full_run -n $(TEST_PROCESSES)

check: setup-test ## Lint, format, types, import contracts, SDL and locks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd setup && ../$(BIN)/mypy --config-file ../pyproject.toml *.py
	$(BIN)/lint-imports
	$(PYTHON) setup/lock.py check
	$(BIN)/safelight sdl --check
	cd frontend && node_modules/.bin/tsc --noEmit

audit: setup ## Ask PyPI and npm for known weaknesses in the locked packages
	$(PYTHON) setup/audit.py

bench: setup-test ## Measure this machine; docs/benchmarks.md says what the figures mean
	@exec $(BIN)/python -m bench

sdl: setup ## Write schema.graphql anew from the code
	$(BIN)/safelight sdl

lock: ## Resolve the dependencies anew into requirements*.txt (needs uv)
	$(PYTHON) setup/lock.py

migration: setup ## Draft a migration from the tables: make migration m="what it does"
	@test -n "$(m)" || { echo 'say what it does: make migration m="add albums"'; exit 2; }
	$(BIN)/safelight migration "$(m)"

up: ## Run the set-up of compose.yaml: PostgreSQL, Redis, S3 store, nginx (needs Docker)
	@test -f .env || { echo 'first: cp .env.example .env, and put your own secrets into it'; exit 2; }
	docker compose up --build

setup:
	@$(PYTHON) setup

setup-test:
	@$(PYTHON) setup test

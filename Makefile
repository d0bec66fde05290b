# SPDX-License-Identifier: Apache-2.0
# Everything a newcomer types. `make` lists it.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# A name on the PATH is no proof that it runs (pyenv has shims for versions that are not installed), so each
# candidate is asked. PYTHON=/path/to/python decides otherwise.
PYTHON ?=
FIND_PYTHON = for python in "$(PYTHON)" python3 python3.12 python3.13 python3.11 python; do \
	[ -n "$$python" ] && "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  >/dev/null 2>&1 && break; \
	if [ -n "$$python" ] && [ "$$python" = "$(PYTHON)" ]; then \
	  echo "PYTHON=$(PYTHON) is no Python 3.11, 3.12 or 3.13 that runs." >&2; exit 1; fi; \
	python=; \
	done; \
	[ -n "$$python" ] || { echo "No Python 3.11, 3.12 or 3.13 found: install one, or name it with PYTHON=/path/to/python." >&2; exit 1; }

RUN := .venv/bin/python
PINS := pyproject.toml constraints/dev.txt demo/environment.py
DEMO := .venv/.demo-is-ready
DEV := .venv/.dev-is-ready

# Settings of the caller that would let foreign packages into .venv.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.PHONY: help
help: ## show this list (the default)
	@echo "airflow-provider-twitch: make TARGET"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: $(DEMO) ## run the pipeline twice against a simulated Twitch and show the result (DATASET=path: replay a capture)
	@$(RUN) -m demo $(if $(DATASET),--dataset '$(DATASET)')

.PHONY: airflow
airflow: $(DEMO) ## a whole local Airflow with the DAG running every five minutes; Ctrl-C ends it (PORT=8080, DATASET=path)
	@$(RUN) -m demo.local_airflow $(if $(DATASET),--dataset '$(DATASET)') $(if $(PORT),--port '$(PORT)')

.PHONY: test
test: $(DEV) ## the whole test suite: no internet, no credentials (ARGS='-k name' picks tests)
	@$(RUN) -m pytest $(ARGS)

.PHONY: lint
lint: $(DEV) ## ruff (rules and format), hadolint, no addresses among the pins
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@.venv/bin/hadolint Dockerfile
	@if grep -nE '://|^-' constraints/*.txt; then echo "A constraints file names an address or an option." >&2; exit 1; fi

.PHONY: types
types: $(DEV) ## mypy, strict
	@$(RUN) -m mypy

.PHONY: image-test
image-test: $(DEV) ## replay the Dockerfile's install lines in a clean environment (needs PyPI)
	@$(RUN) -m pytest tests/packaging/replay_dockerfile.py

.PHONY: constraints
constraints: $(DEV) ## resolve the pins anew
	@$(RUN) -m uv pip compile $(COMPILE) --output-file constraints/runtime.txt pyproject.toml
	@$(RUN) -m uv pip compile $(COMPILE) --all-extras --constraint constraints/runtime.txt \
	  --output-file constraints/dev.txt pyproject.toml
COMPILE := --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate

.PHONY: clean
clean: ## remove what demo and airflow wrote
	@rm -rf .demo .airflow

.PHONY: distclean
distclean: clean ## remove .venv and every cache, too
	@rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov

$(DEMO): $(PINS)
	@$(FIND_PYTHON); "$$python" demo/environment.py demo
	@touch $@

$(DEV): $(PINS)
	@$(FIND_PYTHON); "$$python" demo/environment.py demo,test,dev
	@touch $@ $(DEMO)

# SPDX-License-Identifier: Apache-2.0
# Every command of the project. `make` lists the targets.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# A name on the PATH need not run (pyenv has shims for versions that are not installed), so each candidate is
# tried. PYTHON=/path/to/python overrides the search.
PYTHON ?=
FIND_PYTHON = for python in "$(PYTHON)" python3 python3.12 python3.13 python3.11 python; do \
	[ -n "$$python" ] && "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  >/dev/null 2>&1 && break; \
	if [ -n "$$python" ] && [ "$$python" = "$(PYTHON)" ]; then \
	  echo "PYTHON=$(PYTHON) must be a working Python 3.11, 3.12 or 3.13." >&2; exit 1; fi; \
	python=; \
	done; \
	[ -n "$$python" ] || { echo "No Python 3.11, 3.12 or 3.13 found: install one, or set PYTHON=/path/to/python." >&2; exit 1; }

RUN := .venv/bin/python
PINS := pyproject.toml constraints/dev.txt demo/environment.py
DEMO := .venv/.demo-is-ready
DEV := .venv/.dev-is-ready
UI := .venv/.ui-is-ready
DOCS := .venv/.docs-is-ready
CLUSTER := .cluster/venv/.cluster-is-ready
SPARK := .spark/venv/.spark-is-ready

# Settings of the caller that would make packages from elsewhere visible in .venv.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.PHONY: help
help: ## show this list (the default)
	@echo "airflow-provider-twitch: make TARGET"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: $(DEMO) ## run the DAG twice against a simulated Twitch, play an hour, and print what was published (DATASET=path: replay a capture)
	@$(RUN) -m demo $(if $(DATASET),--dataset '$(DATASET)')

.PHONY: airflow
airflow: $(DEMO) ## a local Airflow that runs all reference DAGs; Ctrl-C stops it (PORT=8080, DATASET=path)
	@$(RUN) -m demo.local_airflow $(if $(DATASET),--dataset '$(DATASET)') $(if $(PORT),--port '$(PORT)')

.PHONY: test
test: $(DEV) ## the test suite on all processors: no internet, no credentials (ARGS='-k name' selects tests)
	@$(RUN) -m pytest $(or $(ARGS),--numprocesses=auto --dist=worksteal)

.PHONY: coverage
coverage: $(DEV) ## require 100 % coverage of lines and branches of what decides: helix/, crawl/, the clock of metrics/
	@$(RUN) -m pytest tests/helix tests/crawl tests/metrics/test_clock.py tests/metrics/test_gates.py \
	  tests/metrics/test_movers.py --quiet --cov=twitch_provider.metrics.movers \
	  --cov=twitch_provider.helix --cov=twitch_provider.crawl \
	  --cov=twitch_provider.metrics.clock --cov=twitch_provider.metrics.gates --cov-branch --cov-fail-under=100 --cov-report=term:skip-covered

.PHONY: lint
lint: $(DEV) ## ruff (rules and format), pylint (docstrings), hadolint, zizmor (workflows), secrets, no addresses among the pins
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m pylint src/twitch_provider
	@$(RUN) -m pylint --accept-no-param-doc=n $(addprefix src/twitch_provider/,$(PUBLIC))
	@.venv/bin/hadolint Dockerfile
	@.venv/bin/zizmor --quiet --offline --no-progress --persona=pedantic --strict-collection .github
	@$(RUN) -m check_jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(RUN) -m check_jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(RUN) -m check_jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml
	@$(RUN) -m check_jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	@$(RUN) -m tests.packaging.find_secrets
	@if grep -nE '://|^-' constraints/*.txt constraints/managed/*.txt; then echo "A constraints file names an address or an option." >&2; exit 1; fi

# What users import.
PUBLIC := hooks/twitch.py hooks/twitch_async.py hooks/readers.py hooks/questions.py operators sensors transfers triggers/twitch.py \
	pipelines/failing.py exceptions.py testing/__init__.py testing/captured.py testing/fixtures.py testing/simulator.py

.PHONY: types
types: $(DEV) ## mypy, strict
	@$(RUN) -m mypy

# The variable hides a notice: the theme is maintained until May 2027; its successor, Zensical, reads mkdocs.yml too.
.PHONY: docs
docs: $(DOCS) ## build the documentation into site/, strictly and without the network
	@NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict --quiet --clean
	@echo "Built: open site/index.html, or with search: $(RUN) -m http.server --bind 127.0.0.1 --directory site 8000"

.PHONY: image-test
image-test: $(DEV) ## run the Dockerfile's commands in a clean environment, and every DAG in it (needs PyPI)
	@$(RUN) -m pytest tests/packaging/replay_dockerfile.py

.PHONY: sbom
sbom: $(DEV) ## an SBOM (CycloneDX) of the wheel into .release/, and the licences of all that it installs (needs PyPI)
	@$(RUN) -m tests.packaging.sbom
	@$(RUN) -m pytest --quiet tests/packaging/check_sbom.py

.PHONY: audit
audit: $(DEV) ## known vulnerabilities of all that the wheel installs, by pip-audit (needs PyPI's or OSV's database)
	@$(RUN) -m tests.packaging.audit $(ARGS)

.PHONY: ui-test
ui-test: $(UI) ## test the page, the connection form and the Test button in a headless Chromium (SCREENSHOTS=docs/images saves pictures)
	@$(HAVE_CHROMIUM)
	@CHROMIUM='$(CHROMIUM)' $(if $(SCREENSHOTS),SCREENSHOTS='$(SCREENSHOTS)') $(RUN) -m pytest $(or $(ARGS),tests/page/browse_page.py tests/page/browse_report.py tests/ui/browse_airflow.py tests/ui/browse_twitch.py)

.PHONY: libraries
libraries: $(DEV) ## fetch the newest d3 and Plot, which the page ships, with their licences (needs npm)
	@$(RUN) -m tests.page.renew

.PHONY: spark-test
spark-test: ## compare the metrics of a local Spark with DuckDB's, cell by cell (needs Java 17; skipped where it is missing)
	@if "$${JAVA_HOME:+$$JAVA_HOME/bin/}java" -version >/dev/null 2>&1; then \
	  $(MAKE) $(SPARK) && .spark/venv/bin/python -m pytest $(or $(ARGS),-k spark tests/lake/test_reading.py tests/spark/compare_spark.py); \
	  else echo "Skipped: Java was not found. Install 17 or newer (Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME."; fi

.PHONY: duckdb-test
duckdb-test: $(DEV) ## the tests of metrics with other releases of DuckDB than the pinned one (DUCKDBS='1.2.2 1.5.6')
	@for release in $(DUCKDBS); do \
	  $(RUN) -m uv pip install --quiet --python $(RUN) --target .duckdb/$$release duckdb==$$release || exit 1; \
	  PYTHONPATH=.duckdb/$$release $(RUN) -c 'import duckdb; print("DuckDB", duckdb.__version__)' || exit 1; \
	  PYTHONPATH=.duckdb/$$release $(RUN) -m pytest --quiet $(or $(ARGS),--numprocesses=auto --dist=worksteal tests/metrics) || exit 1; \
	  done
# The lowest of the extra, and the last one before 2.0.
DUCKDBS ?= 1.2.2 1.5.6

# Debian's package, with a font to render Airflow; set CHROMIUM=/path/to/chromium for another one.
CHROMIUM ?= chromium
HAVE_CHROMIUM = command -v '$(CHROMIUM)' >/dev/null \
	|| { [ '$(CHROMIUM)' = chromium ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && echo "Installing Debian's Chromium." && apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } \
	|| { echo "$(CHROMIUM) was not found: install Chromium (Debian: apt-get install chromium), or set CHROMIUM=/path/to/chromium." >&2; exit 1; }

.PHONY: matrix
matrix: $(DEV) ## the suite on every supported Airflow and Python, from a wheel (CELLS='2.11.0 3.3.2/3.13' or 'oldest newest'; JOBS=2 at a time)
	@$(RUN) -m tests.matrix $(if $(JOBS),--jobs '$(JOBS)') $(CELLS)

.PHONY: managed-test
managed-test: $(DEV) ## resolve the wheel with the pins of each managed service, and install it as Amazon MWAA does (needs PyPI and Python 3.12)
	@$(RUN) -m pytest $(or $(ARGS),tests/managed/resolve_wheel.py)

.PHONY: kill-test
kill-test: $(DEV) ## freeze (SIGSTOP) and kill -9 crawls at random moments, then check every manifest (ROUNDS=50, SEED=n; ten minutes)
	@$(RUN) -m tests.kills.kill_crawls $(if $(ROUNDS),--rounds '$(ROUNDS)') $(if $(SEED),--seed '$(SEED)')

.PHONY: soak
soak: $(DEV) ## a day of faults in simulated time, then everything is checked (SEED=n, RUNS=288, MIX='twitch=0.1 kinds=hang', PAGE=1 renews docs/soak.md; a quarter of an hour)
	@MALLOC_ARENA_MAX=1 $(RUN) -m tests.soak $(if $(SEED),--seed '$(SEED)') $(if $(RUNS),--runs '$(RUNS)') $(if $(MIX),--mix '$(MIX)') $(if $(PAGE),--page)

.PHONY: cluster-test
cluster-test: $(CLUSTER) ## deploy/compose.yaml's services as processes, killed and frozen one after the other, AWS away, a snapshot restored (EXECUTOR=CeleryExecutor, ONLY='postgres', KILLS=1, SEED=n; some fifty minutes)
	@$(HAVE_SERVERS)
	@.cluster/venv/bin/python -m pytest --quiet tests/plugins/test_fab.py
	@.cluster/venv/bin/python -m tests.cluster.run_cluster --executor '$(EXECUTOR)' $(if $(ONLY),--only '$(ONLY)') $(if $(KILLS),--kills '$(KILLS)') $(if $(SEED),--seed '$(SEED)')

# The deployment's default; CeleryExecutor has Redis and two workers beside it.
EXECUTOR ?= LocalExecutor

# Debian's packages; PostgreSQL installs its programs outside the PATH.
HAVE_SERVERS = have() { { ls /usr/lib/postgresql/*/bin/initdb || command -v initdb; } && command -v redis-server; }; \
	have >/dev/null 2>&1 \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && echo "Installing Debian's PostgreSQL and Redis." && apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql redis-server >/dev/null; } \
	|| { echo "PostgreSQL or Redis was not found: install both (Debian: apt-get install postgresql redis-server)." >&2; exit 1; }

.PHONY: fuzz
fuzz: $(DEV) ## run every parser on damaged inputs, guided by coverage where atheris has a wheel (TARGET='page manifest', SECONDS=60 for each, SEED=n)
	@$(FUZZ) -c 'import atheris' 2>/dev/null || $(RUN) -m uv pip install --quiet --python $(RUN) --target .fuzz/site --only-binary :all: atheris 2>/dev/null || true
	@$(FUZZ) -m tests.fuzz --target '$(TARGET)' $(if $(SECONDS),--seconds '$(SECONDS)') $(if $(SEED),--seed '$(SEED)')
FUZZ := PYTHONPATH=.fuzz/site $(RUN)

.PHONY: bench
bench: $(DEV) ## measure ratios into benchmarks/RESULTS.md (SECTIONS='local airflow' selects; all sections take some 40 minutes)
	@$(RUN) -m benchmarks $(SECTIONS)

.PHONY: constraints
constraints: $(DEV) ## resolve the pins again: our own, and those of each cell of the matrix as of its date (CELLS as above)
	@$(RUN) -m uv pip compile $(COMPILE) --output-file constraints/runtime.txt pyproject.toml
	@$(RUN) -m uv pip compile $(COMPILE) --all-extras --constraint constraints/runtime.txt --constraint constraints/held-back.in \
	  --output-file constraints/dev.txt pyproject.toml
	@for pins in image image-wheel; do $(RUN) -m uv pip compile $(COMPILE) --generate-hashes \
	  --constraint constraints/dev.txt --output-file constraints/$$pins.txt constraints/$$pins.in || exit 1; done
	@$(RUN) -m tests.matrix.pins $(CELLS)
COMPILE := --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate

.PHONY: clean
clean: ## delete what demo and airflow wrote
	@rm -rf .demo .airflow

.PHONY: distclean
distclean: clean ## delete .venv and every cache too
	@rm -rf .venv .release .cluster .spark .duckdb .matrix .benchmarks .fuzz dist build site .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov

$(DEMO): $(PINS)
	@$(FIND_PYTHON); "$$python" demo/environment.py demo,metrics
	@touch $@

$(DEV): $(PINS)
	@$(FIND_PYTHON); "$$python" demo/environment.py demo,metrics,test,dev,bench
	@touch $@ $(DEMO)

$(UI): $(PINS)
	@$(FIND_PYTHON); "$$python" demo/environment.py demo,metrics,test,ui
	@touch $@ $(DEMO)

$(DOCS): $(PINS)
	@$(FIND_PYTHON); "$$python" demo/environment.py demo,metrics,docs
	@touch $@ $(DEMO)

$(CLUSTER): $(PINS)
	@$(FIND_PYTHON); "$$python" demo/environment.py demo,metrics,test,cluster .cluster/venv
	@touch $@

$(SPARK): $(PINS)
	@$(FIND_PYTHON); "$$python" demo/environment.py metrics,test,spark .spark/venv
	@touch $@

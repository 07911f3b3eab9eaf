# The developer's face.  Needs Python >= 3.11 with pip, and make; nothing else.
#
#   make run     install, start store and workers, push seeds/ through the queue, print the stories, stop
#   make test    every test that can run on this machine; what cannot is reported as skipped, with the reason;
#                in two processes, each with the servers it needs (PROCESSES=0: in one)
#   make check   ruff, mypy --strict, fast tests
#   make bench   the side-by-side benchmarks (see docs/benchmarks.md)
#   make docs    regenerate the reference pages of docs/ from the code

PYTHON ?= python3
VENV   ?= .venv
PROCESSES ?= 2
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run test check bench docs clean

run: $(VENV)/.run
	$(BIN)/dedup demo seeds

test: $(VENV)/.dev
	sh tests/provision.sh $(BIN)/python
	$(BIN)/python -m tests.warm
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -m "not slow and not chaos and not browser and not spark"

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

docs: $(VENV)/.dev
	$(BIN)/python -m docs.generate

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e .
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e '.[dev]'
	touch $@ $(VENV)/.run

$(VENV)/.bench: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e '.[dev,bench]'
	touch $@ $(VENV)/.run $(VENV)/.dev

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .dedup

# Two commands do everything: `make run` serves the app, `make test` checks the whole tree.
# Long things (`train`, `evaluate`, `bench`, `test-full`) are never part of either.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
HOST ?= 127.0.0.1
PORT ?= 7860
DATA ?= data
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup setup-test packages run test lint train evaluate scaling examples fetch world-page cards report bench bench-gpu profile test-full pictures clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.installed ## the virtual environment with what the app needs

$(VENV)/.installed: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Earwitness needs Python 3.11 or newer; set PYTHON=/path/to/one.")'
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

setup-test: setup $(VENV)/.installed-test packages ## what the tests need on top

$(VENV)/.installed-test: requirements-test.txt $(VENV)/.installed
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-test.txt
	touch $@

packages: ## Debian packages of the tests: a browser, a speech synthesiser, sox
	sh tests/packages.sh

run: setup ## serve the app on http://localhost:7860 with the mini suite
	$(RUN) app.py --host $(HOST) --port $(PORT) --data $(DATA)

fetch: setup ## bring a published model here: make fetch MODEL=whisper-small; without MODEL the list
	$(RUN) -m demos fetch $(MODEL)

lint: setup-test ## format, lint and types
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

test: lint ## lint, types and every test that CI runs
	$(RUN) -m pytest -n $(WORKERS)

test-full: lint ## the long tests as well
	$(RUN) -m pytest -m "full or not full"

train: setup packages ## train the mini suite from nothing; goes on where it was cut
	$(RUN) -m demos.mini.train

evaluate: setup packages ## measure the committed mini suite on the held-out split
	$(RUN) -m demos.mini.evaluation

report: setup ## the training report and its figures, from what lies beside the weights
	$(RUN) -m demos.mini.report

scaling: setup packages ## measure mini-SALMONN over its LoRA scaling, before and after activation tuning
	$(RUN) -m demos.mini.scaling

examples: setup packages ## render the shipped example clips again
	$(RUN) -m demos.mini.world.examples demos/mini/examples

world-page: setup packages ## a page to listen to the mini suite's world: build/world-page/index.html
	$(RUN) -m demos.mini.world.page

cards: setup ## fill the numbers of the model cards in docs/cards
	$(RUN) -m demos.mini.cards

bench: setup-test ## speed, as ratios against named baselines in the same run
	$(RUN) -m tests.benchmarks

bench-gpu: setup-test ## SALMONN's decoding on a graphics card, 7B and 13B sizes, against plain generate
	$(RUN) -m tests.benchmarks.decoding

profile: setup-test ## where a listen's time goes: docs/pictures/listen_flame.svg
	$(RUN) -m tests.benchmarks profile

pictures: setup-test ## take the README's screenshots of the real app again
	EARWITNESS_PICTURES=docs/pictures $(RUN) -m pytest tests/browser

clean: ## remove the virtual environment and caches, keep the data
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

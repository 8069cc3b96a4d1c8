# Every target sets up what it needs. `make demo` and `make test` are all a fresh machine has to be told.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test lint types bench docs
.DEFAULT_GOAL := test

demo: $(VENV)/.installed  ## search real text with and without reranking; DOCS=folder QUERY="…" for your own
	$(BIN)/python examples/demo.py --docs "$(DOCS)" --query "$(QUERY)"

test: $(VENV)/.developing
	$(BIN)/python -m pytest --cov

lint: $(VENV)/.developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.developing
	$(BIN)/mypy
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/pyright

bench: $(VENV)/.developing  ## DATA=folder of test collections in BEIR's layout, or RERANK_KIT_DATA
	$(BIN)/python benchmarks/relevance.py $(if $(DATA),--data "$(DATA)")

docs: $(VENV)/.developing
	$(BIN)/mkdocs build --strict

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) install --editable ".[langchain,embedded]"
	touch $@

$(VENV)/.developing: pyproject.toml | $(BIN)/python
	$(PIP) install --upgrade "pip>=25.1"
	$(PIP) install --editable ".[langchain,embedded,eval]" --group dev
	touch $@

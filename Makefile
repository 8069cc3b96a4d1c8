# Every target sets up what it needs. `make demo` and `make test` are all a fresh machine has to be told.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
# Pinned, and installed before what needs it, so that no other build of it comes along.
TORCH ?= torch==2.13.0
SIDE_BY_SIDE = --numprocesses auto --dist worksteal

.PHONY: demo serve-demo test test-compat test-llama test-oldest test-clients test-ray test-changes check lint types classes models bench docs
.DEFAULT_GOAL := test

demo: $(VENV)/.installed  ## search real text with and without reranking; DOCS=folder QUERY="…" for your own
	$(BIN)/python examples/demo.py --docs "$(DOCS)" --query "$(QUERY)"

serve-demo: $(VENV)/.serving  ## the embedded model behind HTTP, and what it answers to curl; PORT=number for another one
	@$(BIN)/rerank-kit serve onnx:embedded --port $(PORT) & server=$$!; trap "kill $$server" EXIT; \
	curl --silent --output /dev/null --retry 60 --retry-delay 1 --retry-connrefused http://127.0.0.1:$(PORT)/health; \
	set -x; curl --silent --show-error --fail-with-body \
	--header "content-type: application/json" --data \
	'{"query": "Which planet is red?", "documents": ["Mars is the red planet.", "Bread is baked in an oven."]}' \
	http://127.0.0.1:$(PORT)/v2/rerank

test: $(VENV)/.developing  ## every test, side by side, with coverage
	$(BIN)/python -m pytest -p tests.preload $(SIDE_BY_SIDE) --cov

test-compat: test-llama test-oldest test-clients  ## where less is installed, or older, or clients of other frameworks

test-llama: $(VENV)-llama/.installed  ## the LlamaIndex adapter, where nothing is installed but what its users need
	$(VENV)-llama/bin/python -m pytest --quiet $(SIDE_BY_SIDE) tests/llama tests/test_documentation.py -k "llama and not README"

test-oldest: $(VENV)-oldest/.installed  ## rerank APIs with the oldest cohere SDK that is supported; `make test` has the newest
	$(VENV)-oldest/bin/python -m pytest --quiet $(SIDE_BY_SIDE) tests/api tests/managed tests/testing --ignore tests/api/test_secrets.py

test-clients: $(VENV)-clients/.installed  ## clients of other frameworks against the server of ours
	$(VENV)-clients/bin/python -m pytest --quiet tests/serve/test_other_clients.py

check: lint  ## lint, types and the tests of the rooms in which something changed, in under a minute
	$(MAKE) --jobs 2 --output-sync types test-changes

test-ray: $(VENV)-ray/.installed  ## a cluster of two nodes on this machine, of which some is killed: four minutes, by hand
	$(VENV)-ray/bin/python -m pytest --quiet -p no:logging tests/scale

test-changes: $(VENV)/.developing
	$(BIN)/python -m pytest --quiet --numprocesses auto $$($(BIN)/python tools/tests_of_changes.py)

lint: $(VENV)/.developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.developing
	$(BIN)/mypy
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/pyright

classes: $(VENV)/.developing  ## write the adapters' class for each vendor, from the fields in rerank_kit/fields/managed.py
	$(BIN)/python tools/make_classes.py

models: $(VENV)/.developing  ## write the tables of docs/models.md, from rerank_kit/local/families.toml and tests/local/matrix.py
	PYTHONPATH=. $(BIN)/python tools/make_models_page.py

bench: $(VENV)-bench/.benching  ## QUICK=1 for a short run; KEEP=file to go on later; DATA=folder of collections in BEIR's layout for relevance
	$(VENV)-bench/bin/python benchmarks/speed.py $(if $(QUICK),--quick) $(if $(KEEP),--keep "$(KEEP)") --write docs/performance.md
	$(if $(DATA),$(VENV)-bench/bin/python benchmarks/relevance.py --data "$(DATA)")

docs: $(VENV)/.developing
	$(BIN)/mkdocs build --strict

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) install --editable ".[langchain,embedded]"
	touch $@

$(VENV)/.serving: pyproject.toml | $(BIN)/python
	$(PIP) install --editable ".[serve,embedded]"
	touch $@

$(VENV)-llama/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)-llama
	$(VENV)-llama/bin/python -m pip --disable-pip-version-check --quiet install --upgrade "pip>=25.1"
	$(VENV)-llama/bin/python -m pip --quiet install --editable ".[llama-index,embedded]" --group runner
	touch $@

$(VENV)-bench/.benching: pyproject.toml
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip --disable-pip-version-check --quiet install --upgrade "pip>=25.1"
	$(VENV)-bench/bin/python -m pip --quiet install "$(TORCH)"
	$(VENV)-bench/bin/python -m pip --quiet install --editable ".[langchain,embedded,eval]" --group bench
	touch $@

$(VENV)-clients/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)-clients
	$(VENV)-clients/bin/python -m pip --disable-pip-version-check --quiet install --upgrade "pip>=25.1"
	$(VENV)-clients/bin/python -m pip --quiet install --editable ".[serve,http]" --group clients
	touch $@

$(VENV)-ray/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)-ray
	$(VENV)-ray/bin/python -m pip --disable-pip-version-check --quiet install --upgrade "pip>=25.1"
	$(VENV)-ray/bin/python -m pip --quiet install --editable ".[ray,embedded,http]" --group runner
	touch $@

$(VENV)-oldest/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/python -m pip --disable-pip-version-check --quiet install --upgrade "pip>=25.1"
	$(VENV)-oldest/bin/python -m pip --quiet install --editable ".[http]" --group oldest
	touch $@

$(VENV)/.developing: pyproject.toml | $(BIN)/python
	$(PIP) install --upgrade "pip>=25.1"
	$(PIP) install "$(TORCH)"
	$(PIP) install --editable ".[langchain,llama-index,embedded,sentence-transformers,export,flashrank,http,cohere,anthropic,eval,serve]" --group dev
	touch $@

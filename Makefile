# Every target sets up what it needs. `make demo` and `make test` are all a fresh machine has to be told.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
# Pinned, and installed before what needs it, so that no other build of it comes along.
TORCH ?= torch==2.13.0
# What extras name in the oldest versions that they take; PyTorch and what stands on it come in the newest alone.
OLDEST = langchain llama-index embedded flashrank http cohere anthropic cli eval serve opentelemetry prometheus
OLDEST_ROOMS = bm25 first_stage api managed testing judge decide fields langchain llama observe serve cli evaluate contextual
# Old packages warn of each other, and lack what has come since.
WITH_OLDEST = -W ignore::DeprecationWarning -W "ignore:The 'validate_default' attribute" \
	--ignore tests/api/test_secrets.py $(NEWER:%=--ignore tests/langchain/test_%.py) \
	--deselect tests/serve/test_clients.py::test_the_cohere_sdk \
	--deselect tests/cli/test_doctor.py::test_a_gpu_that_onnx_runtime_cannot_use_is_noted
NEWER = decide decision_sdks standard
SIDE_BY_SIDE = --numprocesses auto --dist worksteal

.PHONY: demo serve-demo test test-compat test-llama test-oldest test-oldest-all test-clients test-ray dist test-dist test-matrix sizes test-changes check lint types classes models api licences bench bench-serve docs
.DEFAULT_GOAL := test

demo: $(VENV)/.installed  ## search real text with and without reranking; DOCS=folder QUERY="…" for your own
	$(BIN)/python examples/demo.py --docs "$(DOCS)" --query "$(QUERY)"

serve-demo: $(VENV)/.serving  ## the embedded model behind HTTP, and what it answers to curl; PORT=number for another one
	@if curl --silent --output /dev/null --max-time 5 http://127.0.0.1:$(PORT)/; then \
	echo "port $(PORT) is in use: make serve-demo PORT=8001"; exit 1; fi; \
	$(BIN)/rerank-kit serve onnx:embedded --port $(PORT) & server=$$!; trap "kill $$server" EXIT; \
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

test-oldest: $(VENV)-oldest/.installed  ## rerank APIs with the oldest versions that extras take; `make test` has the newest
	$(VENV)-oldest/bin/python -m pytest --quiet $(SIDE_BY_SIDE) $(WITH_OLDEST) tests/managed tests/testing tests/api

test-oldest-all: $(VENV)-oldest/.installed  ## the same for every room, but for what needs PyTorch or what the oldest lack
	$(VENV)-oldest/bin/python -m pytest --quiet $(SIDE_BY_SIDE) $(WITH_OLDEST) $(OLDEST_ROOMS:%=tests/%)

test-clients: $(VENV)-clients/.installed  ## clients of other frameworks against the server of ours
	$(VENV)-clients/bin/python -m pytest --quiet tests/serve/test_other_clients.py

dist: $(VENV)-dist/.building  ## the wheel and the sdist, in dist/, and whether they hold what they should
	$(VENV)-dist/bin/python tools/check_dist.py

test-dist: dist  ## what users do first, from the wheel, where nothing else is installed
	$(VENV)-dist/bin/python tools/try_wheel.py

test-matrix: dist  ## the same for every extra, with the newest and the oldest versions; PYTHONS="3.11 3.12" for several
	$(VENV)-dist/bin/python tools/try_wheel.py --all --pin "$(TORCH)" $(PYTHONS:%=--python %)
	$(VENV)-dist/bin/python tools/try_wheel.py --all --pin "$(TORCH)" $(PYTHONS:%=--python %) --oldest

sizes: dist  ## write the table of docs/installing.md: what each extra takes on a disk, and its import
	$(VENV)-dist/bin/python tools/try_wheel.py --all --pin "$(TORCH)" --write

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

api: $(VENV)/.developing  ## write tests/public_api.txt: every public name and command, and how it is called
	PYTHONPATH=. $(BIN)/python tools/public_api.py

licences: $(VENV)/.developing  ## write docs/licences.md: what each extra brings, and under which licences
	$(BIN)/python tools/licences.py --write

bench: $(VENV)-bench/.benching  ## QUICK=1 for a short run; KEEP=file to go on later; DATA=folder of collections in BEIR's layout for relevance
	$(VENV)-bench/bin/python benchmarks/speed.py $(if $(QUICK),--quick) $(if $(KEEP),--keep "$(KEEP)") --write docs/performance.md
	$(if $(DATA),$(VENV)-bench/bin/python benchmarks/relevance.py --data "$(DATA)")

bench-serve: $(VENV)-bench/.benching $(VENV)-infinity/.installed  ## our server under load beside infinity; QUICK=1 writes nothing
	$(VENV)-bench/bin/python benchmarks/serve.py --infinity $(VENV)-infinity $(if $(QUICK),--quick,--write docs/serve.md)

docs: $(VENV)/.developing  ## the documentation in site/: links, anchors and names checked, and that no page loads from elsewhere
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/zensical build --clean --strict
	$(BIN)/python tools/check_site.py site

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
	$(VENV)-bench/bin/python -m pip --quiet install --editable ".[langchain,embedded,eval,serve,http]" --group bench
	touch $@

$(VENV)-infinity/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)-infinity
	$(VENV)-infinity/bin/python -m pip --disable-pip-version-check --quiet install --upgrade "pip>=25.1"
	$(VENV)-infinity/bin/python -m pip --quiet install "$(TORCH)"
	$(VENV)-infinity/bin/python -m pip --quiet install --group infinity
	touch $@

$(VENV)-clients/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)-clients
	$(VENV)-clients/bin/python -m pip --disable-pip-version-check --quiet install --upgrade "pip>=25.1"
	$(VENV)-clients/bin/python -m pip --quiet install --editable ".[serve,http]" --group clients
	touch $@

$(VENV)-dist/.building: pyproject.toml
	$(PYTHON) -m venv $(VENV)-dist
	$(VENV)-dist/bin/python -m pip --disable-pip-version-check --quiet install --upgrade "pip>=25.1"
	$(VENV)-dist/bin/python -m pip --quiet install --group dist
	touch $@

$(VENV)-ray/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)-ray
	$(VENV)-ray/bin/python -m pip --disable-pip-version-check --quiet install --upgrade "pip>=25.1"
	$(VENV)-ray/bin/python -m pip --quiet install --editable ".[ray,embedded,http]" --group runner
	touch $@

$(VENV)-oldest/.installed: pyproject.toml $(VENV)-dist/.building
	$(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-dist/bin/python -m uv --quiet pip compile --resolution lowest-direct --no-emit-package rerank-kit \
		--python $(VENV)-oldest/bin/python $(OLDEST:%=--extra %) --output-file $(VENV)-oldest/oldest.txt pyproject.toml
	$(VENV)-dist/bin/python -m uv --quiet pip install --link-mode copy --python $(VENV)-oldest/bin/python \
		--constraint $(VENV)-oldest/oldest.txt --requirement $(VENV)-oldest/oldest.txt --editable . --group oldest
	touch $@

$(VENV)/.developing: pyproject.toml | $(BIN)/python
	$(PIP) install --upgrade "pip>=25.1"
	$(PIP) install "$(TORCH)"
	$(PIP) install --editable ".[langchain,llama-index,embedded,sentence-transformers,export,flashrank,http,cohere,anthropic,eval,serve,mcp]" --group dev
	touch $@

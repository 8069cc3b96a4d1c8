"""What nearly all tests import, imported before coverage begins to watch: `pytest -p tests.preload`, for whole runs."""

import contextlib
import importlib
import os

MODULES = (
    "torch",
    "sentence_transformers",
    "anthropic",
    "cohere",
    "hypothesis",
    "langchain_classic",
    "llama_index.core",
)

if "PYTEST_XDIST_WORKER" in os.environ:  # who hands out the tests runs none
    for name in MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)

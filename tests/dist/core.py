"""No extra: what needs none works, and all else says which one to install."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path

from rerank_kit import Cascade, Document, MissingExtra, Reranker, Rules
from rerank_kit.evaluate import Dataset, evaluate
from rerank_kit.local import FlashRank, OnnxCrossEncoder, SentenceTransformersCrossEncoder
from rerank_kit.managed import Cohere, Endpoint
from rerank_kit.observe import OpenTelemetry, Prometheus
from rerank_kit.pricing import plan
from rerank_kit.rules import equals, tier
from rerank_kit.testing import RerankServer

others = {each.name for each in distributions()} - {"rerank-kit", "pip", "setuptools"}
assert not others, others

shortest = Reranker.of(lambda query, texts: [1 / len(text) for text in texts])
assert [hit.index for hit in shortest.rerank("which?", ["four", "one", "eleven"])] == [1, 0, 2]
documents = [Document("a note", metadata={"state": "old"}), Document("another note", metadata={"state": "new"})]
cascade = Cascade(shortest, Rules(tiers=[tier("new", when=equals("state", "new"))]))
assert [hit.index for hit in cascade.rerank("which?", documents)] == [1, 0]
assert "cohere" in str(plan(queries=1000)).lower()
with RerankServer() as server:
    assert server.base_url("cohere")


def missing(extra: str, call: Callable[[], object]) -> None:
    """See to it that a call fails and names the extra."""
    try:
        call()
    except MissingExtra as error:
        assert f'pip install "rerank-kit[{extra}]"' in str(error), str(error)
    else:
        raise AssertionError(extra)


dataset = Dataset("one", {"q": "which?"}, {"q": {"d": 1}}, {"d": "this"})
first_steps: dict[str, Callable[[], object]] = {
    "langchain": lambda: importlib.import_module("langchain_rerank_kit"),
    "llama-index": lambda: importlib.import_module("llama_rerank_kit"),
    "embedded": OnnxCrossEncoder,
    "sentence-transformers": lambda: SentenceTransformersCrossEncoder("owner/name"),
    "flashrank": lambda: FlashRank("ms-marco-TinyBERT-L-2-v2"),
    "http": lambda: Endpoint("http://127.0.0.1:9"),
    "cohere": lambda: Cohere("rerank-v4.0-fast", api_key="key"),
    "eval": lambda: evaluate(dataset, {"mine": shortest}),
    "serve": lambda: importlib.import_module("rerank_kit.serve").rerank_app(shortest),
    "opentelemetry": OpenTelemetry,
    "prometheus": Prometheus,
}
for extra, call in first_steps.items():
    missing(extra, call)

command = Path(sys.executable).with_name("rerank-kit")
done = subprocess.run([command, "status"], capture_output=True, text=True, check=False, timeout=60)
assert done.returncode == 1, done
assert 'pip install "rerank-kit[cli]"' in done.stderr, done.stderr

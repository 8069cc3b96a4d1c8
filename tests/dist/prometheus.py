"""The extra `prometheus`: a ranking is counted."""

from __future__ import annotations

from prometheus_client import generate_latest

from rerank_kit import Reranker
from rerank_kit.observe import Prometheus

reranker = Reranker.of(lambda query, texts: [1.0 for _ in texts])
reranker.hooks = [Prometheus()]
assert len(reranker.rerank("which?", ["this", "that"])) == 2
assert b"rerank_kit_rankings_total" in generate_latest()

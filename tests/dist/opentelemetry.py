"""The extra `opentelemetry`: a ranking with a tracer that nobody set up."""

from __future__ import annotations

from rerank_kit import Reranker
from rerank_kit.observe import OpenTelemetry

reranker = Reranker.of(lambda query, texts: [1.0 for _ in texts])
reranker.hooks = [OpenTelemetry()]
assert len(reranker.rerank("which?", ["this", "that"])) == 2

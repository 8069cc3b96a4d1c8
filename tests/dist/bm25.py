"""The extra `bm25`: a first stage without a model."""

from __future__ import annotations

from rerank_kit.bm25 import BM25

((place, score),) = BM25(["Bread is baked.", "Mars is a red planet."]).best("Which planets are red?", 1)
assert place == 1
assert score > 0

"""The extra `embedded`: the model that comes with it."""

from __future__ import annotations

from rerank_kit.local import OnnxCrossEncoder

ranking = OnnxCrossEncoder().rerank("Which planet is red?", ["Bread is baked.", "Mars is the red planet.", ""])
assert [hit.index for hit in ranking] == [1, 0, 2]
assert round(ranking[0].score, 2) == 1

"""A cascade as a LangChain document compressor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import SerializeAsAny
from typing_extensions import override

from langchain_rerank_kit.compressor import RerankCompressor
from rerank_kit import Budget, Cascade, Reranker, Stage


class CascadeRerank(RerankCompressor):
    """Reranks in stages: cheap and broad first, dear and precise on what is left.

    For stages with conditions, pass a cascade of your own: `RerankCompressor(reranker=Cascade(Stage(…, when=…)))`.

    Attributes:
        stages: Our document compressors, in order. Their `top_n`, `threshold` and `timeout` are those of the stages.
        budget: Seconds for the whole, or a `rerank_kit.Budget`.
        on_budget: What a used-up budget does: `"return"` gives the ranking so far, `"raise"` raises.
        keep_rest: Whether documents that stages leave out are kept below the others.
        top_n: How many documents to return at most; by default all that the stages leave.
    """

    stages: Sequence[SerializeAsAny[RerankCompressor]]
    budget: Budget | float | None = None
    on_budget: Literal["return", "raise"] = "return"
    keep_rest: bool = False
    top_n: int | None = None

    @override
    def _build(self) -> Reranker:
        stages = (Stage(each.loaded, each.top_n, each.threshold, each.timeout) for each in self.stages)
        return Cascade(*stages, budget=self.budget, on_budget=self.on_budget, keep_rest=self.keep_rest)

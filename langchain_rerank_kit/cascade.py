"""A cascade as a LangChain document compressor."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, SerializeAsAny

from langchain_rerank_kit.compressor import RerankCompressor
from rerank_kit.fields import CascadeFields


class CascadeRerank(CascadeFields, RerankCompressor):
    """Reranks in stages: cheap and broad first, dear and precise on what is left.

    For stages with conditions, pass a cascade of your own: `RerankCompressor(reranker=Cascade(Stage(…, when=…)))`.
    """

    stages: Sequence[SerializeAsAny[RerankCompressor]] = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
        description="Our compressors, in order. Their `top_n`, `threshold` and `timeout` are those of the stages."
    )

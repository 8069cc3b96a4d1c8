"""A cascade as a LangChain document compressor."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, SerializeAsAny
from typing_extensions import override

from langchain_rerank_kit.compressor import RerankCompressor
from rerank_kit import ConfigurationError, Reranker
from rerank_kit.fields import CascadeFields


class CascadeRerank(CascadeFields, RerankCompressor):
    """Reranks in stages: cheap and broad first, dear and precise on what is left.

    For stages with conditions, pass a cascade of your own: `RerankCompressor(reranker=Cascade(Stage(…, when=…)))`.
    """

    stages: Sequence[SerializeAsAny[RerankCompressor]] = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
        description="Our compressors, in order. Their `top_n`, `threshold` and `timeout` are those of the stages; "
        "what they read of a document is decided by the `text` of the cascade."
    )

    @override
    def _build(self) -> Reranker:
        for place, each in enumerate(self.stages):
            if each.text is not None:
                msg = f"stages[{place}] has a text= of its own: all stages read the same, so pass text= to the cascade"
                raise ConfigurationError(msg)
        return super()._build()

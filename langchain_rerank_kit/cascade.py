"""A cascade as a LangChain document compressor."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, SerializeAsAny, field_validator

from langchain_rerank_kit.compressor import RerankCompressor
from rerank_kit import ConfigurationError
from rerank_kit.fields import CascadeFields


class CascadeRerank(CascadeFields, RerankCompressor):
    """Reranks in stages: cheap and broad first, dear and precise on what is left.

    For stages with conditions, pass a cascade of your own: `RerankCompressor(reranker=Cascade(Stage(…, when=…)))`.
    """

    stages: Sequence[SerializeAsAny[RerankCompressor]] = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
        description="Our compressors, in order. Their `top_n`, `threshold` and `timeout` are those of the stages; "
        "`text` and `distinct` are those of the cascade."
    )

    @field_validator("stages")
    @classmethod
    def _of_the_whole(cls, stages: Sequence[RerankCompressor]) -> Sequence[RerankCompressor]:
        """Refuse in a stage what is decided for all of them, and would not be followed."""
        for place, each in enumerate(stages):
            for name, value, default in (("text", each.text, None), ("distinct", each.distinct, "document")):
                if value != default:
                    msg = f"stages[{place}] has a {name}= of its own: pass {name}= to the cascade, for all of them"
                    raise ConfigurationError(msg)
        return stages

"""Rerankers on this machine as document compressors, in plain fields."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.cross_encoders import BaseCrossEncoder
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import override

from langchain_rerank_kit.compressor import RerankCompressor
from rerank_kit import ConfigurationError
from rerank_kit.fields import CrossEncoderFields, FlashRankFields, LateInteractionFields, RerankFields
from rerank_kit.local import CrossEncoder, Scored
from rerank_kit.local.cross_encoder import Pair
from rerank_kit.reranker import Reranker
from rerank_kit.values import Deadline


class CrossEncoderRerank(CrossEncoderFields, RerankCompressor):
    """A local cross-encoder as a document compressor.

    A drop-in for LangChain's `CrossEncoderReranker`, whose `model=` objects it takes as well. A setting that the
    engine does not have is a `ConfigurationError`.
    """

    model: str | SkipJsonSchema[BaseCrossEncoder] | None = Field(  # type: ignore[assignment]  # it takes more than others
        default=None,
        description='A folder, a hub name such as `"owner/name"`, a LangChain `BaseCrossEncoder`, or `None` for the '
        "embedded English model.",
    )

    @override
    def _build(self) -> Reranker:
        if not isinstance(self.model, BaseCrossEncoder):
            return super()._build()
        for name in CrossEncoderFields.model_fields.keys() - RerankFields.model_fields.keys() - {"model"}:
            if getattr(self, name) != CrossEncoderFields.model_fields[name].default:
                msg = (
                    f"{name} is for a model that is loaded here, and model= is a {type(self.model).__name__}, which is "
                    "used as it is: set it there, or pass the model's name or folder"
                )
                raise ConfigurationError(msg)
        return _LangChainCrossEncoder(self.model)


class FlashRankRerank(FlashRankFields, RerankCompressor):
    """A model of the flashrank package as a document compressor: a drop-in for LangChain's `FlashrankRerank`."""


class LateInteractionRerank(LateInteractionFields, RerankCompressor):
    """A model of late interaction, such as ColBERT, as a document compressor, in plain fields.

    The vectors of documents are computed once and kept: in a file where `store` names one.
    """


class _LangChainCrossEncoder(CrossEncoder):
    """A LangChain cross-encoder, whose scores are taken as they are."""

    def __init__(self, encoder: BaseCrossEncoder) -> None:
        self._encoder = encoder
        self.model = type(encoder).__name__

    @override
    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        scores = self._encoder.score(list(pairs))
        return Scored(scores, [0] * len(scores), [False] * len(scores))

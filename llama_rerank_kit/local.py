"""Rerankers on this machine as node postprocessors, in plain fields."""

from __future__ import annotations

from llama_rerank_kit.postprocessor import RerankPostprocessor
from rerank_kit.fields import CrossEncoderFields, FlashRankFields, LateInteractionFields


class CrossEncoderRerank(CrossEncoderFields, RerankPostprocessor):
    """A local cross-encoder as a node postprocessor, in plain fields.

    It takes the place of LlamaIndex's `SentenceTransformerRerank`. A setting that the engine does not have is a
    `ConfigurationError`.
    """


class FlashRankRerank(FlashRankFields, RerankPostprocessor):
    """A model of the flashrank package as a node postprocessor, in plain fields.

    It takes the place of LlamaIndex's class of the same name, with memory that does not grow with the number of nodes.
    """


class LateInteractionRerank(LateInteractionFields, RerankPostprocessor):
    """A model of late interaction, such as ColBERT, as a node postprocessor, in plain fields.

    It takes the place of LlamaIndex's `ColbertRerank`. The vectors of nodes' texts are computed once and kept: in a
    file where `store` names one.
    """

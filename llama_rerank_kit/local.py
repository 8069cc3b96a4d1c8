"""Rerankers on this machine as node postprocessors, in plain fields."""

from __future__ import annotations

from llama_rerank_kit.postprocessor import RerankPostprocessor
from rerank_kit.fields import CrossEncoderFields, FlashRankFields


class CrossEncoderRerank(CrossEncoderFields, RerankPostprocessor):
    """A local cross-encoder as a node postprocessor, in plain fields.

    It takes the place of LlamaIndex's `SentenceTransformerRerank`. A setting that the engine does not have is a
    `ConfigurationError`.
    """


class FlashRankRerank(FlashRankFields, RerankPostprocessor):
    """A model of the flashrank package as a node postprocessor, in plain fields.

    It takes the place of LlamaIndex's class of the same name, with memory that does not grow with the number of nodes.
    """

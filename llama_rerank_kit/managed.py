"""Rerank APIs as node postprocessors. `make classes` writes this file, from `rerank_kit/fields/managed.py`."""

from __future__ import annotations

from llama_rerank_kit.postprocessor import RerankPostprocessor
from rerank_kit.fields import managed

__all__ = [
    "CohereRerank",
    "EndpointRerank",
    "JinaRerank",
    "VoyageRerank",
]


class CohereRerank(managed.CohereFields, RerankPostprocessor):
    """Cohere's rerank models, as a node postprocessor.

    See `rerank_kit.managed.Cohere`; the fields are those of `rerank_kit.fields.managed.CohereFields`.
    """


class EndpointRerank(managed.EndpointFields, RerankPostprocessor):
    """A rerank server: TEI, infinity, vLLM, llama.cpp, SGLang, or an API like one, as a node postprocessor.

    See `rerank_kit.managed.Endpoint`; the fields are those of `rerank_kit.fields.managed.EndpointFields`.
    """


class JinaRerank(managed.JinaFields, RerankPostprocessor):
    """Jina's rerank models, as a node postprocessor.

    See `rerank_kit.managed.Jina`; the fields are those of `rerank_kit.fields.managed.JinaFields`.
    """


class VoyageRerank(managed.VoyageFields, RerankPostprocessor):
    """Voyage's rerank models, as a node postprocessor.

    See `rerank_kit.managed.Voyage`; the fields are those of `rerank_kit.fields.managed.VoyageFields`.
    """

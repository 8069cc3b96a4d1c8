"""Rerank APIs as document compressors. `make classes` writes this file, from `rerank_kit/fields/managed.py`."""

from __future__ import annotations

from langchain_rerank_kit.compressor import RerankCompressor
from rerank_kit.fields import managed

__all__ = [
    "CohereRerank",
    "EndpointRerank",
    "JinaRerank",
    "VoyageRerank",
]


class CohereRerank(managed.CohereFields, RerankCompressor):
    """Cohere's rerank models, as a document compressor.

    See `rerank_kit.managed.Cohere`; the fields are those of `rerank_kit.fields.managed.CohereFields`.
    """


class EndpointRerank(managed.EndpointFields, RerankCompressor):
    """A rerank server: TEI, infinity, vLLM, llama.cpp, SGLang, or an API like one, as a document compressor.

    See `rerank_kit.managed.Endpoint`; the fields are those of `rerank_kit.fields.managed.EndpointFields`.
    """


class JinaRerank(managed.JinaFields, RerankCompressor):
    """Jina's rerank models, as a document compressor.

    See `rerank_kit.managed.Jina`; the fields are those of `rerank_kit.fields.managed.JinaFields`.
    """


class VoyageRerank(managed.VoyageFields, RerankCompressor):
    """Voyage's rerank models, as a document compressor.

    See `rerank_kit.managed.Voyage`; the fields are those of `rerank_kit.fields.managed.VoyageFields`.
    """

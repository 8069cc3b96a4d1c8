"""Reranking for LlamaIndex: `with_rerank` for what you have, or a reranker as a node postprocessor."""

from llama_rerank_kit.cascade import CascadeRerank
from llama_rerank_kit.engines import widening_of, with_rerank
from llama_rerank_kit.nodes import RerankedNode
from llama_rerank_kit.postprocessor import CrossEncoderRerank, RerankPostprocessor
from llama_rerank_kit.retriever import RerankRetriever
from llama_rerank_kit.rules import RuleRerank
from llama_rerank_kit.widening import Change, RecallWarning, Widening, widen

__all__ = [
    "CascadeRerank",
    "Change",
    "CrossEncoderRerank",
    "RecallWarning",
    "RerankPostprocessor",
    "RerankRetriever",
    "RerankedNode",
    "RuleRerank",
    "Widening",
    "widen",
    "widening_of",
    "with_rerank",
]

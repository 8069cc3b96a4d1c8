"""Reranking for LlamaIndex: `with_rerank` for what you have, or a reranker as a node postprocessor."""

from llama_rerank_kit.cascade import CascadeRerank
from llama_rerank_kit.engines import widening_of, with_rerank
from llama_rerank_kit.judge import LlamaIndexChat, LLMJudgeRerank
from llama_rerank_kit.local import CrossEncoderRerank, FlashRankRerank
from llama_rerank_kit.managed import CohereRerank, EndpointRerank, JinaRerank, VoyageRerank
from llama_rerank_kit.nodes import RerankedNode
from llama_rerank_kit.postprocessor import RerankPostprocessor
from llama_rerank_kit.retriever import RerankRetriever
from llama_rerank_kit.rules import RuleRerank
from llama_rerank_kit.widening import Change, RecallWarning, Widening, widen

__all__ = [
    "CascadeRerank",
    "Change",
    "CohereRerank",
    "CrossEncoderRerank",
    "EndpointRerank",
    "FlashRankRerank",
    "JinaRerank",
    "LLMJudgeRerank",
    "LlamaIndexChat",
    "RecallWarning",
    "RerankPostprocessor",
    "RerankRetriever",
    "RerankedNode",
    "RuleRerank",
    "VoyageRerank",
    "Widening",
    "widen",
    "widening_of",
    "with_rerank",
]

"""Reranking for LangChain: wrap a retriever with `with_rerank`, or use a reranker as a document compressor."""

from langchain_rerank_kit.bm25 import BM25Retriever
from langchain_rerank_kit.cascade import CascadeRerank
from langchain_rerank_kit.compressor import RerankCompressor
from langchain_rerank_kit.judge import LangChainChat, LLMJudgeRerank
from langchain_rerank_kit.local import CrossEncoderRerank, FlashRankRerank
from langchain_rerank_kit.managed import CohereRerank, EndpointRerank, JinaRerank, VoyageRerank
from langchain_rerank_kit.retriever import RerankRetriever, with_rerank
from langchain_rerank_kit.rules import RuleRerank
from langchain_rerank_kit.widening import Change, RecallWarning, Widening, widen

__all__ = [
    "BM25Retriever",
    "CascadeRerank",
    "Change",
    "CohereRerank",
    "CrossEncoderRerank",
    "EndpointRerank",
    "FlashRankRerank",
    "JinaRerank",
    "LLMJudgeRerank",
    "LangChainChat",
    "RecallWarning",
    "RerankCompressor",
    "RerankRetriever",
    "RuleRerank",
    "VoyageRerank",
    "Widening",
    "widen",
    "with_rerank",
]

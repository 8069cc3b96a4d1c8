"""Reranking for LangChain: wrap a retriever with `with_rerank`, or use a reranker as a document compressor."""

from typing import TYPE_CHECKING

from langchain_rerank_kit import (
    framework,  # noqa: F401  # pyright: ignore[reportUnusedImport] - before all else, it says what to install
    managed,
)
from langchain_rerank_kit.bm25 import BM25Retriever
from langchain_rerank_kit.cascade import CascadeRerank
from langchain_rerank_kit.compressor import RerankCompressor
from langchain_rerank_kit.contextual import ContextualChunks
from langchain_rerank_kit.contextual_kit import (
    acontextual_retriever,
    contextual_retriever,
    load_contextual_retriever,
)
from langchain_rerank_kit.decide import DecisionRerank, LangChainDecisions
from langchain_rerank_kit.hybrid import ContextualRetriever, HybridRetriever
from langchain_rerank_kit.judge import LangChainChat, LLMJudgeRerank
from langchain_rerank_kit.local import CrossEncoderRerank, FlashRankRerank, LateInteractionRerank
from langchain_rerank_kit.managed import *  # noqa: F403 - the class of each vendor, so that none is forgotten here
from langchain_rerank_kit.retriever import RerankRetriever
from langchain_rerank_kit.rules import RuleRerank
from langchain_rerank_kit.widening import widen
from langchain_rerank_kit.wrapping import with_rerank
from rerank_kit.fields.other_names import no_such_name
from rerank_kit.first_stage import Change, RecallWarning, Widening

__all__ = [
    "BM25Retriever",
    "CascadeRerank",
    "Change",
    "ContextualChunks",
    "ContextualRetriever",
    "CrossEncoderRerank",
    "DecisionRerank",
    "FlashRankRerank",
    "HybridRetriever",
    "LLMJudgeRerank",
    "LangChainChat",
    "LangChainDecisions",
    "LateInteractionRerank",
    "RecallWarning",
    "RerankCompressor",
    "RerankRetriever",
    "RuleRerank",
    "Widening",
    "acontextual_retriever",
    "contextual_retriever",
    "load_contextual_retriever",
    "widen",
    "with_rerank",
]
__all__ += managed.__all__

if not TYPE_CHECKING:  # type checkers would take any name for one that is there

    def __getattr__(name: str) -> object:
        """Say what a class of the framework is called here."""
        raise no_such_name(__name__, name)

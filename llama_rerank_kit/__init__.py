"""Reranking for LlamaIndex: `with_rerank` for what you have, or a reranker as a node postprocessor."""

from typing import TYPE_CHECKING

from llama_rerank_kit import (
    framework,  # noqa: F401  # pyright: ignore[reportUnusedImport] - before all else, it says what to install
    managed,
)
from llama_rerank_kit.cascade import CascadeRerank
from llama_rerank_kit.contextual import ContextualChunks
from llama_rerank_kit.contextual_kit import (
    acontextual_retriever,
    contextual_retriever,
    load_contextual_retriever,
)
from llama_rerank_kit.decide import DecisionRerank
from llama_rerank_kit.explaining import aexplain, explain
from llama_rerank_kit.hybrid import ContextualRetriever, HybridRetriever
from llama_rerank_kit.judge import LlamaIndexChat, LLMJudgeRerank
from llama_rerank_kit.local import CrossEncoderRerank, FlashRankRerank, LateInteractionRerank
from llama_rerank_kit.managed import *  # noqa: F403 - the class of each vendor, so that none is forgotten here
from llama_rerank_kit.nodes import RerankedNode
from llama_rerank_kit.postprocessor import RerankPostprocessor
from llama_rerank_kit.retriever import RerankRetriever
from llama_rerank_kit.rules import RuleRerank
from llama_rerank_kit.widening import widen
from llama_rerank_kit.wrapping import widening_of, with_rerank
from rerank_kit.fields.other_names import no_such_name
from rerank_kit.first_stage import Change, RecallWarning, Widening

__all__ = [
    "CascadeRerank",
    "Change",
    "ContextualChunks",
    "ContextualRetriever",
    "CrossEncoderRerank",
    "DecisionRerank",
    "FlashRankRerank",
    "HybridRetriever",
    "LLMJudgeRerank",
    "LateInteractionRerank",
    "LlamaIndexChat",
    "RecallWarning",
    "RerankPostprocessor",
    "RerankRetriever",
    "RerankedNode",
    "RuleRerank",
    "Widening",
    "acontextual_retriever",
    "aexplain",
    "contextual_retriever",
    "explain",
    "load_contextual_retriever",
    "widen",
    "widening_of",
    "with_rerank",
]
__all__ += managed.__all__

if not TYPE_CHECKING:  # type checkers would take any name for one that is there

    def __getattr__(name: str) -> object:
        """Say what a class of the framework is called here."""
        raise no_such_name(__name__, name)

"""Contextual Retrieval: chunks get contexts before they are embedded and indexed. Importing this loads no client."""

from rerank_kit.contextual.contexts import (
    Context,
    Contexts,
    ContextSource,
    Failure,
    IncompleteContexts,
    Progress,
    PromptCache,
    with_context,
)
from rerank_kit.contextual.contextualizer import Contextualizer
from rerank_kit.contextual.documents import ChunkedDocument
from rerank_kit.contextual.estimate import ContextEstimate, Way
from rerank_kit.contextual.headings import HeadingContext
from rerank_kit.contextual.pilot import Pilot, pilot
from rerank_kit.contextual.search import bm25, hybrid

__all__ = [
    "ChunkedDocument",
    "Context",
    "ContextEstimate",
    "ContextSource",
    "Contexts",
    "Contextualizer",
    "Failure",
    "HeadingContext",
    "IncompleteContexts",
    "Pilot",
    "Progress",
    "PromptCache",
    "Way",
    "bm25",
    "hybrid",
    "pilot",
    "with_context",
]

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
    "Progress",
    "PromptCache",
    "Way",
    "with_context",
]

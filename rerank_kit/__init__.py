"""Rerankers for retrieval: turn the many documents that a first stage finds into the few that answer.

The back ends live in `rerank_kit.local` and `rerank_kit.managed`. Importing this package loads none of their
dependencies.
"""

from rerank_kit.cache.cached import Cached
from rerank_kit.cache.sqlite import SQLiteStore
from rerank_kit.cache.store import MemoryStore, Store
from rerank_kit.combine.blended import Blended
from rerank_kit.combine.calibrated import Calibrated, Calibration
from rerank_kit.combine.cascade import Cascade
from rerank_kit.combine.fallback import Fallback
from rerank_kit.combine.hedged import Hedged
from rerank_kit.combine.shadow import Shadow
from rerank_kit.combine.stages import Budget, Stage
from rerank_kit.errors import (
    AllFailed,
    AuthenticationError,
    BackendError,
    BlankQuery,
    BudgetExceeded,
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidResponse,
    MissingExtra,
    RateLimited,
    RerankError,
    ShuttingDown,
    StatusError,
    WrongArguments,
)
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker
from rerank_kit.rules import Rules
from rerank_kit.values import Deadline, Document, Hit, Span, Usage

__version__ = "0.1.0.dev0"

__all__ = [
    "AllFailed",
    "AuthenticationError",
    "BackendError",
    "BlankQuery",
    "Blended",
    "Budget",
    "BudgetExceeded",
    "Cached",
    "Calibrated",
    "Calibration",
    "Cascade",
    "ConfigurationError",
    "ConnectionFailed",
    "Deadline",
    "DeadlineExceeded",
    "Document",
    "Fallback",
    "Hedged",
    "Hit",
    "InvalidResponse",
    "MemoryStore",
    "MissingExtra",
    "Ranking",
    "RateLimited",
    "RerankError",
    "Reranker",
    "Rules",
    "SQLiteStore",
    "Shadow",
    "ShuttingDown",
    "Span",
    "Stage",
    "StatusError",
    "Store",
    "Usage",
    "WrongArguments",
]

"""Rerankers behind an API: managed ones, and servers of your own. Importing this package loads no client."""

from rerank_kit.api.check_report import Check, Finding
from rerank_kit.api.client import ClientOptions
from rerank_kit.api.rate_limit import RateLimit
from rerank_kit.api.retry import Backoff
from rerank_kit.managed.base import ManagedReranker, Options
from rerank_kit.managed.cohere import Cohere
from rerank_kit.managed.endpoint import Endpoint
from rerank_kit.managed.formats import FormatName
from rerank_kit.managed.jina import Jina
from rerank_kit.managed.self_test import SelfTestWarning
from rerank_kit.managed.split import Limits
from rerank_kit.managed.voyage import Voyage

__all__ = [
    "Backoff",
    "Check",
    "ClientOptions",
    "Cohere",
    "Endpoint",
    "Finding",
    "FormatName",
    "Jina",
    "Limits",
    "ManagedReranker",
    "Options",
    "RateLimit",
    "SelfTestWarning",
    "Voyage",
]

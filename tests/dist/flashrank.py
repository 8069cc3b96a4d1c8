"""The extra `flashrank`: without a network its models cannot be had; a wrong name is told with those that there are."""

from __future__ import annotations

from rerank_kit import ConfigurationError
from rerank_kit.local import FlashRank

try:
    FlashRank("no-such-model")
except ConfigurationError as error:
    assert "ms-marco-MiniLM-L-12-v2" in str(error), str(error)
else:
    raise AssertionError

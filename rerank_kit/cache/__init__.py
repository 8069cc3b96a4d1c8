"""Each score is computed once, then read from a store, in memory or in a file."""

from rerank_kit.cache.cached import Cached
from rerank_kit.cache.sqlite import SQLiteStore
from rerank_kit.cache.store import Kept, Key, MemoryStore, Store

__all__ = ["Cached", "Kept", "Key", "MemoryStore", "SQLiteStore", "Store"]

"""Late interaction (ColBERT and its kin): rankings by token vectors, of which documents' are computed once and kept."""

from rerank_kit.late.late_interaction import LateInteraction
from rerank_kit.late.vector_file import SQLiteVectors
from rerank_kit.late.vectors import MemoryVectors, TokenVectors, VectorStore
from rerank_kit.late.warming import Warmed

__all__ = ["LateInteraction", "MemoryVectors", "SQLiteVectors", "TokenVectors", "VectorStore", "Warmed"]

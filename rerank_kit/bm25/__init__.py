"""BM25: words, stems, languages and an index of texts."""

from rerank_kit.bm25.index import AUTO, BM25

__all__ = ["AUTO", "BM25"]

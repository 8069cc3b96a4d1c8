"""Searches over the texts of chunks, for a pilot: BM25, and embeddings beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from rerank_kit.arguments import named
from rerank_kit.bm25 import BM25
from rerank_kit.checks import check_function
from rerank_kit.combine.fusion import reciprocal_rank_fusion
from rerank_kit.errors import ConfigurationError
from rerank_kit.optional import optional

Search: TypeAlias = Callable[[str, int], Sequence[str]]
"""Finds ids for a query, best first, and so many at most."""

Kit: TypeAlias = Callable[[Mapping[str, str]], Search]
"""Makes a search of texts by their ids."""

Vectors: TypeAlias = Sequence[Sequence[float]]


def fused(dense: Sequence[str], sparse: Sequence[str], weights: tuple[float, float]) -> dict[str, float]:
    """Two rankings as one: an id gets `weight / place` of each that has it.

    That is how Anthropic's cookbook fuses them (claude-cookbooks, skills/contextual-embeddings): with the 60 that
    reciprocal rank fusion usually adds to each place, nothing that BM25 alone finds would come in at weights like 0.8
    and 0.2.
    """
    return reciprocal_rank_fusion([dense, sparse], weights=weights, k=0.0)


def bm25(texts: Mapping[str, str]) -> Search:
    """A search by BM25 alone.

    Raises:
        MissingExtra: bm25s or PyStemmer is not installed.
    """
    ids, index = list(texts), BM25(list(texts.values()))
    return lambda query, limit: [ids[place] for place, _ in index.best(query, limit)]


@named
def hybrid(
    embed_documents: Callable[[list[str]], Vectors],
    embed_query: Callable[[str], Sequence[float]] | None = None,
    *,
    weights: tuple[float, float] = (0.8, 0.2),
) -> Kit:
    """Searches by embeddings and by BM25, fused by weighted reciprocal rank, as Contextual Retrieval was published.

    Args:
        embed_documents: The embeddings of texts, such as a LangChain embedding's `embed_documents`.
        embed_query: The embedding of a query; by default as that of a text.
        weights: Of embeddings and of BM25.

    Raises:
        ConfigurationError: A function or a weight is none.
    """
    check_function("embed_documents", embed_documents, "texts")
    if embed_query is not None:
        check_function("embed_query", embed_query, "query")
    fused([], [], weights)  # which checks them

    def kit(texts: Mapping[str, str]) -> Search:
        numpy = optional("numpy", extra="eval", why="A search by embeddings")
        ids, sparse = list(texts), bm25(texts)
        vectors = _directions(numpy, embed_documents(list(texts.values())), len(ids))

        def search(query: str, limit: int) -> Sequence[str]:
            asked = embed_documents([query])[0] if embed_query is None else embed_query(query)
            near = (-(vectors @ _directions(numpy, [asked], 1)[0])).argsort(kind="stable")[:limit]
            dense = [ids[int(place)] for place in near]
            return list(fused(dense, sparse(query, limit), weights))[:limit]

        return search

    return kit


def _directions(numpy: Any, vectors: Vectors, count: int) -> Any:
    """Vectors of length one, so that their products are cosines."""
    found = numpy.asarray(vectors, dtype=float)
    if found.ndim != 2 or len(found) != count or not numpy.isfinite(found).all():  # noqa: PLR2004 - a table
        msg = f"embed_documents must give a vector of finite numbers for each of {count} texts, all of one length"
        raise ConfigurationError(msg)
    return found / numpy.maximum(numpy.linalg.norm(found, axis=1, keepdims=True), 1e-12)

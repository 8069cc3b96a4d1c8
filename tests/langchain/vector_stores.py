"""Vector stores that are named, signed and cut short as those in their packages are, over a thousand notes.

Each says from which version of which package its signature comes. What they find is what the real ones find: so many
nearest notes, filtered before or afterwards, and what a server refuses is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from langchain_core.documents import Document
from langchain_core.vectorstores import VectorStore
from typing_extensions import override

SIZE = 1_000
NOTES = [Document(page_content=f"note {number}", id=str(number), metadata={"n": number}) for number in range(SIZE)]

Filter = Callable[[dict[str, Any]], bool]


def one_in_ten(metadata: dict[str, Any]) -> bool:
    """A filter that a hundred notes pass."""
    return bool(metadata["n"] % 10 == 0)


def passing(found: list[Document], given: Filter | None) -> list[Document]:
    return found if given is None else [note for note in found if given(note.metadata)]


class Refused(Exception):
    """What a server answers to numbers that it does not take."""


class Notes(VectorStore):
    """What they share: the notes are as near as their number is low."""

    @classmethod
    @override
    def from_texts(cls, texts: Any, embedding: Any, metadatas: Any = None, **kwargs: Any) -> Any:
        raise NotImplementedError

    @override
    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """What a store does that counts by k alone and filters first."""
        return passing(NOTES, kwargs.get("filter"))[:k]

    @override
    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        return passing(NOTES, kwargs.get("filter"))[:fetch_k][:k]

    @override
    def similarity_search_with_score(self, query: str, k: int = 4, **kwargs: Any) -> list[tuple[Document, float]]:
        return [(note, 0.9) for note in self.similarity_search(query, k, **kwargs)]

    @override
    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return lambda score: score


class FAISS(Notes):
    """langchain-community 0.4.2: it filters what it has fetched, of which MMR fetches twice as many."""

    @override
    def similarity_search(
        self, query: str, k: int = 4, filter: Filter | None = None, fetch_k: int = 20, **kwargs: Any
    ) -> list[Document]:
        return passing(NOTES[: k if filter is None else fetch_k], filter)[:k]

    @override
    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        return passing(NOTES[: fetch_k if filter is None else fetch_k * 2], filter)[:k]


class ScaNN(FAISS):
    """langchain-community 0.4.2."""


class DenseVectorStrategy:
    """elasticsearch 9.5.1: its `rrf` may be options."""

    def __init__(self, *, hybrid: bool = False, rrf: bool | dict[str, Any] = True) -> None:
        self.hybrid = hybrid
        self.rrf = rrf


class BM25Strategy:
    """elasticsearch 9.5.1: no vectors, so no candidates."""


class ElasticsearchStore(Notes):
    """langchain-elasticsearch 1.0.0: `fetch_k` is `num_candidates`, but with scores and for MMR there is none."""

    def __init__(self, strategy: Any = None) -> None:
        self._store = SimpleNamespace(retrieval_strategy=strategy or DenseVectorStrategy())

    def _search(self, k: int, allowed: Filter | None, num_candidates: int = 50) -> list[Document]:
        strategy = self._store.retrieval_strategy
        if isinstance(strategy, DenseVectorStrategy):
            options = strategy.rrf if strategy.hybrid and isinstance(strategy.rrf, dict) else {}
            if k > num_candidates or num_candidates > 10_000 or k > options.get("rank_window_size", k):
                raise Refused("[num_candidates] cannot be less than [k]")
        return passing(NOTES, allowed)[:k]

    @override
    def similarity_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 50,
        filter: Filter | None = None,
        *,
        custom_query: Any = None,
        doc_builder: Any = None,
        **kwargs: Any,
    ) -> list[Document]:
        return self._search(k, filter, fetch_k)

    @override
    def similarity_search_with_score(
        self, query: str, k: int = 4, filter: Filter | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        return [(note, 0.9) for note in self._search(k, filter)]

    @override
    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, fields: Any = None, **kwargs: Any
    ) -> list[Document]:
        return self._search(fetch_k, None)[:k]


class AsyncElasticsearchStore(ElasticsearchStore):
    """langchain-elasticsearch 1.0.0."""

    @override
    async def asimilarity_search(self, query: str, k: int = 4, fetch_k: int = 50, **kwargs: Any) -> list[Document]:
        return self._search(k, None, fetch_k)

    @override
    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:  # type: ignore[override]
        raise NotImplementedError


def elasticsearch_of_the_community() -> Any:
    """langchain-community 0.4.2: with scores it hands on every argument."""

    class ElasticsearchStore(Notes):
        strategy = SimpleNamespace(hybrid=False)

        @override
        def similarity_search(
            self, query: str, k: int = 4, fetch_k: int = 50, filter: Filter | None = None, **kwargs: Any
        ) -> list[Document]:
            if k > fetch_k:
                raise Refused("[num_candidates] cannot be less than [k]")
            return passing(NOTES, filter)[:k]

    return ElasticsearchStore()


class Milvus(Notes):
    """langchain-milvus 0.4.0: with several vector fields, each is searched for `fetch_k` and the lists are fused."""

    def __init__(self, params: Any, *, fields: int = 1) -> None:
        self.search_params = params
        self.fields = fields

    @property
    def _is_multi_vector(self) -> bool:
        return self.fields > 1

    def _refuse(self, params: Any, limit: int) -> None:
        each = [params] if self.fields == 1 else params
        if any(one["params"].get("ef", limit) < limit for one in each):
            raise Refused("ef should be larger than k")

    @override
    def similarity_search(
        self, query: str, k: int = 4, param: Any = None, expr: Filter | None = None, timeout: Any = None, **kwargs: Any
    ) -> list[Document]:
        if not self._is_multi_vector and "fetch_k" in kwargs:
            raise Refused("fetch_k is no argument of a search")
        limit = kwargs.get("fetch_k", 4) if self._is_multi_vector else k
        self._refuse(param or self.search_params, limit)
        return passing(NOTES, expr)[:limit][:k]

    @override
    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        param: Any = None,
        expr: Filter | None = None,
        timeout: Any = None,
        **kwargs: Any,
    ) -> list[Document]:
        self._refuse(param or self.search_params, fetch_k)
        return passing(NOTES, expr)[:fetch_k][:k]


class Zilliz(Milvus):
    """langchain-milvus 0.4.0."""


class LanceDB(Notes):
    """langchain-community 0.4.2: it filters the rows that it has found, unless it is told to filter first."""

    @override
    def similarity_search(
        self,
        query: str,
        k: int | None = None,
        name: str | None = None,
        filter: Filter | None = None,
        fts: bool | None = False,
        **kwargs: Any,
    ) -> list[Document]:
        first = passing(NOTES, filter) if kwargs.get("prefilter", False) else NOTES
        return passing(first[: 4 if k is None else k], filter)

    @override
    def max_marginal_relevance_search(
        self,
        query: str,
        k: int | None = None,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        return passing(NOTES[:fetch_k], filter)[: 4 if k is None else k]

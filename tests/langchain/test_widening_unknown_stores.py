"""Vector stores that are in no table: what is raised by their signatures, and what is named where nothing is known."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import RetrieverLike
from langchain_core.vectorstores import VectorStore

from langchain_rerank_kit import RecallWarning, widen, with_rerank
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.langchain.stores import RECALL, answer, brought
from tests.langchain.test_widening_stores import UNDER, K, lines, searching
from tests.langchain.vector_stores import FAISS, NOTES, Filter, Notes, one_in_ten, passing


def one_in_fifty(metadata: dict[str, Any]) -> bool:
    return bool(metadata["n"] % 50 == 0)


def given(store: VectorStore, name: str, value: int | None) -> RetrieverLike:
    return store.as_retriever(search_kwargs={name: value})


class Own(Notes):
    """It filters what it has fetched, and by itself it fetches what it finds right."""

    def similarity_search(
        self, query: str, k: int = 4, *, where: Filter | None = None, num_candidates: int | None = None, **kwargs: Any
    ) -> list[Document]:
        return passing(NOTES[: num_candidates or 30], where)[:k]

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        return passing(NOTES[:fetch_k], kwargs.get("where"))[:k]


class Plain(Notes):
    """All that it takes beside k, it takes by **kwargs."""

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        return passing(NOTES[: kwargs.get("fetch_k", SIZE_OF_ITS_OWN)], kwargs.get("filter"))[:k]


SIZE_OF_ITS_OWN = 30


def beyond_k(told: str, beyond: str = "k") -> str:
    return f"note: : nothing is known of {told.format(f'beyond {beyond}')}, or pass widen="


# ── The number in a remedy is the one that counted ──


@pytest.mark.parametrize(
    ("search_type", "name", "number"), [("similarity", "num_candidates", 500), ("mmr", "fetch_k", 100)]
)
def test_a_remedy_names_the_number_that_was_in_force(search_type: str, name: str, number: int, colour: Colour) -> None:
    retriever = searching(Own(), search_type, where=one_in_fifty)
    remedy = f"Own: a filter may see only {number} documents; set search_kwargs['{name}'] higher"
    assert widen(retriever, RECALL).remedies == (remedy,)
    with pytest.warns(RecallWarning) as caught:
        answer(colour, with_rerank(retriever, Scripted(), recall=RECALL))
    assert [remedy in str(warning.message) for warning in caught] == [True]


def test_a_default_that_was_enough_is_the_number_in_force() -> None:
    class Enough(Notes):
        def similarity_search(  # type: ignore[override]
            self, query: str, k: int = 4, fetch_k: int = 60, where: Filter | None = None
        ) -> list[Document]:
            return passing(NOTES[:fetch_k], where)[:k]

        def max_marginal_relevance_search(
            self, query: str, k: int = 4, fetch_k: int = 70, lambda_mult: float = 0.5, **kwargs: Any
        ) -> list[Document]:
            return NOTES[:fetch_k][:k]

    told = "Enough: a filter may see only {} documents; set search_kwargs['fetch_k'] higher"
    assert widen(searching(Enough()), 6).remedies == (told.format(60),)
    assert widen(searching(Enough(), "mmr"), 6).remedies == (told.format(70),)


def test_a_number_that_the_search_by_score_does_not_name_is_left_alone_and_named() -> None:
    retriever = searching(Own(), "similarity_score_threshold")
    told = "Own {}; its search takes num_candidates: set it in search_kwargs if it caps"
    assert lines(retriever) == [K, UNDER, beyond_k(told)]
    assert "0 documents" not in "".join(widen(retriever, RECALL).remedies)


def test_a_number_that_the_search_by_score_names_rises(colour: Colour) -> None:
    class Scoring(Own):
        def similarity_search_with_score(  # type: ignore[override]
            self, query: str, k: int = 4, num_candidates: int = 30
        ) -> list[tuple[Document, float]]:
            return [(note, 0.9) for note in NOTES[:num_candidates][:k]]

        similarity_search = None  # type: ignore[assignment]

    retriever = searching(Scoring(), "similarity_score_threshold")
    assert lines(retriever) == [K, "['num_candidates']: default → 100", UNDER]
    assert brought(colour, retriever) == RECALL


@pytest.mark.parametrize(("store", "name"), [(Own(), "num_candidates"), (FAISS(), "fetch_k")])
def test_none_is_no_number(store: VectorStore, name: str) -> None:
    assert "None" not in "".join(widen(given(store, name, None), RECALL).remedies)


def test_a_search_that_the_store_does_not_write_has_no_numbers() -> None:
    class Half(VectorStore):
        @classmethod
        def from_texts(cls, texts: Any, embedding: Any, metadatas: Any = None, **kwargs: Any) -> Any:
            raise NotImplementedError

        def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
            return NOTES[:k]

    assert lines(searching(Half(), "similarity_score_threshold")) == [K, UNDER]
    assert lines(searching(Half(), "mmr")) == [K, "['fetch_k']: default → 100"]


# ── What a user set, the store knows ──


@pytest.mark.parametrize("name", ["fetch_k", "num_candidates"])
@pytest.mark.parametrize("search_type", ["similarity", "similarity_score_threshold"])
def test_a_number_that_a_user_set_rises_where_the_store_takes_it_by_keyword(search_type: str, name: str) -> None:
    assert f"['{name}']: 25 → 100" in lines(searching(Plain(), search_type, **{name: 25}))
    assert f"['{name}']: 25 → 500" in lines(searching(Plain(), search_type, **{name: 25}, filter=one_in_ten))


def test_it_really_brings_more(colour: Colour) -> None:
    assert brought(colour, searching(Plain(), fetch_k=25, filter=one_in_ten)) == RECALL
    assert lines(searching(Plain())) == [K]


# ── What nobody knows is named ──


@pytest.mark.parametrize(
    "name",
    [
        *("prefetch_limit", "ef", "ef_search", "hnsw_ef", "n_candidates", "candidates", "oversample", "oversampling"),
        *("fetch_limit", "num_probes", "nprobe", "limit", "prefetch"),
    ],
)
def test_a_number_of_which_nothing_is_known_is_named_and_left_alone(name: str, colour: Colour) -> None:
    namespace: dict[str, Any] = {"NOTES": NOTES}
    exec(f"def search(self, query, k=4, {name}=20, **kwargs): return NOTES[:{name}][:k]", namespace)  # noqa: S102
    store: Any = type("Mine", (Notes,), {"similarity_search": namespace["search"]})()
    told = f"Mine {{}}; its search takes {name}: set it in search_kwargs if it caps"
    assert lines(searching(store)) == [K, beyond_k(told)]
    assert lines(given(store, name, 30))[1:] == [beyond_k(told)]
    assert lines(given(store, name, 60)) == [K]
    with pytest.warns(RecallWarning, match=f"brought 20 .*Mine: nothing is known of Mine .* takes {name}:"):
        answer(colour, with_rerank(given(store, name, 20), Scripted()))


def test_what_is_no_number_or_caps_nothing_is_not_named() -> None:
    class Chatty(Notes):
        ef_construction = 200
        limiter = "none"
        fetches = True

        def similarity_search(  # type: ignore[override]
            self,
            query: str,
            k: int = 4,
            *,
            prefix: int = 3,
            fetch_vectors: bool = False,
            limits: str = "none",
            before: int | None = None,
        ) -> list[Document]:
            return NOTES[:k]

    assert lines(searching(Chatty())) == [K]


def test_a_number_on_the_store_is_named(colour: Colour) -> None:
    class Holding(Notes):
        probes = 7

        def __init__(self) -> None:
            self.fetch_k = 15

        def similarity_search(self, query: str, k: int = 4, num_candidates: int = 300, **kwargs: Any) -> list[Document]:
            return NOTES[: self.fetch_k][:k]

    told = (
        "Holding {}; the store's own probes is 7: raise it there if it caps; the store's own fetch_k is 15: raise it "
        "there if it caps"
    )
    assert lines(searching(Holding())) == [K, beyond_k(told, "k and num_candidates")]
    with pytest.warns(RecallWarning, match="brought 15 .*the store's own fetch_k is 15"):
        answer(colour, with_rerank(searching(Holding()), Scripted()))


# ── What a store refuses ──


class Limited(Notes):
    """It refuses to fetch more than a hundred, with the same error each time."""

    def __init__(self) -> None:
        self.refusal = ValueError("fetch_k > 100")

    def similarity_search(self, query: str, k: int = 4, fetch_k: int = 30, **kwargs: Any) -> list[Document]:
        if fetch_k > 100:
            raise self.refusal
        return NOTES[:fetch_k][:k]


def test_an_error_of_the_first_stage_says_what_was_raised(colour: Colour) -> None:
    reranked = with_rerank(searching(Limited(), k=60, fetch_k=30, filter=one_in_ten), Scripted())
    with pytest.raises(ValueError, match="fetch_k > 100"):
        answer(colour, reranked)
    with pytest.raises(ValueError, match="fetch_k > 100") as caught:
        answer(colour, reranked)
    (note,) = caught.value.__notes__
    assert note == (
        "with_rerank raised VectorStoreRetriever.search_kwargs['fetch_k']: 30 → 600; if the store refuses that, pass "
        "recall= lower or widen="
    )


def test_where_nothing_was_raised_an_error_is_left_as_it_is(colour: Colour) -> None:
    with pytest.raises(ValueError, match="fetch_k > 100") as caught:
        answer(colour, with_rerank(searching(Limited(), k=60, fetch_k=700), Scripted()))
    assert not hasattr(caught.value, "__notes__")

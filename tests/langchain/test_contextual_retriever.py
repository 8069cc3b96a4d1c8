"""Contextual Retrieval for LangChain: documents come, change and go; what failed is completed."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest
from langchain_classic.retrievers.document_compressors import DocumentCompressorPipeline
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_text_splitters import CharacterTextSplitter
from typing_extensions import override

import langchain_rerank_kit as kit
from langchain_rerank_kit import BM25Retriever, ContextualRetriever, HybridRetriever, RerankCompressor, with_rerank
from rerank_kit import ConfigurationError
from rerank_kit.contextual import Contextualizer, HeadingContext
from rerank_kit.judge import Anthropic
from rerank_kit.testing import ChatServer
from tests.conftest import Colour
from tests.contextual.indexes import Titled
from tests.doubles import Failing, Scripted
from tests.odd_arguments import ODD, Hostile, refused

SPLITTER = CharacterTextSplitter(separator="\n\n", chunk_size=30, chunk_overlap=0)
Made = HybridRetriever | ContextualRetriever


@dataclass
class Words(Embeddings):
    """Texts are near that have words in common. It remembers what it embedded, and fails when it is told to."""

    embedded: list[str] = field(default_factory=list[str])
    fails: bool = False

    @override
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if self.fails:
            raise ConnectionError
        self.embedded += texts
        return [self.embed_query(text) for text in texts]

    @override
    def embed_query(self, text: str) -> list[float]:
        vector = [0.01] * 64
        for word in text.lower().split():
            vector[sum(map(ord, word)) % 64] += 1.0
        return vector


def tax(threshold: str = "75,000", **metadata: Any) -> Document:
    text = f"# GST\n\n## Threshold\n\nIt is {threshold} dollars.\n\n## Registration\n\nIt is online."
    return Document(text, metadata={"source": "gst.md", **metadata})


def roads() -> Document:
    return Document("# Roads\n\n## Limit\n\nIt is 120 outside of towns.", id="roads", metadata={"source": "roads.md"})


class Maker:
    """Makes retrievers, over a vector store of its own, and in the colour of the test."""

    def __init__(self, colour: Colour) -> None:
        self.colour = colour
        self.words = Words()
        self.store = InMemoryVectorStore(self.words)

    def __call__(self, documents: Sequence[Document], reranker: Any = None, **settings: Any) -> Any:
        return self.colour(_Functions, "contextual_retriever", documents, self.store, reranker, **self.given(settings))

    def load(self, folder: Path, reranker: Any = None, **settings: Any) -> Any:
        load: Any = kit.load_contextual_retriever
        return load(folder, self.store, reranker, **self.given(settings))

    def given(self, settings: dict[str, Any]) -> dict[str, Any]:
        return {"splitter": SPLITTER, **settings}

    def found(self, retriever: BaseRetriever, query: str, **call: Any) -> list[str]:
        return [each.metadata["original_text"] for each in self.colour(retriever, "invoke", query, **call)]

    def stored(self) -> list[str]:
        return sorted(each["text"] for each in self.store.store.values())


class _Functions:
    contextual_retriever = staticmethod(kit.contextual_retriever)
    acontextual_retriever = staticmethod(kit.acontextual_retriever)


@pytest.fixture
def make(colour: Colour) -> Maker:
    return Maker(colour)


# ── What is found ──


def test_a_chunk_is_found_by_its_context(make: Maker) -> None:
    retriever = make([tax(), roads()])
    assert isinstance(retriever, HybridRetriever)
    assert "It is 75,000 dollars." in make.found(retriever, "GST threshold dollars", k=2)
    assert "It is 120 outside of towns." in make.found(retriever, "Roads limit", k=2)
    assert retriever.document_ids == ["gst.md", "roads"]


def test_the_reranker_reads_chunks_without_contexts_and_leaves_the_best(make: Maker) -> None:
    reranker = Scripted(score=len)
    retriever = make([tax(), roads()], reranker, top_n=2)
    assert isinstance(retriever, ContextualRetriever)
    found = make.colour(retriever, "invoke", "GST threshold")
    assert [each.page_content for each in found] == [
        "gst.md › GST › Registration\n\n## Registration\n\nIt is online.",
        "roads.md › Roads › Limit\n\nIt is 120 outside of towns.",
    ]
    assert [each.metadata["relevance_score"] for each in found] == [30.0, 27.0]
    assert all("›" not in document.text for _, documents in reranker.sent for document in documents)
    assert all(each.metadata["earlier_relevance_scores"] for each in found)


def lengths(query: str, texts: list[str]) -> list[float]:
    return [float(len(each)) for each in texts]


@pytest.mark.parametrize(
    "given",
    [
        Scripted(score=len),
        RerankCompressor(reranker=Scripted(score=len)),
        lengths,
    ],
    ids=["core", "compressor", "function"],
)
def test_any_reranker_of_ours_will_do(given: Any) -> None:
    maker = Maker(_blocking)
    assert len(maker.found(maker([tax(), roads()], given, top_n=1), "it is")) == 1


def _blocking(thing: object, method: str, /, *args: Any, **kwargs: Any) -> Any:
    return getattr(thing, method)(*args, **kwargs)


def test_a_compressor_that_was_told_what_to_read_reads_that(make: Maker) -> None:
    reranker = Scripted(score=len)
    retriever = make([roads()], RerankCompressor(reranker=reranker, text="{context}"), top_n=1)
    make.found(retriever, "limit")
    assert {document.text for _, documents in reranker.sent for document in documents} == {
        "roads.md › Roads",
        "roads.md › Roads › Limit",
    }


def test_it_is_a_rerank_retriever_like_any_other(make: Maker) -> None:
    retriever = make([tax(), roads()], Failing(RuntimeError("down")), top_n=2)
    retriever.on_error = "keep"
    found = make.colour(retriever, "invoke", "GST threshold")
    assert [each.metadata["rerank_failed"] for each in found] == ["RuntimeError: down"] * 2
    assert "HybridRetriever" in str(retriever.explain("GST threshold"))
    assert retriever.recall == 150


@pytest.mark.filterwarnings("ignore::langchain_rerank_kit.RecallWarning")
def test_a_hybrid_retriever_can_be_given_a_reranker_later(make: Maker) -> None:
    hybrid = make([tax(), roads()])
    retriever = with_rerank(hybrid, Scripted(score=len), recall=50, top_n=1)
    assert cast("HybridRetriever", retriever.base_retriever).k == 50
    assert len(make.found(retriever, "limit")) == 1


def test_weights_and_numbers_count(make: Maker) -> None:
    retriever = make([tax(), roads()], weights=(0.0, 1.0), top_n=2)
    assert len(make.found(retriever, "it is")) == 2
    assert len(make.found(retriever, "it is", k=3)) == 3
    assert make.found(retriever, "roads") == make.found(retriever.model_copy(update={"weights": (0, 5)}), "roads")
    (best,) = make.colour(retriever, "invoke", "outside")
    assert best.metadata["relevance_score"] == pytest.approx(1.0)
    assert str(retriever) == repr(retriever)
    assert repr(retriever) == (
        "HybridRetriever(vector_store='InMemoryVectorStore', contexts='HeadingContext', documents=2, k=2, recall=150, "
        "weights=(0.0, 1.0))"
    )
    assert str(retriever) == repr(retriever)


def test_what_comes_out_can_be_changed_and_nothing_given_is(make: Maker) -> None:
    given = [tax(), roads()]
    before = copy.deepcopy(given)
    retriever = make(given)
    for each in make.colour(retriever, "invoke", "it is"):
        each.metadata.clear()
        each.page_content = ""
    for row in make.store.store.values():
        row["metadata"].clear()
    assert any("It is online." in each for each in make.found(retriever, "GST online"))
    assert given == before


def test_without_a_splitter_chunks_are_long_and_whole(make: Maker) -> None:
    make([tax()], splitter=None)
    assert make.stored() == [f"gst.md › GST\n\n{tax().page_content}"]


def test_contexts_of_a_model_are_what_is_embedded(make: Maker, tmp_path: Path) -> None:
    pytest.importorskip("anthropic")
    with ChatServer(context=lambda document, chunk: f"Of {document[2:5]}.") as server:
        model = Anthropic("claude-haiku-5-5", api_key="k", base_url=server.base_url("anthropic"))
        make([tax()], contexts=Contextualizer(model, store=tmp_path / "contexts.db", max_cost=5))
    assert "Of GST.\n\nIt is 75,000 dollars." in make.stored()


# ── What changes ──


def test_documents_come_change_and_go(make: Maker) -> None:
    retriever = make([])
    assert make.found(retriever, "limit") == []
    make.colour(retriever, "add", [tax()])
    make.colour(retriever, "add", [roads()])
    make.colour(retriever, "add", [tax("100,000")])
    assert "It is 100,000 dollars." in make.found(retriever, "GST threshold dollars", k=2)
    assert not any("75,000" in each for each in make.stored())
    make.colour(retriever, "remove", ["gst.md"])
    assert retriever.document_ids == ["roads"]
    assert make.stored() == sorted(f"{each}" for each in make.stored() if each.startswith("roads.md"))
    with pytest.raises(ConfigurationError, match=r"no document 'gst\.md'"):
        make.colour(retriever, "remove", ["gst.md"])
    with pytest.raises(ConfigurationError, match="ids must be a list"):
        make.colour(retriever, "remove", "roads")


def test_what_is_unchanged_is_neither_asked_about_nor_embedded_again(make: Maker) -> None:
    source = Titled()
    retriever = make([tax(), roads()], contexts=source)
    asked, embedded = len(source.asked), len(make.words.embedded)
    make.colour(retriever, "add", [tax("100,000"), roads()])
    assert source.asked[asked:] == ["It is 100,000 dollars."]
    assert len(make.words.embedded) == embedded + 1


def test_other_metadata_take_the_place_of_the_old_ones(make: Maker) -> None:
    retriever = make([tax(year=2024)])
    make.colour(retriever, "add", [tax(year=2025)])
    assert {row["metadata"]["year"] for row in make.store.store.values()} == {2025}
    assert {each.metadata["year"] for each in make.colour(retriever, "invoke", "GST")} == {2025}


def test_where_embedding_fails_what_was_there_is_found_and_the_next_add_completes_it(make: Maker) -> None:
    retriever = make([tax()])
    make.words.fails = True
    with pytest.raises(ConnectionError):
        make.colour(retriever, "add", [tax("100,000"), roads()])
    make.words.fails = False
    assert "It is 75,000 dollars." in make.found(retriever, "GST threshold dollars")
    make.colour(retriever, "add", [])
    assert "It is 100,000 dollars." in make.found(retriever, "GST threshold dollars")
    assert retriever.document_ids == ["gst.md", "roads"]


def test_a_reranked_retriever_grows_too_and_so_do_its_copies(make: Maker) -> None:
    retriever = make([tax()], Scripted(score=len), top_n=1)
    make.colour(retriever, "add", [roads()])
    retriever.recall = 20
    copied = retriever.model_copy(update={"top_n": 3})
    make.colour(copied, "remove", ["gst.md"])
    assert retriever.document_ids == copied.document_ids == ["roads"]
    retriever.base_retriever = BM25Retriever.from_texts(["a"] * 30, k=30)
    assert len(make.colour(retriever, "invoke", "a")) == 1
    with pytest.raises(ConfigurationError, match="base_retriever is no HybridRetriever"):
        make.colour(retriever, "add", [roads()])


# ── What is kept ──


def test_nothing_is_embedded_after_loading(make: Maker, tmp_path: Path) -> None:
    retriever = make([tax(), roads()], Scripted(score=len))
    before = make.found(retriever, "GST threshold")
    retriever.save(tmp_path)
    embedded = len(make.words.embedded)
    loaded = make.load(tmp_path, Scripted(score=len))
    assert make.found(loaded, "GST threshold") == before
    loaded.recall = 200
    assert make.found(loaded, "GST threshold") == before
    make.colour(loaded, "add", [tax(), roads()])
    assert len(make.words.embedded) == embedded
    make.colour(loaded, "add", [tax("100,000")])
    assert len(make.words.embedded) == embedded + 1
    assert make.load(tmp_path).document_ids == ["gst.md", "roads"]


def test_metadata_that_cannot_be_saved_are_named(make: Maker, tmp_path: Path) -> None:
    retriever = make([tax(day=date(2025, 1, 1))])
    with pytest.raises(ConfigurationError, match="cannot be saved"):
        retriever.save(tmp_path)


# ── Vector stores of other kinds ──


class Strict(InMemoryVectorStore):
    """Refuses to delete what is not there and to add what is, as FAISS does, and gives no ids back."""

    looks = True

    @override
    def delete(self, ids: Sequence[str] | None = None, **kwargs: Any) -> None:
        missing = set(ids or ()) - self.store.keys()
        if missing:
            msg = f"there is no {missing}"
            raise ValueError(msg)
        super().delete(ids)

    @override
    def add_documents(self, documents: list[Document], ids: list[str] | None = None, **kwargs: Any) -> list[str]:
        assert not set(ids or ()) & self.store.keys()
        return super().add_documents(documents, ids=ids)

    @override
    async def aadd_documents(self, documents: list[Document], ids: list[str] | None = None, **kwargs: Any) -> list[str]:
        assert not set(ids or ()) & self.store.keys()
        return await super().aadd_documents(documents, ids=ids)

    @override
    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        if not self.looks:
            raise NotImplementedError
        return super().get_by_ids(ids)

    @override
    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        return self.get_by_ids(ids)

    @override
    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        return [each.model_copy(update={"id": None}) for each in super().similarity_search(query, k)]

    @override
    async def asimilarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        return self.similarity_search(query, k)


def test_a_store_that_refuses_to_delete_what_is_not_there_is_completed_too(make: Maker) -> None:
    make.store = Strict(make.words)
    retriever = make([roads()])
    assert make.found(retriever, "limit", k=1)
    make.words.fails = True
    with pytest.raises(ConnectionError):
        make.colour(retriever, "add", [tax()])
    make.words.fails = False
    make.colour(retriever, "add", [tax("100,000")])
    make.colour(retriever, "add", [tax("100,000", year=1)])
    assert len(make.stored()) == 5
    assert retriever.document_ids == ["roads", "gst.md"]


def test_a_store_that_cannot_look_is_asked_to_delete(make: Maker) -> None:
    store = make.store = Strict(make.words)
    retriever = make([roads()])
    make.words.fails = True
    with pytest.raises(ConnectionError):
        make.colour(retriever, "add", [tax()])
    make.words.fails, store.looks = False, False
    with pytest.raises(ValueError, match="there is no"):
        make.colour(retriever, "add", [])


# ── What is refused ──


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"vector_store": "memory"}, "vector_store must be a LangChain vector store"),
        ({"vector_store": InMemoryVectorStore}, "vector_store must be a LangChain vector store"),
        ({"contexts": "headings"}, "contexts must be a ContextSource"),
        ({"splitter": "words"}, "splitter must be a text splitter"),
        ({"recall": 0}, "recall must be"),
        ({"recall": 5}, "recall must be at least top_n"),
        ({"top_n": None}, "top_n must be"),
        ({"top_n": 0}, "top_n must be"),
        ({"weights": (1,)}, "weights must be two numbers"),
        ({"source_key": ""}, "source_key must be"),
        ({"documents": "text"}, "documents must be a list"),
        (
            {"reranker": DocumentCompressorPipeline(transformers=[])},
            "DocumentCompressorPipeline reads the page content alone",
        ),
        ({"reranker": 3}, "reranker must be"),
        ({"rerank": Scripted()}, "rerank"),
    ],
)
def test_arguments_that_cannot_be_are_refused(settings: dict[str, Any], told: str) -> None:
    given: dict[str, Any] = {"documents": [], "vector_store": InMemoryVectorStore(Words()), **settings}
    with pytest.raises(ConfigurationError, match=told):
        kit.contextual_retriever(**given)


@pytest.mark.parametrize("folder", [None, 3, "", b"x"])
def test_what_is_no_folder_is_refused(make: Maker, folder: Any) -> None:
    with pytest.raises(ConfigurationError, match="folder must be the path of a folder"):
        make.load(folder)


def test_timeouts_that_cannot_be_are_refused(make: Maker) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be"):
        make.colour(make([]), "add", [], timeout=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("vector_store", InMemoryVectorStore(Words())), ("contexts", HeadingContext()), ("splitter", SPLITTER)],
)
def test_what_an_index_was_made_with_stays(name: str, value: Any) -> None:
    retriever = HybridRetriever(vector_store=InMemoryVectorStore(Words()))
    with pytest.raises(ConfigurationError, match=f"{name} is what the index was made with"):
        setattr(retriever, name, value)
    retriever.k = 3
    assert retriever.k == 3


def test_a_retriever_can_be_made_by_its_class() -> None:
    retriever = HybridRetriever(vector_store=InMemoryVectorStore(Words()), k=1)
    retriever.add([tax()])
    (found,) = retriever.invoke("GST")
    assert found.metadata["context"] == "gst.md › GST"
    with pytest.raises(ConfigurationError, match="splitter must be"):
        HybridRetriever(vector_store=InMemoryVectorStore(Words()), splitter=3)


ARGUMENTS = (
    *("documents", "vector_store", "contexts", "splitter", "recall", "top_n", "weights", "source_key"),
    "folder",
)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_whatever_an_argument_is_it_is_taken_or_refused(name: str, tmp_path: Path) -> None:
    kit.contextual_retriever([], InMemoryVectorStore(Words())).save(tmp_path)
    function: Any = kit.contextual_retriever if name == "documents" else kit.load_contextual_retriever
    first = "documents" if name == "documents" else "folder"
    usual: dict[str, Any] = {first: tmp_path, "vector_store": InMemoryVectorStore(Words())}
    for odd in ODD.values():
        known = refused(lambda odd=odd: function(**{**usual, name: odd}))  # type: ignore[misc]
        assert known or not isinstance(odd, complex | Hostile)


@pytest.mark.parametrize("name", ["contexts", "splitter", "documents", "source_key", "timeout"])
def test_whatever_a_setting_is_it_is_taken_or_refused(name: str) -> None:
    usual: dict[str, Any] = {} if name == "documents" else {"splitter": SPLITTER}
    for odd in ODD.values():
        known = refused(lambda odd=odd: kit.ContextualChunks(**{**usual, name: odd}))  # type: ignore[misc]
        assert known or not isinstance(odd, complex | Hostile)


@pytest.mark.parametrize(("method", "name"), [("add", "documents"), ("add", "timeout"), ("remove", "ids")])
def test_whatever_is_added_or_removed_is_taken_or_refused(make: Maker, method: str, name: str) -> None:
    retriever = make([])
    usual: dict[str, Any] = {"documents": []} if method == "add" else {}
    for odd in ODD.values():
        known = refused(lambda odd=odd: make.colour(retriever, method, **{**usual, name: odd}))  # type: ignore[misc]
        assert known or not isinstance(odd, complex | Hostile)

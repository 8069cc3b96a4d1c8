"""Contextual Retrieval for LlamaIndex: documents come, change and go; what failed is completed."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import Document, Settings
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.response.schema import Response
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import MarkdownNodeParser
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, QueryBundle, TextNode
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryResult
from pydantic import PrivateAttr
from typing_extensions import override

import llama_rerank_kit as kit
from llama_rerank_kit import ContextualRetriever, HybridRetriever, RerankPostprocessor, with_rerank
from llama_rerank_kit.retriever import RerankRetriever
from rerank_kit import ConfigurationError
from rerank_kit.contextual import Contextualizer
from rerank_kit.judge import Anthropic
from rerank_kit.testing import ChatServer
from tests.conftest import Colour
from tests.contextual.indexes import Titled
from tests.doubles import Failing, Scripted
from tests.odd_arguments import ODD, Hostile, refused

MARKDOWN = MarkdownNodeParser()


class Words(BaseEmbedding):
    """Texts are near that have words in common. It remembers what it embedded, and fails when it is told to."""

    _embedded: list[str] = PrivateAttr(default_factory=list[str])
    _fails: bool = PrivateAttr(default=False)

    @override
    def _get_text_embedding(self, text: str) -> list[float]:
        if self._fails:
            raise ConnectionError
        self._embedded.append(text)
        return self._get_query_embedding(text)

    @override
    def _get_query_embedding(self, query: str) -> list[float]:
        vector = [0.01] * 64
        for word in query.lower().split():
            vector[sum(map(ord, word)) % 64] += 1.0
        return vector

    @override
    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def tax(threshold: str = "75,000", **metadata: Any) -> Document:
    text = f"# GST\n\n## Threshold\n\nIt is {threshold} dollars.\n\n## Registration\n\nIt is online."
    return Document(text=text, id_="gst", metadata={"file_name": "gst.md", **metadata})


def roads() -> Document:
    return Document(text="# Roads\n\n## Limit\n\nIt is 120 outside of towns.", id_="roads")


class _Functions:
    contextual_retriever = staticmethod(kit.contextual_retriever)
    acontextual_retriever = staticmethod(kit.acontextual_retriever)


class Maker:
    """Makes retrievers, over a vector store of its own, and in the colour of the test."""

    def __init__(self, colour: Colour) -> None:
        self.colour = colour
        self.words = Words()
        self.store = SimpleVectorStore()

    def __call__(self, documents: Sequence[Document], reranker: Any = None, **settings: Any) -> Any:
        return self.colour(_Functions, "contextual_retriever", documents, self.store, reranker, **self.given(settings))

    def load(self, folder: Path, reranker: Any = None, **settings: Any) -> Any:
        load: Any = kit.load_contextual_retriever
        return load(folder, self.store, reranker, **self.given(settings))

    def given(self, settings: dict[str, Any]) -> dict[str, Any]:
        return {"splitter": MARKDOWN, "embed_model": self.words, **settings}

    def found(self, retriever: Any, query: str) -> list[str]:
        nodes: list[NodeWithScore] = self.colour(retriever, "retrieve", query)
        return [each.node.get_content(MetadataMode.NONE) for each in nodes]

    @property
    def embedded(self) -> list[str]:
        return self.words._embedded


@pytest.fixture
def make(colour: Colour) -> Maker:
    return Maker(colour)


THRESHOLD = "## Threshold\n\nIt is 75,000 dollars."
RAISED = "## Threshold\n\nIt is 100,000 dollars."
LIMIT = "## Limit\n\nIt is 120 outside of towns."


# ── What is found ──


def test_a_node_is_found_by_its_context(make: Maker) -> None:
    retriever = make([tax(), roads()])
    assert isinstance(retriever, HybridRetriever)
    assert THRESHOLD in make.found(retriever, "GST threshold")[:2]
    assert LIMIT in make.found(retriever, "Roads limit")[:2]
    assert retriever.document_ids == ["gst", "roads"]
    assert any("context: gst.md › GST › Threshold" in each for each in make.embedded)


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_reranker_reads_nodes_without_contexts_and_leaves_the_best(make: Maker, *, wrapped: bool) -> None:
    reranker = Scripted(score=len)
    given = RerankPostprocessor(reranker=reranker) if wrapped else reranker
    retriever = make([tax(), roads()], given, top_n=2)
    assert isinstance(retriever, ContextualRetriever)
    assert isinstance(retriever, RerankRetriever)
    assert make.found(retriever, "it is") == [LIMIT, THRESHOLD]
    assert {document.text for _, documents in reranker.sent for document in documents} >= {LIMIT, THRESHOLD}


def test_a_postprocessor_that_was_told_what_to_read_reads_that(make: Maker) -> None:
    reranker = Scripted(score=len)
    given = RerankPostprocessor(reranker=reranker, metadata_mode=MetadataMode.EMBED)
    make.found(make([roads()], given, top_n=2), "limit")
    assert all(document.text.startswith("context: ") for _, documents in reranker.sent for document in documents)


def test_it_is_a_rerank_retriever_like_any_other(make: Maker) -> None:
    retriever = make([tax(), roads()], Failing(RuntimeError("down")), top_n=2)
    retriever.postprocessor.on_error = "keep"
    found = make.colour(retriever, "retrieve", "GST threshold")
    assert [each.rerank_failed for each in found] == ["RuntimeError: down"] * 2
    assert "HybridRetriever" in str(retriever.explain("GST threshold"))


@pytest.mark.filterwarnings("ignore::llama_rerank_kit.RecallWarning")
def test_a_hybrid_retriever_can_be_given_a_reranker_later(make: Maker) -> None:
    retriever = with_rerank(make([tax(), roads()]), Scripted(score=len), recall=50, top_n=1)
    assert make.found(retriever, "limit") == [THRESHOLD]  # which is the longest with its context
    assert "similarity_top_k=50" in repr(retriever.retriever)


def test_weights_and_numbers_count(make: Maker) -> None:
    retriever = make([tax(), roads()], weights=(0.0, 1.0), top_n=2)
    assert len(make.found(retriever, "it is")) == 2
    (best,) = make.colour(retriever, "retrieve", "outside")
    assert best.score == pytest.approx(1.0)
    assert repr(retriever) == (
        "HybridRetriever(vector_store='SimpleVectorStore', contexts='HeadingContext', documents=2, "
        "similarity_top_k=2, recall=150, weights=(0.0, 1.0))"
    )


def test_an_embedding_that_comes_with_the_query_is_taken(make: Maker) -> None:
    retriever = make([tax(), roads()], weights=(1.0, 0.0), top_n=1)
    near = make.words._get_query_embedding("Roads › Limit ## limit it is 120 outside of towns.")
    (found,) = make.colour(retriever, "retrieve", QueryBundle("anything", embedding=near))
    assert found.node.get_content(MetadataMode.NONE) == LIMIT


@pytest.mark.filterwarnings("ignore")
def test_llms_read_what_was_found_without_contexts() -> None:
    retriever = kit.contextual_retriever([tax()], SimpleVectorStore(), splitter=MARKDOWN, embed_model=Words(), top_n=1)
    answer = RetrieverQueryEngine.from_args(retriever, llm=MockLLM()).query("GST threshold dollars")
    assert isinstance(answer, Response)
    assert "context:" not in str(answer)
    assert "file_name: gst.md" in str(answer)


def test_what_comes_out_can_be_changed_and_nothing_given_is(make: Maker) -> None:
    given = [tax(), roads()]
    before = copy.deepcopy(given)
    retriever = make(given)
    for each in make.colour(retriever, "retrieve", "it is"):
        each.node.metadata.clear()
        each.node.set_content("")
    assert LIMIT in make.found(retriever, "Roads limit")
    assert all(each.node.metadata for each in make.colour(retriever, "retrieve", "it is"))
    assert given == before


def test_without_a_splitter_and_a_model_the_usual_ones_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    words = Words()
    monkeypatch.setattr(Settings, "_embed_model", words)
    retriever = kit.contextual_retriever([tax()], SimpleVectorStore())
    assert len(words._embedded) == 1
    (found,) = retriever.retrieve("GST")
    assert found.node.metadata["context"] == "gst.md › GST"


def test_contexts_of_a_model_are_what_is_embedded(make: Maker, tmp_path: Path) -> None:
    pytest.importorskip("anthropic")
    with ChatServer(context=lambda document, chunk: f"Of {document[2:5]}.") as server:
        model = Anthropic("claude-haiku-5-5", api_key="k", base_url=server.base_url("anthropic"))
        make([tax()], contexts=Contextualizer(model, store=tmp_path / "contexts.db", max_cost=5))
    assert all(each.startswith("context: Of GST.\n") for each in make.embedded)


# ── What changes ──


def test_documents_come_change_and_go(make: Maker) -> None:
    retriever = make([])
    assert make.found(retriever, "limit") == []
    make.colour(retriever, "add", [tax()])
    make.colour(retriever, "add", [roads()])
    make.colour(retriever, "add", [tax("100,000")])
    found = make.found(retriever, "GST threshold dollars")
    assert RAISED in found
    assert THRESHOLD not in found
    assert len(make.store.data.embedding_dict) == 5
    make.colour(retriever, "remove", ["gst"])
    assert (retriever.document_ids, len(make.store.data.embedding_dict)) == (["roads"], 2)
    with pytest.raises(ConfigurationError, match="no document 'gst'"):
        make.colour(retriever, "remove", ["gst"])
    with pytest.raises(ConfigurationError, match="ids must be a list"):
        make.colour(retriever, "remove", "roads")


def test_what_is_unchanged_is_neither_asked_about_nor_embedded_again(make: Maker) -> None:
    source = Titled()
    retriever = make([tax(), roads()], contexts=source)
    asked, embedded = len(source.asked), len(make.embedded)
    make.colour(retriever, "add", [tax("100,000"), roads()])
    assert source.asked[asked:] == [RAISED]
    assert len(make.embedded) == embedded + 1


def test_where_embedding_fails_what_was_there_is_found_and_the_next_add_completes_it(make: Maker) -> None:
    retriever = make([tax()])
    make.words._fails = True
    with pytest.raises(ConnectionError):
        make.colour(retriever, "add", [tax("100,000"), roads()])
    make.words._fails = False
    assert THRESHOLD in make.found(retriever, "GST threshold dollars")
    make.colour(retriever, "add", [])
    assert RAISED in make.found(retriever, "GST threshold dollars")
    assert retriever.document_ids == ["gst", "roads"]


def test_a_reranked_retriever_grows_too(make: Maker) -> None:
    retriever = make([tax()], Scripted(score=len), top_n=1)
    make.colour(retriever, "add", [roads()])
    retriever.recall = 20
    make.colour(copy.copy(retriever), "remove", ["gst"])
    assert retriever.document_ids == ["roads"]
    other = with_rerank(HybridRetriever(SimpleVectorStore(), embed_model=Words()), Scripted(), widen=lambda *_: Says())
    lonely = ContextualRetriever(other.widening, other.postprocessor)
    with pytest.raises(ConfigurationError, match="the first stage is no HybridRetriever"):
        make.colour(lonely, "add", [roads()])


class Says(BaseRetriever):
    """Finds nothing."""

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return []


# ── What is kept ──


def test_nothing_is_embedded_after_loading(make: Maker, tmp_path: Path) -> None:
    retriever = make([tax(), roads()], Scripted(score=len))
    before = make.found(retriever, "GST threshold")
    retriever.save(tmp_path)
    embedded = len(make.embedded)
    make.store = SimpleVectorStore.from_dict(make.store.to_dict())
    loaded = make.load(tmp_path, Scripted(score=len))
    assert make.found(loaded, "GST threshold") == before
    loaded.recall = 200
    assert make.found(loaded, "GST threshold") == before
    make.colour(loaded, "add", [tax(), roads()])
    assert len(make.embedded) == embedded
    make.colour(loaded, "add", [tax("100,000")])
    assert len(make.embedded) == embedded + 1
    assert make.load(tmp_path).document_ids == ["gst", "roads"]


def test_metadata_that_cannot_be_saved_are_named(make: Maker, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be saved"):
        make([tax(day=date(2025, 1, 1))]).save(tmp_path)


# ── Vector stores of other kinds ──


class Async(SimpleVectorStore):
    """Has async methods of its own, and gives nodes back."""

    _called: list[str] = PrivateAttr(default_factory=list[str])

    @override
    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        self._called.append("add")
        return self.add(list(nodes), **kwargs)

    @override
    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        self._called.append("query")
        return self.query(query)

    @override
    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        found = super().query(query)
        return VectorStoreQueryResult(nodes=[TextNode(text="", id_=each) for each in found.ids or ()])


def test_a_stores_own_async_methods_are_taken() -> None:
    store = Async()
    retriever = asyncio.run(
        kit.acontextual_retriever([roads()], store, splitter=MARKDOWN, embed_model=Words(), weights=(1, 0))
    )
    assert len(asyncio.run(retriever.aretrieve("limit"))) == 2
    assert store._called == ["add", "query"]


class InThread(SimpleVectorStore):
    """Remembers in which threads it worked."""

    _threads: set[int] = PrivateAttr(default_factory=set[int])

    @override
    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        self._threads.add(threading.get_ident())
        return super().query(query)


def test_a_store_without_async_methods_never_blocks_the_loop() -> None:
    store = InThread()
    retriever = kit.contextual_retriever([roads()], store, splitter=MARKDOWN, embed_model=Words())
    asyncio.run(retriever.aretrieve("limit"))
    assert threading.get_ident() not in store._threads
    assert len(store._threads) == 1


class Keeping(SimpleVectorStore):
    """Deletes whole documents alone, as many stores do."""

    @override
    def delete_nodes(self, node_ids: list[str] | None = None, filters: Any = None, **delete_kwargs: Any) -> None:
        raise NotImplementedError


def test_a_store_that_cannot_delete_nodes_says_so(make: Maker) -> None:
    make.store = Keeping()
    retriever = make([tax()])
    with pytest.raises(ConfigurationError, match="Keeping cannot delete single nodes"):
        make.colour(retriever, "remove", ["gst"])
    assert THRESHOLD in make.found(retriever, "GST threshold")


# ── What is refused ──


class Theirs(BaseNodePostprocessor):
    """A reranker of another make."""

    top_n: int = 3

    @override
    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return nodes


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"vector_store": "memory"}, "vector_store must be a LlamaIndex vector store"),
        ({"contexts": "headings"}, "contexts must be a ContextSource"),
        ({"splitter": "words"}, "splitter must be a node parser"),
        ({"embed_model": "words"}, "embed_model must be a LlamaIndex embedding model"),
        ({"recall": 0}, "recall must be"),
        ({"recall": 5}, "recall must be at least top_n"),
        ({"top_n": None}, "top_n must be"),
        ({"weights": (1,)}, "weights must be two numbers"),
        ({"documents": "text"}, "documents must be a list"),
        ({"reranker": SimilarityPostprocessor(similarity_cutoff=0.5)}, "SimilarityPostprocessor has no top_n"),
        ({"reranker": Theirs()}, "reranker must be one of ours.*not Theirs"),
        ({"reranker": 3}, "reranker must be"),
        ({"rerank": Scripted()}, "rerank"),
    ],
)
def test_arguments_that_cannot_be_are_refused(settings: dict[str, Any], told: str) -> None:
    given: dict[str, Any] = {"documents": [], "vector_store": SimpleVectorStore(), "embed_model": Words(), **settings}
    with pytest.raises(ConfigurationError, match=told):
        kit.contextual_retriever(**given)


@pytest.mark.parametrize("folder", [None, 3, "", b"x"])
def test_what_is_no_folder_is_refused(make: Maker, folder: Any) -> None:
    with pytest.raises(ConfigurationError, match="folder must be the path of a folder"):
        make.load(folder)


def test_timeouts_that_cannot_be_are_refused(make: Maker) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be"):
        make.colour(make([]), "add", [], timeout=0)


ARGUMENTS = (
    *("documents", "vector_store", "contexts", "splitter", "embed_model", "recall", "top_n", "weights"),
    "folder",
)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_whatever_an_argument_is_it_is_taken_or_refused(name: str, tmp_path: Path) -> None:
    kit.contextual_retriever([], SimpleVectorStore(), embed_model=Words()).save(tmp_path)
    function: Any = kit.contextual_retriever if name == "documents" else kit.load_contextual_retriever
    first = "documents" if name == "documents" else "folder"
    usual: dict[str, Any] = {first: tmp_path, "vector_store": SimpleVectorStore(), "embed_model": Words()}
    odd_ones = [each for each in ODD.values() if name != "embed_model" or each is not None]  # None is that of Settings
    for odd in odd_ones:
        known = refused(lambda odd=odd: function(**{**usual, name: odd}))  # type: ignore[misc]
        assert known or not isinstance(odd, complex | Hostile)


@pytest.mark.parametrize("name", ["contexts", "splitter", "documents", "key", "timeout", "fingerprint"])
def test_whatever_a_setting_is_it_is_taken_or_refused(name: str) -> None:
    for odd in ODD.values():
        known = refused(lambda odd=odd: kit.ContextualChunks(**{name: odd}))  # type: ignore[misc]
        assert known or not isinstance(odd, complex | Hostile)


@pytest.mark.parametrize(("method", "name"), [("add", "documents"), ("add", "timeout"), ("remove", "ids")])
def test_whatever_is_added_or_removed_is_taken_or_refused(make: Maker, method: str, name: str) -> None:
    retriever = make([])
    usual: dict[str, Any] = {"documents": []} if method == "add" else {}
    for odd in ODD.values():
        known = refused(lambda odd=odd: make.colour(retriever, method, **{**usual, name: odd}))  # type: ignore[misc]
        assert known or not isinstance(odd, complex | Hostile)

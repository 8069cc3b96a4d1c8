"""Widening real vector stores that need no server, where their packages are installed; doubles stand in elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding

from langchain_rerank_kit import widen
from tests.langchain.stores import RECALL

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs

EMBEDDING = DeterministicFakeEmbedding(size=16)
NOTES = [Document(page_content=f"note {number}", metadata={"tenth": number % 10}) for number in range(1_000)]


def needed(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed")


def faiss(folder: Path) -> Any:
    needed("faiss")
    return needed("langchain_community.vectorstores").FAISS.from_documents(NOTES, EMBEDDING)


def lancedb(folder: Path) -> Any:
    connection = needed("lancedb").connect(str(folder))
    return needed("langchain_community.vectorstores").LanceDB.from_documents(NOTES, EMBEDDING, connection=connection)


def chroma(folder: Path) -> Any:
    store = needed("langchain_chroma").Chroma(folder.name, EMBEDDING)
    store.add_documents(NOTES)
    return store


def milvus(folder: Path, *, fields: int = 1, index: str = "FLAT") -> Any:
    needed("milvus_lite")
    embeddings = [EMBEDDING, DeterministicFakeEmbedding(size=8)][:fields]
    of_index = {"index_type": index, "metric_type": "L2", "params": {"M": 8, "efConstruction": 64}}
    return needed("langchain_milvus").Milvus.from_documents(
        NOTES,
        embeddings if fields > 1 else EMBEDDING,
        connection_args={"uri": str(folder / "notes.db")},
        vector_field=["a", "b"] if fields > 1 else "a",
        index_params=[of_index] * fields if fields > 1 else of_index,
    )


def qdrant(folder: Path, *, mode: str = "DENSE") -> Any:
    package = needed("langchain_qdrant")

    class Numbers(package.SparseEmbeddings):  # type: ignore[misc, name-defined]
        def embed_documents(self, texts: list[str]) -> list[Any]:
            return [self.embed_query(text) for text in texts]

        def embed_query(self, text: str) -> Any:
            return package.SparseVector(indices=[1, 2 + len(text)], values=[1.0, 0.5])

    return package.QdrantVectorStore.from_documents(
        NOTES,
        EMBEDDING,
        sparse_embedding=Numbers(),
        location=":memory:",
        collection_name="notes",
        retrieval_mode=package.RetrievalMode[mode],
    )


def one_in_ten() -> Any:
    models = needed("qdrant_client.models")
    return models.Filter(must=[models.FieldCondition(key="metadata.tenth", match=models.MatchValue(value=1))])


CASES: dict[str, tuple[Callable[[Path], Any], Callable[[], dict[str, Any]]]] = {
    "faiss": (faiss, dict),
    "faiss with a filter": (faiss, lambda: {"filter": {"tenth": 1}}),
    "faiss with a filter that all pass": (faiss, lambda: {"filter": lambda metadata: True}),
    "faiss with a filter and a number": (faiss, lambda: {"filter": {"tenth": 1}, "fetch_k": 5}),
    "lancedb with a filter": (lancedb, lambda: {"filter": "metadata.tenth = 1"}),
    "lancedb": (lancedb, dict),
    "chroma with a filter": (chroma, lambda: {"filter": {"tenth": 1}}),
    "milvus with a filter": (milvus, lambda: {"expr": "tenth == 1"}),
    "milvus with HNSW": (lambda folder: milvus(folder, index="HNSW"), dict),
    "milvus hybrid": (lambda folder: milvus(folder, fields=2), dict),
    "milvus hybrid with a filter": (lambda folder: milvus(folder, fields=2), lambda: {"expr": "tenth == 1"}),
    "qdrant with a filter": (qdrant, lambda: {"filter": one_in_ten()}),
    "qdrant hybrid with a filter": (lambda folder: qdrant(folder, mode="HYBRID"), lambda: {"filter": one_in_ten()}),
}


@pytest.mark.parametrize(("made", "arguments"), CASES.values(), ids=CASES)
def test_a_real_store_brings_as_many_as_were_asked_for(
    made: Callable[[Path], Any], arguments: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    retriever = made(tmp_path).as_retriever(search_kwargs=arguments())
    assert len(retriever.invoke("note")) <= 4
    assert len(widen(retriever, RECALL).widened.invoke("note")) == RECALL


FILTERED_AFTERWARDS: dict[str, dict[str, Any]] = {
    "faiss": {"filter": {"tenth": 1}},
    "lancedb": {"filter": "metadata.tenth = 1"},
}


@pytest.mark.parametrize("made", [faiss, lancedb, milvus, qdrant, chroma])
def test_a_real_store_brings_them_by_mmr_and_over_a_threshold_too(made: Callable[[Path], Any], tmp_path: Path) -> None:
    store = made(tmp_path)
    given = FILTERED_AFTERWARDS.get(made.__name__, {})
    diverse = store.as_retriever(search_type="mmr", search_kwargs=given)
    over = store.as_retriever(search_type="similarity_score_threshold", search_kwargs={**given, "score_threshold": 0.0})
    over.search_kwargs["score_threshold"] = -1_000.0  # scores of random vectors are what they are
    for retriever in (diverse, over):
        assert len(widen(retriever, RECALL).widened.invoke("note")) == RECALL

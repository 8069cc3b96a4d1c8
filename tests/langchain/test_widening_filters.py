"""A filter that sees only so many documents, and leaves nothing of them."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from langchain_core.retrievers import RetrieverLike
from langchain_core.vectorstores import VectorStore

from langchain_rerank_kit import with_rerank
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.langchain.more_vector_stores import Neo4jVector, OpenSearchVectorSearch, PGVector, QdrantVectorStore
from tests.langchain.stores import answer
from tests.langchain.test_widening_limits import warned_of
from tests.langchain.test_widening_stores import searching
from tests.langchain.vector_stores import FAISS, LanceDB


def nothing(metadata: dict[str, Any]) -> bool:
    return bool(metadata["n"] > 10_000)


@pytest.mark.parametrize(
    ("retriever", "told", "given"),
    [
        (searching(FAISS(), filter=nothing), "FAISS: a filter sees only the 2000 nearest", {}),
        (searching(FAISS()), "FAISS: a filter sees only the 2000 nearest", {"filter": nothing}),
        (searching(FAISS()).bind(filter=nothing), "FAISS: a filter sees only the 2000 nearest", {}),
        (searching(PGVector(), filter=nothing), "PGVector: an HNSW index brings", {}),
        (searching(OpenSearchVectorSearch(), boolean_filter=nothing), "use efficient_filter", {}),
        (searching(LanceDB(), filter=nothing, prefilter=False), "LanceDB: without prefilter=True", {}),
    ],
)
def test_a_filter_that_leaves_nothing_of_what_it_sees_is_told(
    retriever: RetrieverLike, told: str, given: dict[str, Any], colour: Colour
) -> None:
    said = warned_of(retriever, colour, **given)
    assert "brought 0 candidates where 50 were asked for" in said
    assert told in said


@pytest.mark.parametrize("store", [Neo4jVector("RETURN node"), QdrantVectorStore()])
def test_nothing_found_is_no_sign_where_a_filter_sees_everything(store: VectorStore, colour: Colour) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert answer(colour, with_rerank(searching(store, filter=nothing), Scripted())) == []

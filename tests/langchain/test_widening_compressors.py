"""Widening a first stage that compresses or reranks by itself."""

from __future__ import annotations

import pytest
from langchain_classic.retrievers import (
    ContextualCompressionRetriever,
)
from langchain_classic.retrievers.document_compressors import DocumentCompressorPipeline, EmbeddingsFilter
from langchain_core.documents import BaseDocumentCompressor, BaseDocumentTransformer
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.retrievers import RetrieverLike
from langchain_core.runnables import ConfigurableField
from langchain_text_splitters import CharacterTextSplitter

from langchain_rerank_kit import RecallWarning, RerankCompressor, widen, with_rerank
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.langchain.stores import (
    RECALL,
    CountedByK,
    FirstFew,
    OddOnes,
    Redundant,
    Unknown,
    answer,
    brought,
    similar,
)


def changes(retriever: RetrieverLike, recall: int = RECALL) -> list[str]:
    return [str(change) for change in widen(retriever, recall).changes]


def compressing(*compressors: BaseDocumentTransformer | BaseDocumentCompressor) -> ContextualCompressionRetriever:
    return ContextualCompressionRetriever(
        base_retriever=similar(), base_compressor=DocumentCompressorPipeline(transformers=list(compressors))
    )


def test_a_compressor_below_no_longer_cuts_what_the_reranker_is_to_see(colour: Colour) -> None:
    inner = FirstFew(top_n=3)
    nested = ContextualCompressionRetriever(base_retriever=similar(), base_compressor=inner)
    assert changes(nested) == [
        "ContextualCompressionRetriever.base_compressor.top_n: 3 → 50",
        "ContextualCompressionRetriever.base_retriever.search_kwargs['k']: default → 50",
    ]
    assert brought(colour, nested) == RECALL
    assert inner.top_n == 3


def test_a_compressor_that_returns_all_is_left_to_it(colour: Colour) -> None:
    nested = ContextualCompressionRetriever(base_retriever=similar(), base_compressor=FirstFew(top_n=None))
    widening = widen(nested, RECALL)
    assert widening.notes == ()
    assert len(answer(colour, widening.widened)) == RECALL


def test_our_own_compressor_below_is_raised_and_keeps_its_engine(colour: Colour) -> None:
    reranker = Scripted()
    nested = ContextualCompressionRetriever(
        base_retriever=similar(), base_compressor=RerankCompressor(reranker=reranker, top_n=3)
    )
    assert brought(colour, nested) == RECALL
    assert len(reranker.sent) == 1


def test_every_compressor_of_a_pipeline_is_raised(colour: Colour) -> None:
    by_likeness = EmbeddingsFilter(embeddings=DeterministicFakeEmbedding(size=4), k=7, similarity_fn=max)
    nested = compressing(FirstFew(), by_likeness, RerankCompressor(reranker=Scripted(), top_n=2))
    place = "ContextualCompressionRetriever.base_compressor.transformers"
    assert changes(nested)[:3] == [f"{place}[0].top_n: 3 → 50", f"{place}[1].k: 7 → 50", f"{place}[2].top_n: 2 → 50"]
    assert by_likeness.k == 7
    assert brought(colour, compressing(FirstFew(), RerankCompressor(reranker=Scripted(), top_n=2))) == RECALL


@pytest.mark.parametrize(
    ("compressor", "name"),
    [
        (OddOnes(), "OddOnes"),
        (Redundant(), "Redundant"),
        (CharacterTextSplitter(), "CharacterTextSplitter"),  # the first step of LangChain's own example of a pipeline
    ],
)
def test_what_may_drop_documents_is_noted(
    compressor: BaseDocumentTransformer | BaseDocumentCompressor, name: str, colour: Colour
) -> None:
    widening = widen(compressing(compressor, FirstFew()), RECALL)
    place = "ContextualCompressionRetriever.base_compressor.transformers[0]"
    assert widening.notes == (f"{place} ({name}) may drop documents before the reranker sees them",)
    assert 3 < len(answer(colour, widening.widened)) <= RECALL


# ── Reranked already ──


def test_a_reranking_below_is_raised_in_all_its_limits(colour: Colour) -> None:
    below, above = Scripted(), Scripted(score=lambda text: -float(text.split()[-1]))
    inner = with_rerank(similar(), below, recall=20, top_n=3)
    outer = with_rerank(inner, above, recall=RECALL, top_n=1)
    answer(colour, outer)
    assert len(below.sent[0][1]) == len(above.sent[0][1]) == RECALL
    assert (inner.recall, inner.top_n, inner.widening.recall) == (20, 3, 20)
    assert len(answer(colour, inner)) == 3
    assert len(below.sent[1][1]) == 20


def test_a_reranking_below_that_reads_more_goes_on_doing_so(colour: Colour) -> None:
    below, above = Scripted(), Scripted()
    inner = with_rerank(similar(), below, recall=100, top_n=60)
    outer = with_rerank(inner, above, recall=RECALL, top_n=1)
    assert outer.base_retriever is inner
    answer(colour, outer)
    assert len(below.sent[0][1]) == 100
    assert len(above.sent[0][1]) == 60


@pytest.mark.parametrize("recall", [20, RECALL])
def test_the_users_function_reaches_below_a_reranking(recall: int, colour: Colour) -> None:
    with pytest.warns(RecallWarning, match="could not widen Unknown"):
        inner = with_rerank(Unknown(), Scripted(), recall=recall, top_n=4)

    def more(each: RetrieverLike, recall: int) -> RetrieverLike | None:
        return CountedByK(k=recall) if isinstance(each, Unknown) else None

    above = Scripted()
    answer(colour, with_rerank(inner, above, recall=RECALL, top_n=1, widen=more))
    assert len(above.sent[0][1]) == RECALL


def test_a_configurable_retriever_below_a_reranking_is_no_stranger(colour: Colour) -> None:
    configurable = similar().configurable_fields(search_kwargs=ConfigurableField(id="search"))
    above = Scripted()
    outer = with_rerank(with_rerank(configurable, Scripted(), recall=20, top_n=3), above, recall=RECALL)
    answer(colour, outer)
    assert outer.widening.unknown == ()
    assert len(above.sent[0][1]) == RECALL
